"""All tables of an experiment, and writing them."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.files import write_text
from pipeline.evaluation.hypotheses import all_claims
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.tables.data import corpora_table, folds_table, network_table
from pipeline.reporting.tables.formats import to_csv, to_latex, to_markdown
from pipeline.reporting.tables.p_values import p_value_table
from pipeline.reporting.tables.performance import performance_table, user_table
from pipeline.reporting.tables.table import Table


def build_tables(experiment: Experiment) -> tuple[Table, ...]:
    """Tables 2 to 10 of the paper, whatever was trained, then those of `report.tables`."""
    own = experiment.params.report.tables
    claims = all_claims(own)
    return (
        performance_table(2, experiment, claims),
        corpora_table(experiment),
        folds_table(experiment),
        network_table(experiment),
        performance_table(6, experiment, claims),
        p_value_table(7, experiment, claims),
        performance_table(8, experiment, claims),
        p_value_table(9, experiment, claims),
        performance_table(10, experiment, claims),
        *(user_table(key, definition, experiment, claims) for key, definition in own.items()),
    )


def write_tables(tables: tuple[Table, ...], folder: Path) -> None:
    """Write each table as `<key>.csv`, `<key>.md` and `<key>.tex`."""
    for table in tables:
        for ending, text in (("csv", to_csv(table)), ("md", to_markdown(table)), ("tex", to_latex(table))):
            write_text(folder / f"{table.key}.{ending}", text)
