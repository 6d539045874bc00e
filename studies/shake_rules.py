"""Gastaldi's studies of Shake-Shake, and what competes with it (arXiv 1705.07485, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from pipeline.errors import InputError
from pipeline.models.layouts import LAYOUTS, BranchLayout
from pipeline.models.shakedrop import ShakeDrop
from pipeline.models.shaking import RULES, Backward, Forward, Level, Shaking
from pipeline.models.summary import count_parameters
from pipeline.training.device import resolve_device
from pipeline.training.mixup import Mixup
from pipeline.wording import did_you_mean
from studies.datasets.registry import load_images
from studies.networks.cifar import STEM, blocks_of_a_stage, initialise
from studies.networks.images import ImageResNeXt, Shortcut
from studies.params import ExecutionParams, RulesExperimentParams, ShakeRulesParams
from studies.statistics import over_seeds
from studies.training.checkpoints import checkpoint_path, load_checkpoint, saver
from studies.training.fit import Fit, cross_entropy, fit, start_fit
from studies.training.mixup import mixup_loss

STAGES = 3

DEPTH_WITHOUT_NORM = 14
"""Most layers of architecture C, which does not train when deeper (section 3.3)."""


@dataclass(frozen=True)
class Architecture:
    """What blocks are made of (section 3.3).

    Attributes:
        layout: of the branches.
        shortcut: `shifted`, or `none` for a network without skip connections.
        blocks_factor: how many blocks stand for one of the network with two convolutions a branch.
        norm: whether there is any normalisation.
    """

    layout: BranchLayout
    shortcut: Shortcut
    blocks_factor: int = 1
    norm: bool = True


ARCHITECTURES: Mapping[str, Architecture] = {
    "skip": Architecture(LAYOUTS["RPreAct"], "shifted"),
    "A": Architecture(LAYOUTS["RPreAct"], "none"),
    "B": Architecture(BranchLayout(("ReLU", "Conv", "BN")), "none", blocks_factor=2),
    "C": Architecture(BranchLayout(("ReLU", "Conv", "ReLU", "Conv")), "none", norm=False),
}
"""A: no skip connection; B: A with one convolution a branch and twice the blocks; C: A without normalisation."""


@dataclass(frozen=True)
class Setting:
    """One row of the study.

    Attributes:
        name: as Gastaldi writes it: forward, backward, level (S-S-I: shake, shake, image).
        group: `rules`, `bands`, `beta`, `architecture` or `vicinal`.
        architecture: a key of `ARCHITECTURES`.
        shaking: None without.
        shakedrop: None without.
        mixup: None without.
    """

    name: str
    group: Literal["rules", "bands", "beta", "architecture", "vicinal"]
    architecture: str = "skip"
    shaking: Shaking | None = None
    shakedrop: ShakeDrop | None = None
    mixup: Mixup | None = None


_FORWARD: Mapping[str, Forward] = {"S": "shake", "E": "even"}
_BACKWARD: Mapping[str, Backward] = {"S": "shake", "E": "even", "K": "keep"}
_LEVEL: Mapping[str, Level] = {"B": "batch", "I": "frame"}
"""Of Gastaldi's letters; an image is what a frame is to the speech models."""


def shaking_of(name: str, **changes: Any) -> Shaking | None:
    """The rules of a name such as `S-E-I`; None for `E-E-B`, in which nothing is random."""
    forward, backward, level = name.split("-")
    if forward == backward == "E":
        return None
    return Shaking(forward=_FORWARD[forward], backward=_BACKWARD[backward], level=_LEVEL[level], **changes)


RULE_NAMES = ("E-E-B", "E-S-B", "S-K-B", "S-E-B", "S-S-B", "E-S-I", "S-K-I", "S-E-I", "S-S-I")

SETTINGS: tuple[Setting, ...] = (
    *(Setting(name, "rules", shaking=shaking_of(name)) for name in RULE_NAMES),
    Setting("S-S-I, 2 sub-bands", "bands", shaking=shaking_of("S-S-I", bands=2)),
    *(Setting(rule, "beta", shaking=Shaking(backward=rule)) for rule in RULES),
    *(
        Setting(
            f"{architecture}, {name}",
            "architecture",
            architecture,
            shaking_of(name, **({"interval": (0.4, 0.6)} if architecture == "C" and name != "E-E-B" else {})),
        )
        for architecture, name in product("ABC", ("E-E-B", "S-S-I"))
    ),
    Setting("ShakeDrop", "vicinal", shakedrop=ShakeDrop(0.5)),
    Setting("Mixup", "vicinal", mixup=Mixup(1.0)),
    Setting("manifold Mixup", "vicinal", mixup=Mixup(1.0, manifold=True)),
)

