"""Gastaldi's studies of Shake-Shake, and what competes with it (arXiv 1705.07485, sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from pipeline.core.errors import InputError
from pipeline.core.wording import did_you_mean
from pipeline.models.layers import count_parameters
from pipeline.models.layouts import LAYOUTS, BranchLayout
from pipeline.models.shakedrop import ShakeDrop
from pipeline.models.shaking import RULES, Backward, Forward, Level, Shaking
from pipeline.training.device import resolve_device
from pipeline.training.mixup import Mixup
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

PUBLISHED_WIDER: Mapping[tuple[str, int], float] = {
    ("E-E-B", 64): 3.76, ("S-E-B", 64): 3.30, ("S-S-B", 64): 3.07, ("S-E-I", 64): 3.20, ("S-S-I", 64): 2.98,
    ("E-E-B", 96): 3.58, ("S-S-I", 96): 2.86,
}  # fmt: skip
"""Likewise, of 26 2x64d and 2x96d."""

PUBLISHED_DEPTH = 26

PUBLISHED_WIDTH = 32

PUBLISHED_EPOCHS = 1800

COLUMNS = ["group", "setting", "forward", "backward", "level", "data", "epochs", "depth", "width", "parameters",
           "seeds", "diverged", "train_error", "error", "ci_low", "ci_high", "published_error"]  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A setting that is said to err less than another.

    `measure` is of test images, or of the training images, which tells how strongly a setting regularises.
    """

    text: str
    better: str
    worse: str
    measure: Literal["error", "train_error"] = "error"


CLAIMS = (
    Claim("shaking both passes by image helps", "S-S-I", "E-E-B"),
    Claim("shaking the forward pass alone helps", "S-E-I", "E-E-B"),
    Claim("shaking the backward pass alone does not", "E-E-B", "E-S-B"),
    Claim("a backward weight of its own is better than the forward one", "S-S-I", "S-K-I"),
    Claim("by image is better than by batch, shaken", "S-S-I", "S-S-B"),
    Claim("near the forward weight is better than far from it (M3, M5)", "M3", "M5"),
    Claim(
        "a gradient past the mirrored weight regularises more than one near the forward weight (M5, M2)",
        "M2",
        "M5",
        "train_error",
    ),
    Claim("past one half regularises more than before it (M4, M3)", "M3", "M4", "train_error"),
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
        return _depth(self.setting.architecture, self.params.depth)


@dataclass(frozen=True)
class RulesRun:
    """What a run came to; errors are NaN and `diverged_epoch` an epoch where a loss was no longer finite.

    `train_error` is that of the last epoch, in train mode; percent, as `error`, which is of the test images.
    """

    spec: RulesSpec
    parameters: int
    error: float
    diverged_epoch: int | None
    train_error: float = np.nan


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
    known = _BY_NAME
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
    setting = spec.setting
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        network = _network(
            setting.architecture, spec.depth, spec.params.width, in_channels=in_channels, num_classes=num_classes,
            shaking=setting.shaking, shakedrop=setting.shakedrop,
        )  # fmt: skip
        initialise(network)
    return network


def _network(
    name: str,
    depth: int,
    width: int,
    *,
    in_channels: int,
    num_classes: int,
    shaking: Shaking | None = None,
    shakedrop: ShakeDrop | None = None,
) -> ImageResNeXt:
    """The network of an architecture of `ARCHITECTURES`, with PyTorch's initialisation."""
    architecture = ARCHITECTURES[name]
    blocks = architecture.blocks_factor * blocks_of_a_stage(_depth(name, depth))
    return ImageResNeXt(
        architecture.layout,
        in_channels=in_channels,
        stem=STEM,
        widths=[[width * 2**stage] * blocks for stage in range(STAGES)],
        num_classes=num_classes,
        shaking=shaking,
        shakedrop=shakedrop,
        shortcut=architecture.shortcut,
        stem_norm=architecture.norm,
        final_relu=True,
        bias=False,
    )


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
    train_error = state.history[-1].train_error if state.status == "done" else np.nan
    return RulesRun(spec, count_parameters(state.network), state.test_error, state.diverged_epoch, train_error)


def run_table(runs: Sequence[RulesRun]) -> pd.DataFrame:
    """`shake_rules_runs.csv`: every run."""
    rows = [
        (run.spec.setting.group, run.spec.setting.name, run.spec.seed, run.spec.depth, f"2x{run.spec.params.width}d",
         run.spec.params.data.name, run.spec.params.recipe.epochs, run.parameters,
         "done" if run.diverged_epoch is None else "diverged",
         run.diverged_epoch, run.train_error, run.error)
        for run in runs
    ]  # fmt: skip
    columns = ["group", "setting", "seed", "depth", "width", "data", "epochs", "parameters", "status",
               "diverged_epoch",                "train_error", "error"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"diverged_epoch": "Int64"})


