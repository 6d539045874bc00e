"""Is one model better than another? The paper's paired t-test (Tables 7 and 9), and corrected tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.core.selections import ALL_SELECTIONS, Selection
from pipeline.core.tables import number_types
from pipeline.core.wording import listed, run_words
from pipeline.evaluation.actors import test_of
from pipeline.evaluation.bootstrap import Run, RunCounts
from pipeline.evaluation.division import Division
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.pseudo import Withheld, pseudo_values
from pipeline.evaluation.significance import (
    correlated_t,
    effect_size,
    fold_correction,
    holm,
    interval,
    t_test,
    wilcoxon,
)
from pipeline.evaluation.tables import COMPARISONS, Comparison
from pipeline.evaluation.terms import METRICS, Metric

Counts = Mapping[tuple[str, Selection], Mapping[Run, RunCounts]]
"""Predictions by model and selection, counted by run and actor."""


def compare(
    runs: pd.DataFrame, hypotheses: Sequence[Hypothesis], folds: int | Division, rope: float,
    counts: Counts = MappingProxyType({}), *,
    metrics: Sequence[Metric] = METRICS, selections: Sequence[Selection] = ALL_SELECTIONS,
) -> pd.DataFrame:  # fmt: skip
    """Test every hypothesis, for every metric and selection of epochs.

    A test is withheld, and its note says why, when a model was not trained, a run of either diverged, the two models'
    runs are not of the same repeats, folds and seeds, or the metric was not measured in some pair.

    Args:
        runs: rows of `RUNS` of the models.
        hypotheses: the hypotheses to test; models without rows in `runs` count as not trained.
        folds: the folds of the partition, of which fewer may have been trained; a number if a run trains on all others.
        rope: largest difference in points that counts as practically equal.
        counts: counts of the predictions; with them, the test over actors decides.
        metrics: what is compared.
        selections: at which epochs; `dev` only where there are such runs.

    Returns:
        Rows of `COMPARISONS`, by hypothesis, metric and selection. `mean_difference` is the better model's
        improvement in points: UA better - reference, Gap reference - better. `n` is the number of pairs in which both
        runs finished.
    """
    divided = folds if isinstance(folds, Division) else Division(folds)
    trained = set(runs["model"])
    selections = [one for one in selections if one != "dev" or one in set(runs["selection"])]
    scores = {
        (model, selection): runs[(runs["model"] == model) & (runs["selection"] == selection)]
        .set_index(["repeat", "fold", "seed"])
        .sort_index()
        for model in trained
        for selection in selections
    }
    finished = {key: set(rows.index[rows["status"] == "done"]) for key, rows in scores.items()}
    rows = []
    for hypothesis in hypotheses:
        models = (hypothesis.better, hypothesis.reference)
        missing = [model for model in models if model not in trained]
        for metric in metrics:
            for selection in selections:
                if missing:
                    found = Comparison(0, note=f"not trained: {', '.join(missing)}")
                else:
                    keys = [(model, selection) for model in models]
                    found, differences = _test(
                        hypothesis, metric, selection, [scores[key] for key in keys], [finished[key] for key in keys],
                        divided, rope,
                    )  # fmt: skip
                    if found.p is not None:
                        one, other = (counts.get((model, selection)) for model in models)
                        gaps = None if metric == "valid_ua" else differences
                        found = _over_actors(found, one, other, gaps, rope)
                rows.append({
                    "table": hypothesis.table, "model_a": hypothesis.better, "model_b": hypothesis.reference,
                    "metric": metric, "selection": selection, **asdict(replace(found, claim=hypothesis.kind)),
                })  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COMPARISONS.columns))
    table = table.astype(number_types(COMPARISONS))
    for _, together in table.groupby(["table", "metric", "selection"], sort=False):
        deciding = {index: Comparison.from_row(row).p_deciding for index, row in together.to_dict("index").items()}
        known = {index: p for index, p in deciding.items() if p is not None}
        table.loc[list(known), "p_holm"] = holm(list(known.values()))
    return table


def _test(
    hypothesis: Hypothesis, metric: Metric, selection: Selection, scores: Sequence[pd.DataFrame],
    finished: Sequence[set[Run]], folds: Division, rope: float,
) -> tuple[Comparison, pd.Series[float]]:  # fmt: skip
    """Test one hypothesis on two models' rows of `RUNS` at one selection, indexed by repeat, fold and seed in order.

    Args:
        hypothesis: which model is to be better than which.
        metric: what is compared.
        selection: at which epochs.
        scores: the rows of the better model, and of the reference.
        finished: the runs of each that did not diverge.
        folds: the folds of the partition.
        rope: largest difference in points that counts as practically equal.

    Returns:
        The tests but that over actors, and the improvement in points by run; empty where there is no test.
    """
    nothing = pd.Series(dtype="float64")
    models = (hypothesis.better, hypothesis.reference)
    better, reference = scores
    n = len(set.intersection(*finished))
    diverged = [
        f"{model} diverged ({len(rows) - len(done)} of {len(rows)})"
        for model, rows, done in zip(models, (better, reference), finished, strict=True)
        if len(done) < len(rows)
    ]
    if diverged:
        return Comparison(n, note=f"withheld: {', '.join(diverged)}"), nothing
    if better.empty and reference.empty:
        why = "they need at least two finished folds of a seed, of which none validates what another one does"
        return Comparison(0, note=f"no {selection} epochs: {why}"), nothing
    if unpaired := [
        f"{model} has no {_runs_as_text(lacking)}"
        for model, lacking in zip(models, (finished[1] - finished[0], finished[0] - finished[1]), strict=True)
        if lacking
    ]:
        return Comparison(n, note=f"withheld: pairs differ, {'; '.join(unpaired)}"), nothing
    differences = better[metric] - reference[metric]
    if unmeasured := int(differences.isna().sum()):
        return Comparison(n, note=f"withheld: {metric} was not measured in {unmeasured} of {n} pairs"), nothing
    improvements = differences if metric == "valid_ua" else -differences
    return compare_differences(improvements, folds, rope), improvements


def compare_differences(differences: pd.Series[float], folds: Division, rope: float) -> Comparison:
    """Every test of one hypothesis.

    Args:
        differences: improvement of one model over the other in points, indexed by repeat, fold and seed; no NaN.
        folds: the folds of the partition.
        rope: largest difference in points that counts as practically equal.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not len(values):
        return Comparison(0, note="no pairs")
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Comparison(n, mean, note="1 pair; a paired test needs at least 2")
    by_fold = np.asarray(differences.groupby(level=["repeat", "fold"]).mean(), dtype=np.float64)
    paper = t_test(values)
    if paper is None:
        note = f"all {n} differences are equal ({mean:.3f}); t is not defined"
        return Comparison(n, mean, p_wilcoxon=wilcoxon(values), note=note)
    if withheld := folds.withheld or ("one fold" if folds.folds <= 1 else ""):
        seed_mean = t_test(by_fold)
        return Comparison(
            n, mean, paper.t, paper.df, paper.p,
            p_seed_mean=None if seed_mean is None else seed_mean.p,
            p_wilcoxon=wilcoxon(values), effect_size=effect_size(values), note=f"no corrected test: {withheld}",
        )  # fmt: skip
    correction = fold_correction(folds.folds)
    corrected, posterior, bounds = (
        t_test(values, correction), correlated_t(values, folds.folds, rope), interval(values, correction),
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
        p_not_worse=None if seed_mean is None else _p(values + rope, correction),
        p_equivalent=None if seed_mean is None else max(_p(values + rope, correction), _p(rope - values, correction)),
    )  # fmt: skip


