"""Embeddings: Figures 4, 5 and 6, and the numbers behind them."""

from __future__ import annotations

from studies.core.in_order import run_in_order
from studies.core.labels import model_name
from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.embeddings.figures import embedding_drawings
from studies.embeddings.params import EmbeddingsParams
from studies.embeddings.results import claims, run_table, table
from studies.embeddings.runs import Outcome, specs, train


class Params(Sections):
    """The sections that this study reads."""

    embeddings: EmbeddingsParams


def main() -> None:
    """Write `embeddings.csv`, `embeddings_claims.csv` and `embeddings/` in `studies/results/`."""
    params = read_sections(Params)
    outcomes = run_in_order(train, specs(params.embeddings, params.execution), params.execution, progress)
    measures = run_table(outcomes)
    save(
        "embeddings",
        {"embeddings": table(measures), "embeddings_claims": claims(measures)},
        embedding_drawings(outcomes),
    )


def progress(outcome: Outcome) -> str:
    """The line that is printed when a run has ended."""
    spec = outcome.spec
    name = model_name(spec.layout, spec.shaken)
    return f"embeddings: {name}, seed {spec.seed}: {outcome.status}, test error {outcome.test_error:.2f} %"
