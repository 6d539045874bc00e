"""Table 5: the configured network, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.core.wording import enumerated
from pipeline.evaluation.results import Results
from pipeline.models.base import LayerRow
from pipeline.paper.published import published_rows
from pipeline.paper.tables import PAPER_TABLES
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

_SHAPE = ("layer", "structure", "blocks")
_LAYER = ("structure", "blocks", "stride", "params")


def network_table(results: Results) -> tuple[Table, ...]:
    """Table 5: structure and parameters of the configured network, PreAct as in the paper; none without a ResNeXt."""
    if not results.structures:
        return ()
    columns = (
        Column("layer", "Layer", number=False),
        *(Column(name, name.capitalize(), number=name == "params") for name in _LAYER),
        *(Column(f"published_{name}", f"Published {name}", number=name == "params") for name in _LAYER),
    )
    layers = results.structures["PreAct"]
    published = {row["layer"]: row for row in published_rows("table5")}
    rows = [_layer_row(layer.layer, layer, published.pop(layer.layer, None)) for layer in layers]
    # Stages that only the paper has go below ours.
    stages = sum(layer.layer.startswith(("prelim", "res")) for layer in layers)
    rows[stages:stages] = [_layer_row(name, None, row) for name, row in published.items()]
    totals = [f"{layout} {_total(rows)}" for layout, rows in results.structures.items()]
    same = _shape(layers) == [tuple(row[name] for name in _SHAPE) for row in published_rows("table5")]
    notes = (
        "The paper's network." if same else "Not the paper's network: see the published columns.",
        f"Parameters in all by layout: {enumerated(totals)}.",
        f"Published: {PAPER_TABLES['table5'].source}, ResNeXt (12, 2x8d).",
    )
    return (Table("table5", PAPER_TABLES["table5"].title, columns, (Part(tuple(rows)),), notes),)


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
