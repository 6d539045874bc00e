"""Tables of the correlations, and Gastaldi's claims about them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from studies.core.claims import VALUES, Claim, claims_table
from studies.core.statistics import over_seeds
from studies.correlation.runs import COMPARED, NUMBERS, OUTPUT, Outcome

EVEN, SHAKEN = COMPARED

SAME, CROSSED = "same layers", "other layers"

CLAIMS = (
    Claim("shaking reduces the correlation of the branches", SHAKEN, EVEN, "correlation", f"{SHAKEN} less {EVEN}"),
    Claim(
        "shaking reduces the correlation of the layers", SHAKEN, EVEN, "correlation", f"{SHAKEN} less {EVEN}, layers"
    ),
    *(
        Claim("the same layers correlate more than others", SAME, CROSSED, "correlation", name, sign=1)
        for name in COMPARED
    ),
)
"""Gastaldi's readings of his figures; the sample names the networks."""


def run_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """The rows of all networks."""
    return pd.concat([one.rows for one in outcomes], ignore_index=True)


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """`correlation.csv`: means over seeds of each pair in each block, and last, as `shaken - even`, of the difference.

    Args:
        rows: rows of `run_table`.

    Returns:
        Columns `setting, block, left, right, seeds, covariance, correlation, ci_low, ci_high` (95 % of the
        correlation), `correlation_by_item` and `published_correlation`, which is empty: Gastaldi gives no numbers.
    """
    keys = ["block", "left", "right"]
    means = []
    for name, part in rows.groupby(["setting", *keys], sort=False):
        means.append((*name, *_mean(part)))
    even, shaken = (rows[rows["setting"] == name].set_index(["seed", *keys]) for name in COMPARED)
    difference = (shaken[NUMBERS] - even[NUMBERS]).dropna().reset_index()
    for place, part in difference.groupby(keys, sort=False):
        means.append((f"{COMPARED[1]} - {COMPARED[0]}", *place, *_mean(part)))
    columns = ["setting", *keys, "seeds", "covariance", "correlation", "ci_low", "ci_high", "correlation_by_item"]
    return pd.DataFrame(means, columns=columns).assign(published_correlation=np.nan)


def claims(rows: pd.DataFrame) -> pd.DataFrame:
    """`correlation_claims.csv`: every claim as a difference of means over blocks.

    Args:
        rows: rows of `run_table`.
    """
    result = claims_table(CLAIMS, _means_over_blocks(rows)).rename(columns={"sample": "networks"})
    return result[["claim", "networks", "expected", "seeds", "difference", "ci_low", "ci_high", "verdict"]]


def _means_over_blocks(rows: pd.DataFrame) -> pd.DataFrame:
    """The numbers that claims are about: outputs and layers by network, and pairs of layers within each network."""
    is_output = rows["left"] == OUTPUT
    outputs = rows[is_output].assign(name=rows["setting"], sample=CLAIMS[0].sample)
    layers = rows[~is_output]
    same = layers["left"].str[1:] == layers["right"].str[1:]
    pairs = layers.assign(name=np.where(same, SAME, CROSSED), sample=layers["setting"])
    of_layers = layers.assign(name=layers["setting"], sample=CLAIMS[1].sample)
    both = pd.concat([outputs, of_layers, pairs], ignore_index=True)
    means = both.groupby(["name", "sample", "seed"], sort=False)["correlation"].mean().rename("value").reset_index()
    return means.assign(measure="correlation")[VALUES]


def _mean(part: pd.DataFrame) -> tuple[float, ...]:
    interval, means = over_seeds(part["correlation"]), part[NUMBERS].mean()
    return len(part), means["covariance"], interval.mean, interval.low, interval.high, means["correlation_by_item"]
