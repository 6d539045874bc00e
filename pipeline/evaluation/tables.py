"""The schemas of results: measures of each run, intervals of each model, comparisons between models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

import pandas as pd
import pandera.pandas as pa

from pipeline.core.selections import ALL_SELECTIONS, PREDICTED
from pipeline.core.tables import integer, number, one_of, probability, text

SIGNIFICANT = 0.05
"""p below which the paper calls a difference significant."""

Kind = Literal["better", "not_worse", "equivalent"]
"""The kinds of claims about two models."""


def _statistic(column: pa.Column) -> Any:
    """A field of `Comparison` that may be undefined, and its column."""
    return field(default=None, metadata={"column": column})


@dataclass(frozen=True)
class Comparison:
    """One hypothesis by one metric at one selection; what is not defined is None, and `note` says why.

    The fields are the columns of `results/comparisons.csv`, in their order.

    Attributes:
        n: number of pairs of runs of the same repeat, fold and seed.
        mean_difference: mean difference in points, above 0 where it has the direction of the hypothesis.
        t, df, p: the paper's test, which treats the pairs as independent.
        p_corrected: the corrected resampled t-test over the pairs.
        p_seed_mean: the t-test over the folds' means.
        p_corrected_seed_mean: the corrected t-test over the folds' means; it errs least often and finds least.
        p_wilcoxon: the signed-rank test over the pairs.
        p_holm: `p_deciding`, adjusted for the claims of its table.
        prob_worse, prob_equal, prob_better: probabilities by the Bayesian correlated t-test; equal is within
            `report.rope` points.
        effect_size: mean over standard deviation of the pairs.
        ci_low, ci_high: 95 % interval of `mean_difference`, that of the deciding test.
        note: why something is empty.
        p_actor, actor_low, actor_high, actor_df: the test whose cases are actors (`evaluation/actors.py`), its 95 %
            interval and degrees of freedom; where there are predictions.
        p_not_worse: by the deciding test, that the difference is below -`report.rope`.
        p_equivalent: by the deciding test twice, that it is outside of +- `report.rope`.
        claim: what is claimed.

    The deciding test is `p_actor`; where there is none, `p_corrected` over at least two folds (docs/statistics.md).
    """

    n: int = field(metadata={"column": integer(0)})
    mean_difference: float | None = _statistic(number(empty=True))
    t: float | None = _statistic(number(empty=True))
    df: float | None = _statistic(number(empty=True))
    p: float | None = _statistic(probability(empty=True))
    p_corrected: float | None = _statistic(probability(empty=True))
    p_seed_mean: float | None = _statistic(probability(empty=True))
    p_corrected_seed_mean: float | None = _statistic(probability(empty=True))
    p_wilcoxon: float | None = _statistic(probability(empty=True))
    p_holm: float | None = _statistic(probability(empty=True))
    prob_worse: float | None = _statistic(probability(empty=True))
    prob_equal: float | None = _statistic(probability(empty=True))
    prob_better: float | None = _statistic(probability(empty=True))
    effect_size: float | None = _statistic(number(empty=True))
    ci_low: float | None = _statistic(number(empty=True))
    ci_high: float | None = _statistic(number(empty=True))
    note: str = field(default="", metadata={"column": text()})
    p_actor: float | None = _statistic(probability(empty=True))
    actor_low: float | None = _statistic(number(empty=True))
    actor_high: float | None = _statistic(number(empty=True))
    actor_df: float | None = _statistic(number(empty=True))
    p_not_worse: float | None = _statistic(probability(empty=True))
    p_equivalent: float | None = _statistic(probability(empty=True))
    claim: Kind = field(default="better", metadata={"column": one_of(*get_args(Kind))})

    @classmethod
    def from_row(cls, row: Mapping[Any, Any]) -> Comparison:
        """The comparison in a row of `COMPARISONS`."""
        names = [statistic.name for statistic in fields(cls)]
        values: dict[str, Any] = {name: None if pd.isna(row[name]) else row[name] for name in names}
        return cls(**values)

    @property
    def significant(self) -> bool:
        """Whether a claim of `better` holds at the paper's level by the paper's test, which tests no other."""
        return self.claim == "better" and self.p is not None and self.p < SIGNIFICANT

    @property
    def p_better(self) -> float | None:
        """One-sided p of the deciding test that there is no difference; None where it was not made."""
        if self.p_actor is not None:
            return self.p_actor
        # Over the seeds of one fold, p_corrected would take one group of actors for all.
        return None if self.p_seed_mean is None else self.p_corrected

    @property
    def p_deciding(self) -> float | None:
        """P of the deciding test of what is claimed."""
        return {"better": self.p_better, "not_worse": self.p_not_worse, "equivalent": self.p_equivalent}[self.claim]

    @property
    def stands(self) -> bool:
        """Whether what is claimed holds at the paper's level by the deciding test."""
        return self.p_deciding is not None and self.p_deciding < SIGNIFICANT