def _p(values: npt.NDArray[np.float64], correction: float) -> float:
    """The p-value of the corrected test; the values must not all be equal."""
    test = t_test(values, correction)
    assert test is not None  # noqa: S101
    return test.p


def _over_actors(
    found: Comparison, better: Mapping[Run, RunCounts] | None, reference: Mapping[Run, RunCounts] | None,
    gaps: pd.Series[float] | None, rope: float,
) -> Comparison:  # fmt: skip
    """The same, decided by the test over actors, where there are predictions of both models for these runs.

    Of a difference of Gaps (`gaps`, by run), the validation UA is of actors that were held out; the training UA, of
    actors that were not, counts as a number of the run.
    """
    if better is None or reference is None or len(better) != found.n:
        return found
    values = pseudo_values(better, reference)
    if gaps is not None and not isinstance(values, Withheld):
        values = values.with_scores(np.asarray(gaps.loc[list(values.runs)], dtype=np.float64))
    test = values if isinstance(values, Withheld) else test_of(values)
    if isinstance(test, Withheld):
        return replace(found, note="; ".join(filter(None, (found.note, f"no test over actors: {test.reason}"))))
    low, high = test.interval()
    not_worse = test.p(above=-rope)
    return replace(
        found, ci_low=low, ci_high=high, p_actor=test.p(), actor_low=low, actor_high=high, actor_df=test.df,
        p_not_worse=not_worse, p_equivalent=max(not_worse, 1 - test.p(above=rope)),
    )  # fmt: skip


def _runs_as_text(runs: set[Run]) -> str:
    """`fold 1 seed 2, fold 3 seed 2 and 4 more`."""
    return listed((run_words(*run) for run in sorted(runs)), most=3)
