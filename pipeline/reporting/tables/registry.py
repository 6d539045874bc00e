"""The tables in the order of the page; a new one is one file and one line of `TABLES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pipeline.core.files import write_text
from pipeline.evaluation.results import Results
from pipeline.reporting.tables.calibration import calibration_table
from pipeline.reporting.tables.chosen import chosen_table
from pipeline.reporting.tables.cross_corpus import cross_corpus_table
from pipeline.reporting.tables.data import corpora_table, folds_table
from pipeline.reporting.tables.formats import to_csv, to_latex, to_markdown
from pipeline.reporting.tables.genders import gender_table
from pipeline.reporting.tables.network import network_table
from pipeline.reporting.tables.p_values import p_value_table
from pipeline.reporting.tables.performance import performance_table
from pipeline.reporting.tables.splits import apart_table, pooled_table
from pipeline.reporting.tables.statements import statements_table
from pipeline.reporting.tables.table import Table
from pipeline.reporting.tables.user import user_tables
from pipeline.reporting.tables.utterances import utterance_table

Builder = Callable[[Results], Sequence[Table]]
"""Makes tables from the results; none where these do not have what they show."""

TABLES: tuple[Builder, ...] = (
    partial(performance_table, "table2"),
    corpora_table,
    folds_table,
    network_table,
    partial(performance_table, "table6"),
    partial(p_value_table, "table7"),
    partial(performance_table, "table8"),
    partial(p_value_table, "table9"),
    partial(performance_table, "table10"),
    statements_table,
    user_tables,
    chosen_table,
    utterance_table,
    gender_table,
    calibration_table,
    apart_table,
    pooled_table,
    cross_corpus_table,
)
"""Tables 2 to 10 and section 6.2 of the paper, whatever was trained, those of `report.tables`, what models chose
themselves, the claims by utterance, women and men, and calibration."""


def build_tables(results: Results) -> tuple[Table, ...]:
    """All tables of the results, in order."""
    return tuple(table for build in TABLES for table in build(results))


def write_tables(tables: Sequence[Table], folder: Path) -> None:
    """Write each table as `<key>.csv`, `<key>.md` and `<key>.tex`."""
    for table in tables:
        for ending, text in (("csv", to_csv(table)), ("md", to_markdown(table)), ("tex", to_latex(table))):
            write_text(folder / f"{table.key}.{ending}", text)
