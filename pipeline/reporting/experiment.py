"""All that the tables are made from, and the questions they ask of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import pandas as pd

from pipeline.core.errors import InputError
from pipeline.evaluation.comparison import SIGNIFICANT, Metric
from pipeline.evaluation.hypotheses import Claim
from pipeline.evaluation.intervals import ALL
from pipeline.evaluation.results import RunDetails
from pipeline.params import Params, Selection


class LayerRow(Protocol):
    """One row of Table 5, as `pipeline.models.layers` counts it."""

    @property
    def layer(self) -> str: ...  # noqa: D102
    @property
    def structure(self) -> str: ...  # noqa: D102
    @property
    def blocks(self) -> int | None: ...  # noqa: D102
    @property
    def stride(self) -> str: ...  # noqa: D102
    @property
    def params(self) -> int | None: ...  # noqa: D102


@dataclass(frozen=True)
class Score:
    """What one model reached at one selection of epochs: means over its runs, in percent and points.

    `valid_ua` and `gap` are None where there is nothing to print, and `status` says why; `low` and `high` bound the
    95 % interval of `valid_ua`, None where there is none.
    """

    valid_ua: float | None
    gap: float | None
    runs: int
    status: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Test:
    """A row of `results/comparisons.csv`: what the tables and the page say of a claim. What is not defined is None.

    Attributes:
        n: pairs of runs.
        mean_difference: the improvement of the model claimed better, in points.
        low, high: its 95 % interval.
        p: of the paper's test.
        p_corrected: of the corrected test on seed-averaged folds, which holds its level (docs/statistics.md).
        p_holm: `p_corrected` after Holm's correction over the table's family.
        prob_worse, prob_equal, prob_better: of the claimed model, equal being within `report.rope` points.
        note: why something is not defined.
    """

    n: int
    mean_difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_corrected: float | None
    p_holm: float | None
    prob_worse: float | None
    prob_equal: float | None
    prob_better: float | None
    note: str

    @property
    def significant(self) -> bool:
        """Whether the claim holds at the paper's level by the paper's test."""
        return self.p is not None and self.p < SIGNIFICANT

    @property
    def stands(self) -> bool:
        """Whether it holds at the same level by the corrected test."""
        return self.p_corrected is not None and self.p_corrected < SIGNIFICANT


_NUMBERS = {
    "mean_difference": "mean_difference", "low": "ci_low", "high": "ci_high",
    "p": "p", "p_corrected": "p_corrected_seed_mean", "p_holm": "p_holm",
    "prob_worse": "prob_worse", "prob_equal": "prob_equal", "prob_better": "prob_better",
}  # fmt: skip
"""The columns of `records.COMPARISONS` behind the numbers of a `Test`."""


@dataclass(frozen=True)
class Experiment:
    """Params and everything that was made under them.

    Attributes:
        params: the params file.
        segments: `records.SEGMENTS` of all configured corpora.
        folds: `records.FOLDS`.
        structures: Table 5's rows of the configured network by layout, PreAct among them.
        runs: `records.RUNS` of the configured models.
        details: where the runs were made.
        comparisons: `records.COMPARISONS`.
        intervals: `records.INTERVALS` of the trained models.
    """

    params: Params
    segments: pd.DataFrame
    folds: pd.DataFrame
    structures: Mapping[str, Sequence[LayerRow]]
    runs: pd.DataFrame
    details: tuple[RunDetails, ...]
    comparisons: pd.DataFrame
    intervals: pd.DataFrame

    @property
    def gap_metric(self) -> Metric:
        """The Gap that tables print (`report.gap`)."""
        return "gap" if self.params.report.gap == "train_mode" else "gap_eval"

    @property
    def gap_mode(self) -> str:
        """How the training UA of that Gap was taken, in words."""
        return "train mode" if self.gap_metric == "gap" else "eval mode"

    @cached_property
    def trained(self) -> tuple[str, ...]:
        """Models with runs, in the order of the params."""
        present = set(self.runs["model"])
        return tuple(model for model in self.params.models if model in present)

    def label(self, model: str) -> str:
        """What tables print for a model; the key of one that is not configured."""
        return self.params.models[model].label if model in self.params.models else model

    def score(self, model: str, selection: Selection) -> Score:
        """A model's means; none when a run of it diverged."""
        rows = self.runs[(self.runs["model"] == model) & (self.runs["selection"] == selection)]
        if rows.empty:
            return Score(None, None, 0, "no such epoch" if model in self.trained else "not trained")
        diverged = int((rows["status"] == "diverged").sum())
        if diverged:
            return Score(None, None, len(rows) - diverged, f"diverged ({diverged} of {len(rows)})")
        gaps = rows[self.gap_metric]
        gap = None if gaps.isna().any() else float(gaps.mean())
        low, high = self._interval(model, selection)
        return Score(float(rows["valid_ua"].mean()), gap, len(rows), "done", low, high)

    def _interval(self, model: str, selection: Selection) -> tuple[float | None, float | None]:
        """The interval of a model's UA over all actors; none for `crossval`, which has no predictions of its own."""
        table = self.intervals
        rows = table[(table["model"] == model) & (table["selection"] == selection) & (table["corpus"] == ALL)]
        if rows.empty or rows["ci_low"].isna().any():
            return None, None
        return float(rows["ci_low"].iloc[0]), float(rows["ci_high"].iloc[0])

    def test(self, claim: Claim, metric: Metric, selection: Selection) -> Test:
        """The test of a claim.

        Raises:
            InputError: the comparisons do not hold it.
        """
        key = (claim.table, claim.better, claim.reference, metric, selection)
        if key not in self._tests:
            raise InputError(
                f"results/comparisons.csv has no row for table {claim.table}, {claim.better} against "
                f"{claim.reference}, {metric}, {selection}; `dvc repro compare` makes it again"
            )
        return self._tests[key]

    @cached_property
    def _tests(self) -> dict[tuple[str, ...], Test]:
        return {
            (row["table"], row["model_a"], row["model_b"], row["metric"], row["selection"]): Test(
                n=int(row["n"]),
                **{name: None if pd.isna(row[column]) else float(row[column]) for name, column in _NUMBERS.items()},
                note=row["note"],
            )
            for row in self.comparisons.to_dict("records")
        }
