"""Does shaking decorrelate the branches, and do their layers stay aligned? (Gastaldi 2017, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from studies.branch_statistics import LAYERS, CoMoments, branch_statistics
from studies.params import CorrelationParams, ExecutionParams
from studies.shake_runs import ShakeSpec, train_network
from studies.statistics import over_seeds

MODELS = ("E-E-B", "S-S-I")
"""Unshaken and shaken, as in Gastaldi's figures."""

OUTPUT = "output"

SAME = tuple(f"L{layer}R{layer}" for layer in range(1, LAYERS + 1))

CROSSED = tuple(f"L{a}R{b}" for a in range(1, LAYERS + 1) for b in range(1, LAYERS + 1) if a != b)


@dataclass(frozen=True)
class CorrelationRun:
    """What a run came to: co-moments of every block, none after a divergence; see `branch_statistics`."""

    spec: ShakeSpec
    status: Literal["done", "diverged"]
    error: float
    blocks: tuple[CoMoments, ...]


def specs(params: CorrelationParams, execution: ExecutionParams) -> list[ShakeSpec]:
    """All runs of the study."""
    return [ShakeSpec(model, seed, params, execution) for seed in params.seeds for model in MODELS]


def train_one(spec: ShakeSpec) -> CorrelationRun:
    """Train a run, or take it from its checkpoint, and compare the branches of its blocks on the test images."""
    network, state, data = train_network(spec)
    if state.status == "diverged":
        return CorrelationRun(spec, "diverged", np.nan, ())
    device = next(network.parameters()).device
    blocks = tuple(branch_statistics(network, data.test.pixels.to(device)))
    blocks = tuple(CoMoments(one.count, one.mean.cpu(), one.scatter.cpu()) for one in blocks)
    return CorrelationRun(spec, "done", state.test_error, blocks)


def run_table(runs: Sequence[CorrelationRun]) -> pd.DataFrame:
    """Every number: columns `model`, `seed`, `block` (from 1), `pair`, `correlation`, `covariance`.

    `pair` is `output`, the two branch outputs each times 1/2, or L1R1 to L3R3: a layer of the left branch with one of
    the right, counted from the first convolution.
    """
    rows = []
    for run in runs:
        for number, block in enumerate(run.blocks, start=1):
            variables = len(block.mean) // 2
            for left in range(variables):
                for right in range(variables):
                    ends = (left == variables - 1, right == variables - 1)
                    if any(ends) and not all(ends):
                        continue
                    pair = OUTPUT if all(ends) else f"L{left + 1}R{right + 1}"
                    place = left, variables + right
                    rows.append((run.spec.model, run.spec.seed, number, pair, float(block.correlation[place]),
                                 float(block.covariance[place])))  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "seed", "block", "pair", "correlation", "covariance"])


def table(numbers: pd.DataFrame) -> pd.DataFrame:
    """`correlation.csv`: mean over seeds of every number of `run_table`, with the correlation's 95 % interval.

    `published_correlation` is empty: Gastaldi's are bars in a figure, without figures.
    """
    rows = []
    for key, group in numbers.groupby(["model", "block", "pair"], sort=False):
        interval = over_seeds(group["correlation"])
        rows.append((*key, len(group), interval.mean, interval.low, interval.high,
                     over_seeds(group["covariance"]).mean, np.nan))  # fmt: skip
    columns = ["model", "block", "pair", "seeds", "correlation", "ci_low", "ci_high", "covariance",
               "published_correlation"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def claims(numbers: pd.DataFrame) -> pd.DataFrame:
    """`correlation_claims.csv`: Gastaldi's two readings, as differences of means over blocks, paired by seed."""
    output = numbers[numbers["pair"] == OUTPUT].groupby(["model", "seed"])["correlation"].mean()
    listed: list[tuple[str, str, str, pd.Series, Literal[1, -1]]] = []
    plain, shaken = (output.loc[output.index.get_level_values("model") == model].droplevel("model") for model in MODELS)
    listed.append(("shaking reduces the correlation of the branches", " and ".join(reversed(MODELS)), "less",
                 (shaken - plain).dropna(), -1))  # fmt: skip
    for model in MODELS:
        own = numbers[numbers["model"] == model]
        same, crossed = (
            own[own["pair"].isin(pairs)].groupby("seed")["correlation"].mean() for pairs in (SAME, CROSSED)
        )
        listed.append(("same layers correlate more than crossed ones", model, "more", (same - crossed).dropna(), 1))
    rows = []
    for text, models, expected, difference, sign in listed:
        interval = over_seeds(difference)
        rows.append((text, models, expected, len(difference), interval.mean, interval.low, interval.high,
                     interval.verdict(sign)))  # fmt: skip
    columns = ["claim", "models", "expected", "seeds", "difference", "ci_low", "ci_high", "verdict"]
    return pd.DataFrame(rows, columns=columns)
