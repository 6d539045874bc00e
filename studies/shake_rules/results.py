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
from studies.networks.bottleneck import bottleneck_resnext
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

PUBLISHED_CIFAR100: Mapping[str, float] = {"E-E-B": 16.34, "S-E-I": 15.85, "S-S-I": 15.97}
"""Percent on CIFAR-100, 29 2x4x64d, 1800 epochs (his table 2)."""

PUBLISHED_DEPTH = 26

PUBLISHED_WIDTH = 32

PUBLISHED_BOTTLENECKS = (29, 4, 64)
"""Depth, groups and width of the network for CIFAR-100."""

PUBLISHED_EPOCHS = 1800

COLUMNS = ["group", "setting", "forward", "backward", "level", "data", "epochs", "depth", "width", "parameters",
           "seeds", "diverged", "failed", "train_error", "error", "ci_low", "ci_high", "published_error"]  # fmt: skip
"""`failed`: runs that diverged, or err on more than nine tenths of what guessing errs on."""

CURVES = ["data", "width", "setting", "epoch", "seeds", "train_error", "train_low", "train_high", "test_error",
          "test_low", "test_high"]  # fmt: skip


CLAIMS = (
    Claim("shaking both passes by image helps", "S-S-I", "E-E-B"),
    Claim("shaking the forward pass alone helps, by image", "S-E-I", "E-E-B"),
    Claim("shaking the forward pass alone helps, by batch", "S-E-B", "E-E-B"),
    Claim("shaking the backward pass alone does not help, by batch", "E-E-B", "E-S-B"),
    Claim("shaking the backward pass alone helps, by image", "E-S-I", "E-E-B"),
    Claim("a backward weight of its own is better than the forward one", "S-S-I", "S-K-I"),
    Claim("an even backward pass is better than a shaken one, by image", "S-E-I", "S-S-I"),
    Claim("by image is better than by batch, both passes shaken", "S-S-I", "S-S-B"),
    Claim("by image is better than by batch, the forward pass shaken (published: equal)", "S-E-I", "S-E-B"),
    Claim("near the forward weight is better than far from it (M3, M5)", "M3", "M5"),
    Claim(
        "a gradient past the mirrored weight regularises more than one near the forward weight (M5, M2)",
        "M2",
        "M5",
        "train_error",
    ),
    Claim("past one half regularises more than before it (M4, M3)", "M3", "M4", "train_error"),
    Claim("it helps without skip connections (A), both passes shaken", "A, S-S-I", "A, E-E-B"),
    Claim("it helps without skip connections (A), the forward pass shaken", "A, S-E-I", "A, E-E-B"),
    Claim("with one convolution a branch it no longer helps (B), both passes shaken", "B, E-E-B", "B, S-S-I"),
    Claim("with one convolution a branch it no longer helps (B), the forward pass shaken", "B, E-E-B", "B, S-E-I"),
    Claim("it helps without normalisation (C), between 0.4 and 0.6", "C, S-E-I", "C, E-E-B"),
    Claim("without normalisation, shaken, it is much worse than unshaken with it", "E-E-B", "C, S-E-I"),
    Claim("without normalisation, shaking over the whole range fails more often", "C, S-E-I, 0 to 1", "C, E-E-B",
          "failed", sign=1),
    Claim("without normalisation, the whole range fails more often than 0.4 to 0.6", "C, S-E-I, 0 to 1", "C, S-E-I",
          "failed", sign=1),
)  # fmt: skip
"""Gastaldi's, and two of Huang & Narayanan (section 4) about networks without normalisation: "shaking could easily
cause training to diverge", and "a much inferior model, compared to a unregularized ResNeXt model with
batch normalization".
"""


def run_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """`shake_rules_runs.csv`: every run; `failed` is 100 where it did, so that its mean is in percent."""
    rows = [
        (one.spec.variant.group, one.spec.variant.name, one.spec.seed, one.spec.depth, one.spec.params.shape,
         one.spec.params.data.name, one.spec.recipe.epochs, one.parameters,
         "done" if one.diverged_epoch is None else "diverged",
         one.diverged_epoch, 100.0 * one.failed, one.train_error, one.error)
        for one in outcomes
    ]  # fmt: skip
    columns = ["group", "setting", "seed", "depth", "width", "data", "epochs", "parameters", "status",
               "diverged_epoch", "failed", "train_error", "error"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).astype({"diverged_epoch": "Int64"})


