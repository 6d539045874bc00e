"""The numbers that `dvc metrics show` and `dvc metrics diff` print."""

from __future__ import annotations

import json

from pipeline.evaluation.results import Results

_DECIMALS = 3


def metrics_text(results: Results) -> str:
    """JSON: UA and Gap of every model that has them, means over runs at `report.selection`, percent and points."""
    numbers: dict[str, dict[str, float]] = {}
    for model in results.trained:
        score = results.score(model, results.params.report.selection)
        found: dict[str, float | None] = {"valid_ua": score.valid_ua, results.gap_metric: score.gap}
        if known := {name: round(value, _DECIMALS) for name, value in found.items() if value is not None}:
            numbers[model] = known
    return json.dumps(numbers, indent=1) + "\n"