def published_networks(depth: int = PUBLISHED_DEPTH) -> pd.DataFrame:
    """The first rows of `shake_rules.csv`: Gastaldi's networks in CIFAR-10's shape, built and counted, not trained."""
    listed = [(setting, PUBLISHED_WIDTH) for setting in SETTINGS if setting.group in ("rules", "beta", "architecture")]
    listed += [(_BY_NAME[name], width) for name, width in PUBLISHED_WIDER]
    rows = [
        (setting.group, setting.name, *_rules(setting), "cifar10", PUBLISHED_EPOCHS,
         _depth(setting.architecture, depth), f"2x{width}d",
         _parameters(setting.architecture, depth, width), 0, 0, np.nan, np.nan, np.nan, np.nan,
         _published("cifar10", setting.name, width))
        for setting, width in listed
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def whole_table(runs: pd.DataFrame) -> pd.DataFrame:
    """`shake_rules.csv`: the published networks, then those of `table`; one trained as published has one row."""
    trained_rows, published = table(runs), published_networks()
    keys = ["setting", "data", "epochs", "depth", "width"]
    untrained = ~published.set_index(keys).index.isin(trained_rows.set_index(keys).index)
    return pd.concat([published[untrained], trained_rows], ignore_index=True)


def table(runs: pd.DataFrame) -> pd.DataFrame:
    """What was trained: the mean error of every setting over the seeds that ended well, with its 95 % interval.

    Args:
        runs: rows of `run_table`.
    """
    rows = []
    for (data, width, group, name), part in runs.groupby(["data", "width", "group", "setting"], sort=False):
        interval = over_seeds(part["error"])
        rows.append((
            group, name, *_rules(_BY_NAME[str(name)]),
            *part[["data", "epochs", "depth", "width", "parameters"]].iloc[0],
            int((part["status"] == "done").sum()), int((part["status"] == "diverged").sum()),
            over_seeds(part["train_error"]).mean, interval.mean, interval.low, interval.high,
            _published(str(data), str(name), _number(str(width))),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def claims(runs: pd.DataFrame, listed: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """`shake_rules_claims.csv`: every claim as a difference in points, paired by seed, with interval and verdict.

    Args:
        runs: rows of `run_table`.
        listed: the claims; those about settings that were not trained on a data set have no row for it.
    """
    rows = []
    for (data, width), part in runs.groupby(["data", "width"], sort=False):
        measured = {name: part.pivot(index="seed", columns="setting", values=name) for name in ("error", "train_error")}
        for claim in listed:
            errors = measured[claim.measure]
            if not {claim.better, claim.worse} <= set(errors):
                continue
            difference = (errors[claim.better] - errors[claim.worse]).dropna()
            interval = over_seeds(difference)
            published = np.nan
            if claim.measure == "error":
                published = _difference_published(str(data), claim, _number(str(width)))
            rows.append((data, width, claim.text, claim.better, claim.worse, claim.measure, len(difference),
                         interval.mean, interval.low, interval.high, published, interval.verdict(-1)))  # fmt: skip
    columns = ["data", "width", "claim", "better", "worse", "measure", "seeds", "difference", "ci_low", "ci_high",
               "published_difference", "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


_BY_NAME = {setting.name: setting for setting in SETTINGS}


def _rules(setting: Setting) -> tuple[str, str, str]:
    shaking = setting.shaking
    if shaking is None:
        return "even", "even", ""
    return shaking.forward, shaking.backward, "batch" if shaking.level == "batch" else "image"


def _published(data: str, name: str, width: int) -> float:
    """Of CIFAR-10, which the digits of the small scale are set beside at 2x32d; of no other data."""
    if data == "cifar10" and width != PUBLISHED_WIDTH:
        return PUBLISHED_WIDER.get((name, width), np.nan)
    return PUBLISHED_ERROR.get(name, np.nan) if data in ("cifar10", "digits") else np.nan


def _number(width: str) -> int:
    """64 of `2x64d`."""
    return int(width.removeprefix("2x").removesuffix("d"))


def _difference_published(data: str, claim: Claim, width: int) -> float:
    return _published(data, claim.better, width) - _published(data, claim.worse, width)


def _depth(architecture: str, asked: int) -> int:
    return min(asked, DEPTH_WITHOUT_NORM) if architecture == "C" else asked


@cache
def _parameters(architecture: str, depth: int, width: int) -> int:
    with torch.device("meta"):
        return count_parameters(_network(architecture, depth, width, in_channels=3, num_classes=10))
