"""Angles and kurtosis of the trained units beside what theorem 2 says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from studies.core.claims import Claim, claims_table
from studies.core.statistics import over_seeds
from studies.mixtures.runs import Outcome
from studies.mixtures.theory import MERGED_BELOW, least_kurtosis
from studies.networks.activations import kurtosis


def table(outcomes: Sequence[Outcome], separation: float) -> pd.DataFrame:
    """`mixtures.csv`: one row a share, over seeds.

    Returns:
        Columns `share, expected` (`unite` or `separate`, by theorem 2), `seeds, angle` (degrees, 0: separated, 90:
        united) with its 95 % interval, `weights` (of unit length) of the first seed, `kurtosis` of the activations, and
        `least_kurtosis` over all projections.
    """
    shares: dict[float, list[Outcome]] = {}
    for one in outcomes:
        shares.setdefault(one.share, []).append(one)
    rows = []
    for share, units in shares.items():
        angle = over_seeds([one.angle for one in units])
        first = units[0].weights / np.linalg.norm(units[0].weights)
        rows.append((
            share, "unite" if share < MERGED_BELOW else "separate", len(units), angle.mean, angle.low, angle.high,
            " ".join(f"{part:.2f}" for part in first), over_seeds([_kurtosis(one) for one in units]).mean,
            least_kurtosis(share, separation),
        ))  # fmt: skip
    columns = ["share", "expected", "seeds", "angle", "ci_low", "ci_high", "weights", "kurtosis", "least_kurtosis"]
    return pd.DataFrame(rows, columns=columns)


def claims(outcomes: Sequence[Outcome], drawn: Sequence[float]) -> pd.DataFrame:
    """`mixtures_claims.csv`: figure 2's reading, that the Gaussians unite at the first share and separate at the last.

    Args:
        outcomes: the trained units.
        drawn: the shares of figure 2.
    """
    small, large = min(drawn), max(drawn)
    values = pd.DataFrame(
        [
            (name, "new points", "degrees", one.seed, value)
            for one in outcomes
            for name, value in ((f"p = {one.share:g}", one.angle), ("half way", 45.0))
            if one.share in (small, large)
        ],
        columns=["name", "sample", "measure", "seed", "value"],
    ).drop_duplicates(["name", "seed"])
    listed = (
        Claim("the unit unites the Gaussians", f"p = {small:g}", "half way", "degrees", "new points", sign=1),
        Claim("the unit separates the Gaussians", f"p = {large:g}", "half way", "degrees", "new points", sign=-1),
    )
    columns = ["claim", "first", "second", "seeds", "difference", "ci_low", "ci_high", "verdict"]
    return claims_table(listed, values)[columns]


def _kurtosis(one: Outcome) -> float:
    return float(kurtosis(one.activations[:, np.newaxis])[0])
