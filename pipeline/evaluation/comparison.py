"""Is one model better than another? The paper's paired t-test (Tables 7 and 9), and tests that hold their level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import pandas as pd

from pipeline.core.tables import COMPARISONS
from pipeline.core.wording import listed
from pipeline.evaluation.bootstrap import Run, RunCounts, bootstrap_interval
from pipeline.evaluation.hypotheses import Claim
from pipeline.evaluation.significance import (
    correlated_t,
    effect_size,
    fold_correction,
    holm,
    interval,
    t_test,
    wilcoxon,
)
from pipeline.params import SELECTIONS, Selection

Metric = Literal["valid_ua", "gap", "gap_eval"]

METRICS: tuple[Metric, ...] = get_args(Metric)
"""What is compared: more `valid_ua` is better, less `gap` (training in train mode) or `gap_eval` (in eval mode) is."""

SIGNIFICANT = 0.05
"""p below which the paper calls a difference significant."""


@dataclass(frozen=True)
class Comparison:
    """One claim by one metric at one selection; what is not defined is None, and `note` says why.

    Attributes:
        n: (fold, seed) pairs.
        mean_difference: in points, above 0 where the claim is right.
        t, df, p: the paper's test, which takes the pairs as independent.
        p_corrected: the corrected resampled t-test over the pairs.
        p_seed_mean: the t-test over the folds' means.
        p_corrected_seed_mean: the corrected one over the folds' means, which holds its level best (docs/statistics.md).
        p_wilcoxon: the signed-rank test over the pairs.
        p_holm: `p_corrected_seed_mean`, adjusted for the claims of its table.
        prob_worse, prob_equal, prob_better: of the Bayesian correlated t-test.
        effect_size: mean over standard deviation of the pairs.
        ci_low, ci_high: 95 % of `mean_difference`.
        note: why something is empty.
    """

    n: int
    mean_difference: float | None = None
    t: float | None = None
    df: int | None = None
    p: float | None = None
    p_corrected: float | None = None
    p_seed_mean: float | None = None
    p_corrected_seed_mean: float | None = None
    p_wilcoxon: float | None = None
    p_holm: float | None = None
    prob_worse: float | None = None
    prob_equal: float | None = None
    prob_better: float | None = None
    effect_size: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    note: str = ""


Counts = Mapping[tuple[str, Selection], Mapping[Run, RunCounts]]
"""Predictions by model and selection, counted by run and actor."""


def compare(
    runs: pd.DataFrame, claims: Sequence[Claim], folds: int, rope: float, counts: Counts = MappingProxyType({})
) -> pd.DataFrame:
    """Test every claim, for every metric and selection of epochs.

    A test is withheld, and its note says why, when a model was not trained, a run of either diverged, the two models'
    (fold, seed) pairs are not the same, or the metric was not measured in some pair.

    Args:
        runs: rows of `records.RUNS` of the models to look at.
        claims: what is tested; models without rows in `runs` count as not trained.
        folds: of the partition; those that were trained may be fewer.
        rope: points that count as practically equal.
        counts: where there are predictions, the interval of a UA is that of a bootstrap over actors.

    Returns:
        Rows of `records.COMPARISONS`, by claim, metric and selection. `mean_difference` is the better model's
        improvement in points: UA better - reference, Gap reference - better. `n` is the number of pairs in which both
        runs finished.
    """
    trained = set(runs["model"])
    scores = {
        (model, selection): runs[(runs["model"] == model) & (runs["selection"] == selection)]
        .set_index(["fold", "seed"])
        .sort_index()
        for model in trained
        for selection in SELECTIONS
    }
    rows = []
    for claim in claims:
        models = (claim.better, claim.reference)
        missing = [model for model in models if model not in trained]
        for metric in METRICS:
            for selection in SELECTIONS:
                if missing:
                    found = Comparison(0, note=f"not trained: {', '.join(missing)}")
                else:
                    better, reference = (scores[model, selection] for model in models)
                    found = _tested(claim, metric, selection, better, reference, folds, rope)
                    if metric == "valid_ua" and found.p is not None:
                        found = _with_bootstrap(found, *(counts.get((model, selection)) for model in models))
                rows.append({
                    "table": claim.table, "model_a": claim.better, "model_b": claim.reference,
                    "metric": metric, "selection": selection, **asdict(found),
                })  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COMPARISONS.columns))
    numbers = [name for name in table.columns if name not in TEXTS]
    table = table.astype({**dict.fromkeys(numbers, "float64"), "n": "int64"})
    for _, family in table.groupby(["table", "metric", "selection"], sort=False):
        known = family["p_corrected_seed_mean"].dropna()
        table.loc[known.index, "p_holm"] = holm(known.tolist())
    return table


TEXTS = ("table", "model_a", "model_b", "metric", "selection", "note")


def _tested(
    claim: Claim, metric: Metric, selection: Selection, better: pd.DataFrame, reference: pd.DataFrame, folds: int,
    rope: float,
) -> Comparison:  # fmt: skip
    """One claim on two models' rows of `records.RUNS` at one selection, indexed by fold and seed in order."""
    models = (claim.better, claim.reference)
    finished = [set(rows.index[rows["status"] == "done"]) for rows in (better, reference)]
    n = len(set.intersection(*finished))
    diverged = [
        f"{model} diverged ({len(rows) - len(done)} of {len(rows)})"
        for model, rows, done in zip(models, (better, reference), finished, strict=True)
        if len(done) < len(rows)
    ]
    if diverged:
        return Comparison(n, note=f"withheld: {', '.join(diverged)}")
    if better.empty and reference.empty:
        return Comparison(0, note=f"no {selection} epochs: they need at least two finished folds of a seed")
    if alone := [
        f"{model} has no {_named(lacking)}"
        for model, lacking in zip(models, (finished[1] - finished[0], finished[0] - finished[1]), strict=True)
        if lacking
    ]:
        return Comparison(n, note=f"withheld: pairs differ, {'; '.join(alone)}")
    differences = better[metric] - reference[metric]
    if unmeasured := int(differences.isna().sum()):
        return Comparison(n, note=f"withheld: {metric} was not measured in {unmeasured} of {n} pairs")
    return compare_differences(differences if metric == "valid_ua" else -differences, folds, rope)


