"""Tables of the shaking rules beside the published numbers, and the paper's claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial

import numpy as np
import pandas as pd
import torch

from pipeline.models.base import count_parameters
from studies.core.claims import Claim, claims_table, values_of_runs
from studies.core.statistics import over_seeds
from studies.shake_rules.runs import Outcome, build_network, depth_of
from studies.shake_rules.variants import BY_NAME, VARIANTS, Variant

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


def run_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """`shake_rules_runs.csv`: every run."""
    rows = [
        (one.spec.variant.group, one.spec.variant.name, one.spec.seed, one.spec.depth, f"2x{one.spec.params.width}d",
         one.spec.params.data.name, one.spec.params.recipe.epochs, one.parameters,
         "done" if one.diverged_epoch is None else "diverged",
         one.diverged_epoch, one.train_error, one.error)
        for one in outcomes
    ]  # fmt: skip
    columns = ["group", "setting", "seed", "depth", "width", "data", "epochs", "parameters", "status",
               "diverged_epoch", "train_error", "error"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"diverged_epoch": "Int64"})


def published_networks(depth: int = PUBLISHED_DEPTH) -> pd.DataFrame:
    """The first rows of `shake_rules.csv`: Gastaldi's networks in CIFAR-10's shape, built and counted, not trained."""
    shapes = [(variant, PUBLISHED_WIDTH) for variant in VARIANTS if variant.group in ("rules", "beta", "architecture")]
    shapes += [(BY_NAME[name], width) for name, width in PUBLISHED_WIDER]
    rows = [
        (variant.group, variant.name, *_rules(variant), "cifar10", PUBLISHED_EPOCHS,
         depth_of(variant.architecture, depth), f"2x{width}d",
         _parameters(variant.architecture, depth, width), 0, 0, np.nan, np.nan, np.nan, np.nan,
         _published("cifar10", variant.name, width))
        for variant, width in shapes
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def table(runs: pd.DataFrame) -> pd.DataFrame:
    """`shake_rules.csv`: the published networks, then those of `trained_table`.

    A network that was trained as published has one row.

    Args:
        runs: rows of `run_table`.
    """
    trained, published = trained_table(runs), published_networks()
    keys = ["setting", "data", "epochs", "depth", "width"]
    untrained = ~published.set_index(keys).index.isin(trained.set_index(keys).index)
    return pd.concat([published[untrained], trained], ignore_index=True)


def trained_table(runs: pd.DataFrame) -> pd.DataFrame:
    """What was trained: the mean error of every setting over the seeds that did not diverge, with its 95 % interval.

    Args:
        runs: rows of `run_table`.
    """
    rows = []
    for (data, width, group, name), part in runs.groupby(["data", "width", "group", "setting"], sort=False):
        interval = over_seeds(part["error"])
        rows.append((
            group, name, *_rules(BY_NAME[str(name)]),
            *part[["data", "epochs", "depth", "width", "parameters"]].iloc[0],
            int((part["status"] == "done").sum()), int((part["status"] == "diverged").sum()),
            over_seeds(part["train_error"]).mean, interval.mean, interval.low, interval.high,
            _published(str(data), str(name), _number(str(width))),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def claims(runs: pd.DataFrame) -> pd.DataFrame:
    """`shake_rules_claims.csv`: error of the better setting less that of the worse, by data set and width.

    Args:
        runs: rows of `run_table`; claims about settings that were not trained on a data set have no row for it.
    """
    tables = []
    for (data, width), group in runs.groupby(["data", "width"], sort=False):
        trained = set(group["setting"])
        tables.append(
            claims_table(
                [claim for claim in CLAIMS if {claim.first, claim.second} <= trained],
                values_of_runs(group, "setting", ["error", "train_error"]),
                partial(_published_difference, str(data), _number(str(width))),
            ).assign(data=str(data), width=str(width))
        )
    columns = ["data", "width", "claim", "better", "worse", "measure", "seeds", "difference", "ci_low", "ci_high",
               "published_difference", "verdict"]  # fmt: skip
    return pd.concat(tables, ignore_index=True).rename(columns={"first": "better", "second": "worse"})[columns]


def _rules(variant: Variant) -> tuple[str, str, str]:
    shaking = variant.shaking
    if shaking is None:
        return "even", "even", ""
    return shaking.forward, shaking.backward, "batch" if shaking.level == "batch" else "image"


def _published(data: str, name: str, width: int) -> float:
    """The error published for CIFAR-10, which digits stand beside as 2x32d; NaN for other data."""
    if data == "cifar10" and width != PUBLISHED_WIDTH:
        return PUBLISHED_WIDER.get((name, width), np.nan)
    return PUBLISHED_ERROR.get(name, np.nan) if data in ("cifar10", "digits") else np.nan


def _number(width: str) -> int:
    """64 of `2x64d`."""
    return int(width.removeprefix("2x").removesuffix("d"))


def _published_difference(data: str, width: int, claim: Claim) -> float:
    if claim.measure != "error":
        return np.nan
    return _published(data, claim.first, width) - _published(data, claim.second, width)


@cache
def _parameters(architecture: str, depth: int, width: int) -> int:
    with torch.device("meta"):
        return count_parameters(build_network(architecture, depth, width, in_channels=3, num_classes=10))
