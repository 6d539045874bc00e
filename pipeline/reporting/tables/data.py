"""Tables 3, 4 and 5: the recordings, their folds, and the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from pipeline.paper.published import CORPORA, SOURCE, published_rows
from pipeline.params import Params
from pipeline.reporting.experiment import Experiment, LayerRow
from pipeline.reporting.setting import corpus_label
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table, listed

_CORPUS = Column("corpus", "Corpus", number=False)
_TOTAL = "Total"
_SHAPE = ("layer", "structure", "blocks")
_LAYER = ("structure", "blocks", "stride", "params")


@dataclass(frozen=True)
class _Line:
    """A row of Tables 3 and 4: one of our corpora, one of the paper's, or both; `rows` are ours."""

    label: str
    rows: pd.DataFrame | None
    published: Mapping[str, str]


def corpora_table(experiment: Experiment) -> Table:
    """Table 3: actors, and segments by class, of every corpus."""
    classes = experiment.params.classes
    columns = (
        _CORPUS,
        Column("actors", "Actors"),
        *(Column(name, name.capitalize()) for name in classes),
        Column("published_actors", "Published actors"),
        *(Column(f"published_{name}", f"Published {name}") for name in classes),
    )
    rows = []
    for line in _lines(experiment, experiment.segments, "table3"):
        row: dict[str, Cell] = {"corpus": Cell(line.label)}
        if line.rows is not None:
            row["actors"] = Cell(str(len(line.rows[["corpus", "actor"]].drop_duplicates())))
            row |= {name: Cell(str(int((line.rows["emotion"] == name).sum()))) for name in classes}
        row |= {f"published_{name}": Cell(line.published.get(name, "")) for name in ("actors", *classes)}
        rows.append(row)
    notes = (
        "Segments, after long utterances were divided, by emotion: what the paper's Table 3 counts as utterances.",
        f"Ours: {'; '.join(_source(experiment.params, corpus) for corpus in experiment.params.corpora)}.",
        *_not_configured(experiment.params),
        f"Published: Table 3 of {SOURCE}.",
    )
    return Table("table3", "Table 3: actors and segments of the corpora", columns, (Part(tuple(rows)),), notes)


def _source(params: Params, corpus: str) -> str:
    return f"{corpus_label(params, corpus)} read from {params.corpora[corpus].path}"


def folds_table(experiment: Experiment) -> Table:
    """Table 4: women and men of every corpus in every fold."""
    published_folds = range(1, 5)
    columns = [_CORPUS]
    for fold in range(1, experiment.params.partition.folds + 1):
        columns += _fold_columns(fold, "set", f"Set {fold}")
    for fold in published_folds:
        columns += _fold_columns(fold, "published_set", f"Published set {fold}")
    rows = []
    for line in _lines(experiment, experiment.folds, "table4"):
        row: dict[str, Cell] = {"corpus": Cell(line.label)}
        if line.rows is not None:
            for fold in range(1, experiment.params.partition.folds + 1):
                genders = line.rows.loc[line.rows["fold"] == fold, "gender"]
                row |= _fold_cells("set", fold, *(str(int((genders == gender).sum())) for gender in "FM"))
        if line.published:
            for fold in published_folds:
                row |= _fold_cells("published_set", fold, *(line.published[f"set{fold}_{gender}"] for gender in "FM"))
        rows.append(row)
    notes = (
        "F: female, M: male actors. A set holds the actors that its fold validates on.",
        *_not_configured(experiment.params),
        f"Published: Table 4 of {SOURCE}; within its balance the assignment is random, so sets may come in any order.",
    )
    return Table("table4", "Table 4: actors by gender in each fold", tuple(columns), (Part(tuple(rows)),), notes)


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


def _lines(experiment: Experiment, table: pd.DataFrame, published_table: str) -> list[_Line]:
    """The paper's corpora in its order, ours beside the one with the same reader; then our others; then the totals."""
    params = experiment.params
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
        label = name if ours is None or corpus_label(params, ours) == name else f"{ours} ({name})"
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


def network_table(experiment: Experiment) -> Table:
    """Table 5: structure and parameters of the configured network, PreAct as in the paper, layer by layer."""
    columns = (
        Column("layer", "Layer", number=False),
        *(Column(name, name.capitalize(), number=name == "params") for name in _LAYER),
        *(Column(f"published_{name}", f"Published {name}", number=name == "params") for name in _LAYER),
    )
    layers = experiment.structures["PreAct"]
    published = {row["layer"]: row for row in published_rows("table5")}
    rows = [_layer_row(layer.layer, layer, published.pop(layer.layer, None)) for layer in layers]
    # Stages that only the paper has go below ours.
    stages = sum(layer.layer.startswith(("prelim", "res")) for layer in layers)
    rows[stages:stages] = [_layer_row(name, None, row) for name, row in published.items()]
    totals = [f"{layout} {_total(rows)}" for layout, rows in experiment.structures.items()]
    same = _shape(layers) == [tuple(row[name] for name in _SHAPE) for row in published_rows("table5")]
    notes = (
        "The paper's network." if same else "Not the paper's network: see the published columns.",
        f"Parameters in all by layout: {listed(totals)}.",
        f"Published: Table 5 of {SOURCE}, ResNeXt (12, 2x8d).",
    )
    return Table("table5", "Table 5: network architecture (PreAct)", columns, (Part(tuple(rows)),), notes)


def _layer_row(name: str, ours: LayerRow | None, published: Mapping[str, str] | None) -> Row:
    row = {"layer": Cell(name)}
    if ours is not None:
        row |= {column: Cell(_text(getattr(ours, column))) for column in _LAYER}
    if published is not None:
        row |= {f"published_{column}": Cell(published[column]) for column in _LAYER}
    return row


def _total(rows: Sequence[LayerRow]) -> str:
    return next(f"{row.params:,}" for row in rows if row.layer == "total" and row.params is not None)


def _shape(layers: Sequence[LayerRow]) -> list[tuple[str, ...]]:
    return [tuple(_text(getattr(layer, name)) for name in _SHAPE) for layer in layers]


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)
