"""UA of women and of men, over all corpora and in each, with a test of the difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import CHOSEN, EPOCHS
from pipeline.evaluation.terms import ALL, LEAST_OF_GENDER
from pipeline.evaluation.wording import fixed, p_value
from pipeline.reporting.tables.notes import common_notes
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

KEY = "women_and_men"

_COLUMNS = (
    Column("model", "Model", number=False, grouped=True),
    Column("corpus", "Corpus", number=False),
    Column("women", "Women"),
    Column("men", "Men"),
    Column("ua_women", "UA of women (%)"),
    Column("ua_men", "UA of men (%)"),
    Column("difference", "Women minus men (points)"),
    Column("interval", "95 % interval", where="print"),
    Column("p", "p"),
    Column("model_key", "Key", number=False, where="csv"),
    Column("corpus_key", "Key of the corpus", number=False, where="csv"),
    Column("low", "Low", where="csv"),
    Column("high", "High", where="csv"),
    Column("note", "Note", number=False, where="csv"),
)
_NOTES = (
    "UA over all folds together, a mean over trainings, so that it may differ from the mean over folds that other "
    "tables print. The test takes the actors of each gender as cases, and counts how trainings differ; it is "
    f"two-sided, not adjusted for the number of rows, and needs {LEAST_OF_GENDER} women and {LEAST_OF_GENDER} men.",
    "Over all corpora, women and men may come from different corpora: a difference may be the corpora's.",
)


def gender_table(results: Results) -> tuple[Table, ...]:
    """One row for each trained model and corpus; none without predictions."""
    parts = []
    for selection in results.selections:
        table = results.genders[results.genders["selection"] == selection]
        by_model: dict[str, list[Mapping[Any, Any]]] = {}
        for row in table.to_dict("records"):
            by_model.setdefault(str(row["model"]), []).append(row)
        rows = tuple(_row(results, row) for model in results.trained for row in by_model.get(model, ()))
        if rows:
            parts.append(Part(rows, selection, EPOCHS[selection], (CHOSEN[selection],)))
    notes = (*_NOTES, *common_notes(results, results.trained))
    return (Table(KEY, "Women and men", _COLUMNS, tuple(parts), notes),) if parts else ()


def _row(results: Results, row: Mapping[Any, Any]) -> Row:
    known = {name: None if pd.isna(row[name]) else row[name] for name in row}
    low, high = fixed(known["ci_low"]), fixed(known["ci_high"])
    corpus = str(row["corpus"])
    return {
        "model": Cell(results.label(str(row["model"]))),
        "corpus": Cell("all" if corpus == ALL else results.corpus_label(corpus)),
        "women": Cell(str(row["women"])),
        "men": Cell(str(row["men"])),
        "ua_women": Cell(fixed(known["ua_women"])),
        "ua_men": Cell(fixed(known["ua_men"])),
        "difference": Cell(fixed(known["difference"])),
        "interval": Cell(f"{low} to {high}" if low else ""),
        "p": Cell(p_value(known["p"])),
        "model_key": Cell(str(row["model"])),
        "corpus_key": Cell(corpus),
        "low": Cell(low),
        "high": Cell(high),
        "note": Cell(str(row["note"])),
    }