PUBLISHED_ERROR: Mapping[str, float] = {
    "E-E-B": 4.27, "E-S-B": 4.44, "S-K-B": 4.11, "S-E-B": 3.47, "S-S-B": 3.67, "E-S-I": 4.11, "S-K-I": 4.09,
    "S-E-I": 3.47, "S-S-I": 3.55,
}  # fmt: skip
"""Percent on CIFAR-10, 26 2x32d, 1800 epochs (Gastaldi 2017, table 1); the other settings are published as curves."""


@dataclass(frozen=True)
class Claim:
    """A setting that is said to err less than another."""

    text: str
    better: str
    worse: str


CLAIMS = (
    Claim("shaking both passes by image helps", "S-S-I", "E-E-B"),
    Claim("shaking the forward pass alone helps", "S-E-I", "E-E-B"),
    Claim("shaking the backward pass alone does not", "E-E-B", "E-S-B"),
    Claim("a backward weight of its own is better than the forward one", "S-S-I", "S-K-I"),
    Claim("by image is better than by batch, shaken", "S-S-I", "S-S-B"),
    Claim("near the forward weight is better than far from it (M3, M5)", "M3", "M5"),
    Claim("it helps without skip connections (A)", "A, S-S-I", "A, E-E-B"),
    Claim("with one convolution a branch it no longer helps (B)", "B, E-E-B", "B, S-S-I"),
    Claim("it helps without normalisation (C)", "C, S-S-I", "C, E-E-B"),
)


