"""Two Gaussians unite or separate under the variance constancy loss (its theorem 2 and figure 2)."""

from __future__ import annotations

import torch

from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.mixtures.figures import angles, projections
from studies.mixtures.params import MixturesParams
from studies.mixtures.results import claims, table
from studies.mixtures.runs import train


class Params(Sections):
    """The sections that this study reads."""

    mixtures: MixturesParams


def main() -> None:
    """Write `mixtures.csv`, `mixtures_claims.csv` and the figures `mixtures/` in `studies/results/`."""
    params = read_sections(Params).mixtures
    torch.set_num_threads(1)
    outcomes = train(params)
    rows = table(outcomes, params.separation)
    save(
        "mixtures",
        {"mixtures": rows, "mixtures_claims": claims(outcomes, params.drawn)},
        [projections(outcomes, params.drawn), angles(rows)],
    )
    for row in rows.itertuples():
        print(f"mixtures: p = {row.share:g}: {row.angle:.0f} degrees, expected to {row.expected}")
