"""Correlation of the branches of a block, with and without shaking."""

from __future__ import annotations

from studies.core.in_order import run_in_order
from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.correlation.figures import correlation_figure, layer_pairs_figure
from studies.correlation.results import claims, run_table, table
from studies.correlation.runs import specs, train
from studies.shake_rules.params import ShakeRulesParams


class Params(Sections):
    """The section that this study reads: it measures networks of `shake_rules`, taken from their checkpoints."""

    shake_rules: ShakeRulesParams


def main() -> None:
    """Write `correlation.csv`, `correlation_claims.csv` and `correlation/`."""
    params = read_sections(Params)
    all_specs = specs(params.shake_rules, params.execution)
    rows = run_table(run_in_order(train, all_specs, params.execution))
    means, data = table(rows), params.shake_rules.experiments[0].data.name
    save(
        "correlation",
        {"correlation": means, "correlation_claims": claims(rows)},
        [correlation_figure(means, data), layer_pairs_figure(means, data)],
    )
    print(f"correlation: {len(means)} rows of {len(all_specs)} networks")