def published_networks(depth: int = PUBLISHED_DEPTH) -> pd.DataFrame:
    """The first rows of `shake_rules.csv`: Gastaldi's networks in CIFAR's shapes, built and counted, not trained."""
    shapes = [(variant, PUBLISHED_WIDTH) for variant in VARIANTS if variant.group in ("rules", "beta", "architecture")]
    shapes += [(BY_NAME[name], width) for name, width in PUBLISHED_WIDER]
    rows = [
        (variant, "cifar10", depth_of(variant.architecture, depth), f"2x{width}d",
         _parameters(variant.architecture, depth, width))
        for variant, width in shapes
    ]  # fmt: skip
    deep, groups, width = PUBLISHED_BOTTLENECKS
    rows += [
        (BY_NAME[name], "cifar100", deep, f"2x{groups}x{width}d", _bottleneck_parameters())
        for name in PUBLISHED_CIFAR100
    ]
    return pd.DataFrame(
        [
            (variant.group, variant.name, *_rules(variant), data, PUBLISHED_EPOCHS, layers, shape, count, 0, 0, 0,
             np.nan, np.nan, np.nan, np.nan, _published(data, variant.name, shape))
            for variant, data, layers, shape, count in rows
        ],
        columns=COLUMNS,
    )  # fmt: skip


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
    """The trained settings: the mean error of each over the seeds that did not diverge, with its 95 % interval.

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
            int((part["failed"] > 0).sum()),
            over_seeds(part["train_error"]).mean, interval.mean, interval.low, interval.high,
            _published(str(data), str(name), str(width)),
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
                values_of_runs(group, "setting", ["error", "train_error", "failed"]),
                partial(_published_difference, str(data), str(width)),
            ).assign(data=str(data), width=str(width))
        )
    columns = ["data", "width", "claim", "better", "worse", "measure", "seeds", "difference", "ci_low", "ci_high",
               "published_difference", "verdict"]  # fmt: skip
    return pd.concat(tables, ignore_index=True).rename(columns={"first": "better", "second": "worse"})[columns]


def curves(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """`shake_rules_curves.csv`: errors of the settings of `DRAWN` by epoch, means over seeds with 95 % intervals.

    An epoch that a diverged run did not reach is missing for it.

    Returns:
        Columns `CURVES`, in percent.
    """
    errors: dict[tuple[str, str, str, int], list[tuple[float, float]]] = {}
    for one in outcomes:
        params = one.spec.params
        for epoch, pair in enumerate(one.curve, start=1):
            errors.setdefault((params.data.name, params.shape, one.spec.variant.name, epoch), []).append(pair)
    rows = []
    for key, pairs in errors.items():
        trained, tested = (over_seeds([pair[side] for pair in pairs]) for side in (0, 1))
        rows.append((*key, len(pairs), trained.mean, trained.low, trained.high, tested.mean, tested.low, tested.high))
    return pd.DataFrame(rows, columns=CURVES)


def _rules(variant: Variant) -> tuple[str, str, str]:
    shaking = variant.shaking
    if shaking is None:
        return "even", "even", ""
    return shaking.forward, shaking.backward, "batch" if shaking.level == "batch" else "image"


def _published(data: str, name: str, shape: str) -> float:
    """The published error; for digits, that of CIFAR-10 at 2x32d. NaN where there is none."""
    if data == "cifar100":
        _, groups, width = PUBLISHED_BOTTLENECKS
        return PUBLISHED_CIFAR100.get(name, np.nan) if shape == f"2x{groups}x{width}d" else np.nan
    if data == "cifar10" and shape != f"2x{PUBLISHED_WIDTH}d":
        known = {(setting, f"2x{width}d"): error for (setting, width), error in PUBLISHED_WIDER.items()}
        return known.get((name, shape), np.nan)
    return PUBLISHED_ERROR.get(name, np.nan) if data in ("cifar10", "digits") else np.nan


def _published_difference(data: str, shape: str, claim: Claim) -> float:
    if claim.measure != "error":
        return np.nan
    return _published(data, claim.first, shape) - _published(data, claim.second, shape)


@cache
def _parameters(architecture: str, depth: int, width: int) -> int:
    with torch.device("meta"):
        return count_parameters(build_network(architecture, depth, width, in_channels=3, num_classes=10))


@cache
def _bottleneck_parameters() -> int:
    depth, groups, width = PUBLISHED_BOTTLENECKS
    with torch.device("meta"):
        return count_parameters(bottleneck_resnext(width, groups, depth=depth))
