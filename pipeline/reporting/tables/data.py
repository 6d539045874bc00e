"""Tables 3 and 4: the corpora and their folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.evaluation.results import Results
from pipeline.paper.published import published_rows
from pipeline.paper.settings import CORPORA, FOLD_COUNT
from pipeline.paper.tables import PAPER_TABLES
from pipeline.params import Params
from pipeline.reporting.tables.table import Cell, Column, Part, Table

_CORPUS = Column("corpus", "Corpus", number=False)
_TOTAL = "Total"


@dataclass(frozen=True)
class _Line:
    """A row of Tables 3 and 4: one of our corpora, one of the paper's, or both; `rows` are ours."""

    label: str
    rows: pd.DataFrame | None
    published: Mapping[str, str]


def corpora_table(results: Results) -> tuple[Table]:
    """Table 3: actors, and segments by class, of every corpus."""
    classes = results.params.classes
    columns = (
        _CORPUS,
        Column("actors", "Actors"),
        *(Column(name, name.capitalize()) for name in classes),
        Column("published_actors", "Published actors"),
        *(Column(f"published_{name}", f"Published {name}") for name in classes),
    )
    rows = []
    for line in _lines(results, results.segments, "table3"):
        row: dict[str, Cell] = {"corpus": Cell(line.label)}
        if line.rows is not None:
            row["actors"] = Cell(str(len(line.rows[["corpus", "actor"]].drop_duplicates())))
            row |= {name: Cell(str(int((line.rows["emotion"] == name).sum()))) for name in classes}
        row |= {f"published_{name}": Cell(line.published.get(name, "")) for name in ("actors", *classes)}
        rows.append(row)
    notes = (
        "Segments, after long utterances were divided, by emotion: what the paper's Table 3 counts as utterances.",
        f"Ours: {'; '.join(_source(results, corpus) for corpus in results.params.corpora)}.",
        *_not_configured(results.params),
        f"Published: {PAPER_TABLES['table3'].source}.",
    )
    return (Table("table3", PAPER_TABLES["table3"].title, columns, (Part(tuple(rows)),), notes),)


def _source(results: Results, corpus: str) -> str:
    return f"{results.corpus_label(corpus)} read from {results.params.corpora[corpus].path}"


def folds_table(results: Results) -> tuple[Table]:
    """Table 4: women and men of every corpus in every fold."""
    paper, published_folds = PAPER_TABLES["table4"], range(1, FOLD_COUNT + 1)
    columns = [_CORPUS]
    for fold in range(1, results.params.partition.folds + 1):
        columns += _fold_columns(fold, "set", f"Set {fold}")
    for fold in published_folds:
        columns += _fold_columns(fold, "published_set", f"Published set {fold}")
    rows = []
    for line in _lines(results, results.folds, "table4"):
        row: dict[str, Cell] = {"corpus": Cell(line.label)}
        if line.rows is not None:
            for fold in range(1, results.params.partition.folds + 1):
                genders = line.rows.loc[line.rows["fold"] == fold, "gender"]
                row |= _fold_cells("set", fold, *(str(int((genders == gender).sum())) for gender in "FM"))
                if others := int((genders == "X").sum()):
                    row[f"set{fold}"] = Cell(f"{row[f'set{fold}'].value}, {others}X")
        if line.published:
            for fold in published_folds:
                row |= _fold_cells("published_set", fold, *(line.published[f"set{fold}_{gender}"] for gender in "FM"))
        rows.append(row)
    notes = (
        "F: female, M: male actors. A set holds the actors that its fold validates on.",
        *_not_configured(results.params),
        f"Published: {paper.source}; within its balance the assignment is random, so sets may come in any order.",
    )
    return (Table("table4", paper.title, tuple(columns), (Part(tuple(rows)),), notes),)


def _fold_columns(fold: int, prefix: str, header: str) -> list[Column]:
    key = f"{prefix}{fold}"
    return [
        Column(key, header, number=False, where="print"),
        Column(f"{key}_F", f"{header}, women", where="csv"),
        Column(f"{key}_M", f"{header}, men", where="csv"),
    ]


def _fold_cells(prefix: str, fold: int, women: str, men: str) -> dict[str, Cell]:
    key = f"{prefix}{fold}"
    return {key: Cell(f"{women}F, {men}M"), f"{key}_F": Cell(women), f"{key}_M": Cell(men)}


def _lines(results: Results, table: pd.DataFrame, published_table: str) -> list[_Line]:
    """The paper's corpora in its order, ours beside the one with the same reader; then our others; then the totals."""
    params = results.params
    by_reader: dict[str, list[str]] = {}
    for corpus in params.corpora:
        by_reader.setdefault(params.reader(corpus), []).append(corpus)
    published = {row["corpus"]: row for row in published_rows(published_table)}
    counterpart = {
        name: by_reader[reader][0] for reader, name in CORPORA.items() if len(by_reader.get(reader, [])) == 1
    }
    lines = []
    for name in CORPORA.values():
        ours = counterpart.get(name)
        label = name if ours is None or results.corpus_label(ours) == name else f"{ours} ({name})"
        lines.append(_Line(label, None if ours is None else table[table["corpus"] == ours], published[name]))
    lines += [
        _Line(corpus, table[table["corpus"] == corpus], {})
        for corpus in params.corpora
        if corpus not in counterpart.values()
    ]
    return [*lines, _Line(_TOTAL, table, published[_TOTAL])]


def _not_configured(params: Params) -> list[str]:
    readers = {params.reader(corpus) for corpus in params.corpora}
    missing = [name for reader, name in CORPORA.items() if reader not in readers]
    return [f"Not configured: {', '.join(missing)}."] if missing else []