@dataclass(frozen=True)
class RulesSpec:
    """One run."""

    setting: Setting
    seed: int
    params: RulesExperimentParams
    execution: ExecutionParams

    def description(self) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code."""
        params = self.params.model_dump(mode="json", exclude={"settings"})
        return {"setting": self.setting.name, "seed": self.seed, **params}

    @property
    def depth(self) -> int:
        """Layers with weights along a path."""
        return min(self.params.depth, DEPTH_WITHOUT_NORM) if self.setting.architecture == "C" else self.params.depth


@dataclass(frozen=True)
class RulesRun:
    """What a run came to; `error` is NaN and `diverged_epoch` an epoch where a loss was no longer finite."""

    spec: RulesSpec
    parameters: int
    error: float
    diverged_epoch: int | None


def specs(params: ShakeRulesParams, execution: ExecutionParams) -> list[RulesSpec]:
    """All runs of the study.

    Raises:
        InputError: a setting is named that there is not.
    """
    return [
        RulesSpec(setting, seed, experiment, execution)
        for experiment in params.experiments
        for setting in _chosen(experiment)
        for seed in params.seeds
    ]


def _chosen(experiment: RulesExperimentParams) -> list[Setting]:
    known = {setting.name: setting for setting in SETTINGS}
    names = list(known) if experiment.settings is None else experiment.settings
    for name in names:
        if name not in known:
            raise InputError(
                f"shake_rules.experiments.settings: {name!r} is no setting; {did_you_mean(name, known)}"
                f"expected some of {'; '.join(known)}"
            )
    return [known[name] for name in names]


def build(spec: RulesSpec, in_channels: int, num_classes: int) -> ImageResNeXt:
    """The network of a run; settings of one architecture and seed start from the same weights."""
    setting, architecture = spec.setting, ARCHITECTURES[spec.setting.architecture]
    blocks = architecture.blocks_factor * blocks_of_a_stage(spec.depth)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        network = ImageResNeXt(
            architecture.layout,
            in_channels=in_channels,
            stem=STEM,
            widths=[[spec.params.width * 2**stage] * blocks for stage in range(STAGES)],
            num_classes=num_classes,
            shaking=setting.shaking,
            shakedrop=setting.shakedrop,
            shortcut=architecture.shortcut,
            stem_norm=architecture.norm,
            final_relu=True,
            bias=False,
        )
        initialise(network)
    return network


def trained(spec: RulesSpec) -> Fit:
    """Train a run, or take it from its checkpoint."""
    device = resolve_device(spec.execution.device)
    data = load_images(spec.params.data)
    recipe = spec.params.recipe
    state = start_fit(build(spec, data.image_shape[0], data.num_classes), recipe, spec.seed, device)
    path = checkpoint_path("shake_rules", spec.description())
    load_checkpoint(state, path)
    mixup = spec.setting.mixup
    fit(
        state, data.train.to(device), data.test.to(device), recipe,
        loss=cross_entropy if mixup is None else mixup_loss(mixup),
        after_epoch=saver(path, recipe.epochs, spec.execution.checkpoint_seconds),
    )  # fmt: skip
    return state


def train_one(spec: RulesSpec) -> RulesRun:
    """Train a run, or take it from its checkpoint; what it came to."""
    state = trained(spec)
    return RulesRun(spec, count_parameters(state.network), state.test_error, state.diverged_epoch)


def run_table(runs: Sequence[RulesRun]) -> pd.DataFrame:
    """`shake_rules_runs.csv`: every run."""
    rows = [
        (run.spec.setting.group, run.spec.setting.name, run.spec.seed, run.spec.depth, f"2x{run.spec.params.width}d",
         run.spec.params.data.name, run.parameters, "done" if run.diverged_epoch is None else "diverged",
         run.diverged_epoch, run.error)
        for run in runs
    ]  # fmt: skip
    columns = ["group", "setting", "seed", "depth", "width", "data", "parameters", "status", "diverged_epoch", "error"]
    return pd.DataFrame(rows, columns=columns).astype({"diverged_epoch": "Int64"})


def table(runs: pd.DataFrame) -> pd.DataFrame:
    """`shake_rules.csv`: the mean error of every setting over the seeds that ended well, with its 95 % interval.

    Args:
        runs: rows of `run_table`.
    """
    known = {setting.name: setting for setting in SETTINGS}
    rows = []
    for (data, group, name), part in runs.groupby(["data", "group", "setting"], sort=False):
        interval, shaking = over_seeds(part["error"]), known[str(name)].shaking
        rules = (shaking.forward, shaking.backward, _level(shaking)) if shaking else ("even", "even", "")
        rows.append((
            group, name, *rules, *part[["data", "depth", "width", "parameters"]].iloc[0],
            int((part["status"] == "done").sum()), int((part["status"] == "diverged").sum()),
            interval.mean, interval.low, interval.high, _published(str(data), str(name)),
        ))  # fmt: skip
    columns = ["group", "setting", "forward", "backward", "level", "data", "depth", "width", "parameters", "seeds",
               "diverged", "error", "ci_low", "ci_high", "published_error"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def claims(runs: pd.DataFrame, listed: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """`shake_rules_claims.csv`: every claim as a difference in points, paired by seed, with interval and verdict.

    Args:
        runs: rows of `run_table`.
        listed: the claims; those about settings that were not trained on a data set have no row for it.
    """
    rows = []
    for data, part in runs.groupby("data", sort=False):
        errors = part.pivot(index="seed", columns="setting", values="error")
        for claim in listed:
            if {claim.better, claim.worse} <= set(errors):
                difference = (errors[claim.better] - errors[claim.worse]).dropna()
                interval = over_seeds(difference)
                published = PUBLISHED_ERROR.get(claim.better, np.nan) - PUBLISHED_ERROR.get(claim.worse, np.nan)
                rows.append((data, claim.text, claim.better, claim.worse, len(difference), interval.mean, interval.low,
                             interval.high, published, interval.verdict(-1)))  # fmt: skip
    columns = ["data", "claim", "better", "worse", "seeds", "difference", "ci_low", "ci_high", "published_difference",
               "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _published(data: str, setting: str) -> float:
    """Of CIFAR-10, which the digits of the small scale are set beside; of no other data."""
    return PUBLISHED_ERROR.get(setting, np.nan) if data in ("cifar10", "digits") else np.nan


def _level(shaking: Shaking) -> str:
    return {"frame": "image", "segment": "image", "batch": "batch"}[shaking.level]