def compare_differences(differences: pd.Series[float], folds: int, rope: float) -> Comparison:
    """Every test of one claim.

    Args:
        differences: how much better one model is, in points, indexed by fold and seed; no NaN.
        folds: of the partition.
        rope: points that count as practically equal.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not len(values):
        return Comparison(0, note="no pairs")
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Comparison(n, mean, note="1 pair; a paired test needs at least 2")
    by_fold = np.asarray(differences.groupby(level="fold").mean(), dtype=np.float64)
    correction = fold_correction(folds)
    paper = t_test(values)
    if paper is None:
        note = f"all {n} differences are equal ({mean:.3f}); t is not defined"
        return Comparison(n, mean, p_wilcoxon=wilcoxon(values), note=note)
    corrected, posterior, bounds = (
        t_test(values, correction), correlated_t(values, folds, rope), interval(values, correction),
    )  # fmt: skip
    assert corrected is not None  # noqa: S101 (defined where the paper's test is)
    assert posterior is not None  # noqa: S101
    assert bounds is not None  # noqa: S101
    seed_mean, corrected_seed_mean = t_test(by_fold), t_test(by_fold, correction)
    note = ""
    if seed_mean is None or corrected_seed_mean is None:
        reason = "one fold" if len(by_fold) < 2 else "folds have equal means"
        note = f"no test on fold means: {reason}"
    return Comparison(
        n, mean, paper.t, paper.df, paper.p,
        p_corrected=corrected.p,
        p_seed_mean=None if seed_mean is None else seed_mean.p,
        p_corrected_seed_mean=None if corrected_seed_mean is None else corrected_seed_mean.p,
        p_wilcoxon=wilcoxon(values),
        prob_worse=posterior.worse, prob_equal=posterior.equal, prob_better=posterior.better,
        effect_size=effect_size(values), ci_low=bounds[0], ci_high=bounds[1], note=note,
    )  # fmt: skip


def _with_bootstrap(
    found: Comparison, better: Mapping[Run, RunCounts] | None, reference: Mapping[Run, RunCounts] | None
) -> Comparison:
    """The same with the interval over actors, where both models' predictions of these runs are there."""
    if better is None or reference is None or len(better) != found.n:
        return found
    bounds = bootstrap_interval(better, reference)
    return found if bounds is None else replace(found, ci_low=bounds[0], ci_high=bounds[1])


def _named(runs: set[tuple[int, int]]) -> str:
    """`fold 1 seed 2, fold 3 seed 2 and 4 more`."""
    return listed((f"fold {fold} seed {seed}" for fold, seed in sorted(runs)), most=3)
