"""Shake-Shake's rules, levels and architectures, and its rivals ShakeDrop and Mixup (Gastaldi 2017, tables 1 to 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
import torch

from pipeline.models.summary import count_parameters
from studies.networks.architectures import ARCHITECTURES, build_architecture
from studies.params import ExecutionParams, ShakeRulesParams
from studies.shake_models import GRID, MODELS, ArchitectureName
from studies.shake_runs import ShakeSpec, train_network
from studies.statistics import over_seeds

DEPTH = 26

PUBLISHED_ERROR: dict[tuple[str, int], float] = {
    ("E-E-B", 32): 4.27, ("E-E-B", 64): 3.76, ("E-E-B", 96): 3.58,
    ("S-E-I", 32): 3.47, ("S-E-I", 64): 3.20,
    ("S-S-I", 32): 3.55, ("S-S-I", 64): 2.98, ("S-S-I", 96): 2.86,
    ("E-S-B", 32): 4.44, ("S-K-B", 32): 4.11,
    ("S-E-B", 32): 3.47, ("S-E-B", 64): 3.30,
    ("S-S-B", 32): 3.67, ("S-S-B", 64): 3.07,
    ("E-S-I", 32): 4.11, ("S-K-I", 32): 4.09,
}  # fmt: skip
"""CIFAR-10, percent, by model and width (Gastaldi 2017, table 1)."""

_KEYS = ["model", "data", "depth", "width"]

COLUMNS = [*_KEYS, "parameters", "runs", "diverged", "train_error", "error", "ci_low", "ci_high", "published_error"]


@dataclass(frozen=True)
class ShakeRun:
    """What a run came to.

    Attributes:
        spec: the run.
        parameters: of its network.
        status: whether losses stayed finite.
        train_error: percent, of the last epoch, in train mode; of unmixed images in eval mode with Mixup.
        error: percent of the test images, after the last epoch.
    """

    spec: ShakeSpec
    parameters: int
    status: Literal["done", "diverged"]
    train_error: float
    error: float


@dataclass(frozen=True)
class Claim:
    """A model that is said to err more or less than another.

    Attributes:
        text: the claim.
        first: the model it is about.
        second: what it is compared with.
        measure: error of the test images, or of the training images (how strongly the model is regularised).
        sign: of first minus second, as claimed.
        source: who claims it.
    """

    text: str
    first: str
    second: str
    sign: Literal[1, -1] = -1
    measure: Literal["error", "train_error"] = "error"
    source: str = "Gastaldi 2017"


CLAIMS = (
    Claim("shaking both passes helps", "S-S-I", "E-E-B"),
    Claim("shaking the forward pass alone helps", "S-E-I", "E-E-B"),
    Claim("shaking the forward pass alone helps, batch by batch", "S-E-B", "E-E-B"),
    Claim("shaking both passes helps, batch by batch", "S-S-B", "E-E-B"),
    Claim("shaking the forward pass is better than the backward pass", "S-E-B", "E-S-B"),
    Claim("new backward weights are better than kept ones", "S-S-I", "S-K-I"),
    Claim("images of their own weights are better than one for a batch", "S-S-I", "S-S-B"),
    Claim("gradients far from the forward weights regularise more than near ones", "M5", "M2", 1, "train_error"),
    Claim("gradients past one half regularise more than those before it", "M4", "M3", 1, "train_error"),
    Claim("shaking works without skip connections (A)", "A, S-S-I", "A, E-E-B"),
    Claim("one convolution a branch is hurt by shaking (B)", "B, S-S-I", "B, E-E-B", 1),
    Claim("ShakeDrop helps", "ShakeDrop", "E-E-B", source="Yamada et al. 2018"),
    Claim("Mixup helps", "Mixup", "E-E-B", source="Zhang et al. 2018"),
    Claim("manifold Mixup helps", "manifold Mixup", "E-E-B", source="Verma et al. 2018"),
)


def specs(params: ShakeRulesParams, execution: ExecutionParams) -> list[ShakeSpec]:
    """All runs of the study."""
    return [
        ShakeSpec(model, seed, setting, execution)
        for setting in params.settings
        for seed in params.seeds
        for model in setting.models
    ]


def train_one(spec: ShakeSpec) -> ShakeRun:
    """Train a run, or take it from its checkpoint."""
    network, state, _ = train_network(spec)
    train_error = state.history[-1].train_error if state.status == "done" else np.nan
    return ShakeRun(spec, count_parameters(network), state.status, train_error, state.test_error)


def published_networks() -> pd.DataFrame:
    """The networks of Gastaldi's tables in CIFAR-10's shape, built and counted; errors of ours are empty."""
    grid = [(name, width) for width in (32, 64, 96) for name in GRID if (name, width) in PUBLISHED_ERROR]
    others = [(name, 32) for name in MODELS if name not in GRID]
    rows = []
    for name, width in grid + others:
        architecture = MODELS[name].architecture
        depth = ARCHITECTURES[architecture].depth(DEPTH)
        rows.append((name, "cifar10", depth, f"2x{width}d", _parameters(architecture, width), 0, 0, np.nan, np.nan, np.nan, np.nan,
                     PUBLISHED_ERROR.get((name, width), np.nan)))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def table(runs: Sequence[ShakeRun]) -> pd.DataFrame:
    """`shake_rules.csv`: the published networks, and what was trained: mean error over seeds with its 95 % interval.

    A run that diverged is counted in `diverged` and enters no mean. Published networks that were trained on CIFAR-10
    have one row, with both errors.
    """
    published = published_networks()
    errors = published.set_index(_KEYS)["published_error"].to_dict()
    rows = []
    for key, group in run_table(runs).groupby(_KEYS, sort=False):
        interval = over_seeds(group["error"])
        rows.append((*key, group["parameters"].iloc[0], len(group), int((group["status"] == "diverged").sum()),
                     over_seeds(group["train_error"]).mean, interval.mean, interval.low, interval.high,
                     errors.get(key, np.nan)))  # fmt: skip
    trained = pd.DataFrame(rows, columns=COLUMNS)
    untrained = published[~published.set_index(_KEYS).index.isin(trained.set_index(_KEYS).index)]
    return pd.concat([untrained, trained], ignore_index=True) if rows else published


def run_table(runs: Sequence[ShakeRun]) -> pd.DataFrame:
    """`shake_rules_runs.csv`: every run."""
    rows = [
        (run.spec.model, run.spec.params.data.name, run.spec.depth, f"2x{run.spec.params.width}d", run.spec.seed,
         run.spec.params.recipe.epochs, run.parameters, run.status, run.train_error, run.error)
        for run in runs
    ]  # fmt: skip
    columns = [*_KEYS, "seed", "epochs", "parameters", "status", "train_error", "error"]
    return pd.DataFrame(rows, columns=columns)


def claims(runs: pd.DataFrame, listed: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """`shake_rules_claims.csv`: differences in points, paired by seed, with 95 % intervals, data set by data set.

    Args:
        runs: rows of `run_table`.
        listed: the claims; those of models that were not trained are left out.

    Returns:
        A row a claim; `shows` and `reversed` are intervals on one side of 0, `undecided` one that holds it or that
        there is not, as all pairs have diverged.
    """
    rows = []
    for (data, width), group in runs.groupby(["data", "width"], sort=False):
        for claim in listed:
            if not {claim.first, claim.second} <= set(group["model"]):
                continue
            values = group.pivot(index="seed", columns="model", values=claim.measure)
            difference = (values[claim.first] - values[claim.second]).dropna()
            interval = over_seeds(difference)
            rows.append((claim.text, claim.source, claim.first, claim.second, claim.measure,
                         "more" if claim.sign > 0 else "less", data, width, len(difference), interval.mean,
                         interval.low, interval.high, _published_difference(claim), interval.verdict(claim.sign),
                         ))  # fmt: skip
    columns = ["claim", "source", "first", "second", "measure", "expected", "data", "width", "seeds", "difference",
               "ci_low", "ci_high", "published_difference", "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


@cache
def _parameters(architecture: ArchitectureName, width: int) -> int:
    with torch.device("meta"):
        return count_parameters(build_architecture(architecture, width, depth=DEPTH))


def _published_difference(claim: Claim) -> float:
    """At 2x32d, the one width that every rule was published at."""
    if claim.measure != "error":
        return np.nan
    return PUBLISHED_ERROR.get((claim.first, 32), np.nan) - PUBLISHED_ERROR.get((claim.second, 32), np.nan)
