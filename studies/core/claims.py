"""Claims of the papers as signs of differences, and what the runs show of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from studies.core.statistics import over_seeds

VALUES = ["name", "sample", "measure", "seed", "value"]
"""Columns of the numbers that claims are about, one row for each number."""

COLUMNS = ["claim", "first", "second", "sample", "measure", "expected", "seeds", "difference", "ci_low", "ci_high",
           "published_difference", "verdict"]  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A paper's claim about two models, as the sign of a difference.

    Attributes:
        text: the claim in words.
        first: the name of the model said to have less (or, with sign 1, more) of the measure.
        second: the name of the other.
        measure: the number that is compared.
        sample: the sample that it is measured on.
        sign: the sign of first minus second, as claimed.
    """

    text: str
    first: str
    second: str
    measure: str = "error"
    sample: str = "test"
    sign: Literal[1, -1] = -1


def claims_table(
    claims: Iterable[Claim],
    values: pd.DataFrame,
    published: Callable[[Claim], float] = lambda claim: np.nan,
) -> pd.DataFrame:
    """Every claim as a difference of two models, paired by seed.

    Args:
        claims: the claims.
        values: columns `VALUES`; a claim about a model without values has no seeds and no difference.
        published: function from a claim to the difference that the paper states for it.

    Returns:
        Columns `COLUMNS`: the mean difference, first minus second, with its 95 % interval and the verdict. `shows` and
        `reversed` are intervals on one side of 0, `undecided` one that contains it.
    """
    known = {key: part.set_index("seed")["value"] for key, part in values.groupby(["name", "sample", "measure"])}
    nothing = pd.Series(dtype=np.float64)
    rows = []
    for claim in claims:
        first, second = (
            known.get((name, claim.sample, claim.measure), nothing) for name in (claim.first, claim.second)
        )
        difference = (first - second).dropna()
        interval = over_seeds(difference)
        expected = "more" if claim.sign > 0 else "less"
        rows.append((claim.text, claim.first, claim.second, claim.sample, claim.measure, expected, len(difference),
                     interval.mean, interval.low, interval.high, published(claim),
                     interval.verdict(claim.sign)))  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def values_of_runs(runs: pd.DataFrame, name: str, measures: Sequence[str], sample: str = "test") -> pd.DataFrame:
    """A table of runs as the numbers that claims are about.

    Args:
        runs: one row for each run, with a column `seed`.
        name: the column that names the model.
        measures: the columns of numbers.
        sample: the sample that they are measured on.

    Returns:
        Columns `VALUES`.
    """
    long = runs.melt(["seed", name], list(measures), "measure", "value")
    return long.rename(columns={name: "name"}).assign(sample=sample)[VALUES]