COMPARISONS = pa.DataFrameSchema({
    "table": text(), "model_a": text(), "model_b": text(), "metric": one_of("valid_ua", "gap", "gap_eval"),
    "selection": one_of(*ALL_SELECTIONS),
    **{statistic.name: statistic.metadata["column"] for statistic in fields(Comparison)},
})  # fmt: skip
"""One row per table, pair, metric and selection; `model_a` is the one claimed better, differences in points."""

GENDERS = pa.DataFrameSchema({
    "model": text(), "selection": one_of(*PREDICTED), "corpus": text(), "women": integer(0), "men": integer(0),
    "ua_women": number(least=0, empty=True), "ua_men": number(least=0, empty=True), "difference": number(empty=True),
    "ci_low": number(empty=True), "ci_high": number(empty=True), "p": probability(empty=True), "note": text(),
})  # fmt: skip
"""One row per model, selection and corpus (`all` for all together): numbers of actors, UA of women and of men in
percent over all folds, the difference in points with its 95 % interval and two-sided p; empty, with a note, where there
is none."""

INTERVALS = pa.DataFrameSchema({
    "model": text(), "selection": one_of(*PREDICTED), "corpus": text(), "gender": one_of("all", "F", "M", "X"),
    "actors": integer(1), "ua": number(least=0), "ci_low": number(empty=True), "ci_high": number(empty=True),
})  # fmt: skip
"""One row per model, selection and group (`all` and `all`, or the women or men of a corpus): UA in percent and its 95 %
interval over actors."""


CALIBRATION = pa.DataFrameSchema({
    "model": text(), "selection": one_of(*PREDICTED), "probabilities": one_of("own", "calibrated"),
    "bin": integer(1), "n": integer(1), "confidence": probability(), "accuracy": probability(),
})  # fmt: skip
"""One row per model, selection, kind of probabilities and bin of confidence that has segments: their number over all
runs, their mean probability of the predicted class, and the share of them that is right."""


def measures_schema(classes: Sequence[str]) -> pa.DataFrameSchema:
    """Columns of `results/measures.csv`: one row per run, selection, level and group; accuracies in percent.

    `level` is `segment`, or `utterance` (the mean of its segments' probabilities). `corpus` and `gender` are a key
    and a letter for the rows of that group alone, else `all`. A recall is empty where the group lacks the class.
    `ece_calibrated` is `ece` with the cross-validated temperature; empty where the seed has no other fold.
    """
    return pa.DataFrameSchema({
        "model": text(), "fold": integer(1), "seed": integer(0), "selection": one_of(*PREDICTED),
        "level": one_of("segment", "utterance"), "corpus": text(), "gender": one_of("all", "F", "M", "X"),
        "n": integer(1), "ua": number(least=0), "wa": number(least=0), "macro_f1": number(least=0),
        "ece": number(least=0), **{f"recall_{name}": number(least=0, empty=True) for name in classes},
        **{f"count_{true}_{predicted}": integer(0) for true in classes for predicted in classes},
        "repeat": integer(1),
        "ece_calibrated": number(least=0, empty=True),
    })  # fmt: skip


CELLS = pa.DataFrameSchema({
    "model": text(), "selection": one_of(*PREDICTED), "level": one_of("segment", "utterance"), "training": text(),
    "validation": text(), "runs": integer(1), "actors": integer(0), "n": integer(0), "classes": integer(0),
    "absent": text(), "chance": number(least=0, empty=True), "ua": number(least=0, empty=True),
    "ci_low": number(empty=True), "ci_high": number(empty=True), "ua_all": number(least=0),
})  # fmt: skip
"""One row per model, selection, level, training and validation corpus: UA in percent over `classes` classes, a mean
over `runs` runs with its 95 % interval over actors; training lacks the classes `absent` of the validation corpus."""

POOLED = pa.DataFrameSchema({
    "model": text(), "repeat": integer(1), "seed": integer(0), "selection": one_of(*PREDICTED),
    "level": one_of("segment", "utterance"), "folds": integer(1), "classes": integer(1), "n": integer(1),
    "ua": number(least=0), "mean_ua": number(least=0),
})  # fmt: skip
"""One row per model, repeat, seed, selection and level: UA in percent over the predictions of all its folds together,
over `classes` classes, and `mean_ua`, the mean of the folds' own."""
