"""The values that families without epochs chose within the training folds of each run."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.evaluation.results import Results
from pipeline.evaluation.wording import fixed
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

KEY = "chosen"

_COLUMNS = (
    Column("model", "Model", number=False, grouped=True),
    Column("fold", "Fold"),
    Column("seeds", "Seeds", number=False),
    Column("option", "Option", number=False),
    Column("value", "Value"),
    Column("inner_ua", "Inner UA (%)"),
    Column("inner_folds", "Inner folds"),
    Column("unfinished_fits", "Unfinished fits"),
)
_RECORDED = ("inner_ua", "inner_folds", "unfinished_fits")

_NOTES = (
    "Inner UA: unweighted accuracy on actors of the training folds that were left out in turn, by which the value was "
    "chosen; the validation fold had no part in it.",
    "Unfinished fits: fits of the choice and of the run itself that ended before the solver had converged.",
)


def chosen_table(results: Results) -> Sequence[Table]:
    """One row for each fold of each model that chose an option; seeds with the same outcome share it."""
    seeds: dict[tuple[str, int, int, tuple[tuple[str, float], ...]], list[str]] = {}
    for run in results.details:
        if run.chosen:
            seeds.setdefault((run.model, run.repeat, run.fold, run.chosen), []).append(str(run.seed))
    rows = tuple(
        _row(
            results,
            model,
            str(fold) if results.params.partition.repeats == 1 else f"{repeat}.{fold}",
            dict(chosen),
            ", ".join(found),
        )
        for (model, repeat, fold, chosen), found in seeds.items()
    )
    return (Table(KEY, "Chosen within the training folds", _COLUMNS, (Part(rows),), _NOTES),) if rows else ()


def _row(results: Results, model: str, fold: str, chosen: dict[str, float], seeds: str) -> Row:
    options = [name for name in chosen if name not in _RECORDED]
    return {
        "model": Cell(results.label(model)),
        "fold": Cell(fold),
        "seeds": Cell(seeds),
        "option": Cell(", ".join(options)),
        "value": Cell(", ".join(f"{chosen[name]:g}" for name in options)),
        "inner_ua": Cell(fixed(chosen.get("inner_ua"))),
        "inner_folds": Cell(f"{chosen['inner_folds']:.0f}" if "inner_folds" in chosen else ""),
        "unfinished_fits": Cell(f"{chosen.get('unfinished_fits', 0):.0f}"),
    }
