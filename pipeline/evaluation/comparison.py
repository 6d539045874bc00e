"""Is one model better than another? The paper's one-sided paired t-test over (fold, seed) pairs (Tables 7 and 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from pipeline.evaluation.claims import Claim
from pipeline.params import SELECTIONS, Selection
from pipeline.records import COMPARISONS
from pipeline.wording import listed

Metric = Literal["valid_ua", "gap", "gap_eval"]

METRICS: tuple[Metric, ...] = get_args(Metric)
"""What is compared: more `valid_ua` is better, less `gap` (training in train mode) or `gap_eval` (in eval mode) is."""

SIGNIFICANT = 0.05
"""p below which the paper calls a difference significant."""

_EQUAL = 1e-6
"""Points below which differences count as equal: far below one recording, far above the last bits of a float."""


@dataclass(frozen=True)
class PairedTest:
    """Outcome of a paired test; what is not defined is None, and `note` says why."""

    n: int
    mean_difference: float | None = None
    t: float | None = None
    df: int | None = None
    p: float | None = None
    note: str = ""


def paired_t_test(differences: npt.NDArray[np.float64]) -> PairedTest:
    """One-sided paired t-test that the mean difference is above 0 (`scipy.stats.ttest_1samp`, so p = P(T >= t)).

    It takes the pairs as independent, as the paper does, though folds share training data and seeds share folds.

    Args:
        differences: shape (n,), how much better one model is in each pair, in points; no NaN.

    Returns:
        `t`, `df` and `p` are None for fewer than two pairs and for differences that are all equal.
    """
    n = len(differences)
    if n == 0:
        return PairedTest(0, note="no pairs")
    mean = float(np.mean(differences))
    if n < 2:
        return PairedTest(n, mean, note="1 pair; a paired test needs at least 2")
    if np.ptp(differences) < _EQUAL:
        return PairedTest(n, mean, note=f"all {n} differences are equal ({mean:.3f}); t is not defined")
    result = stats.ttest_1samp(differences, 0.0, alternative="greater")
    return PairedTest(n, mean, float(result.statistic), n - 1, float(result.pvalue))


def compare(runs: pd.DataFrame, claims: Sequence[Claim]) -> pd.DataFrame:
    """Test every claim, for every metric and selection of epochs.

    A test is withheld, and its note says why, when a model was not trained, a run of either diverged, the two models'
    (fold, seed) pairs are not the same, or the metric was not measured in some pair.

    Args:
        runs: rows of `records.RUNS` of the models to look at.
        claims: what is tested; models without rows in `runs` count as not trained.

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
                    test = PairedTest(0, note=f"not trained: {', '.join(missing)}")
                else:
                    test = _test(claim, metric, selection, *(scores[model, selection] for model in models))
                rows.append({
                    "table": claim.table, "model_a": claim.better, "model_b": claim.reference,
                    "metric": metric, "selection": selection, "n": test.n,
                    "mean_difference": test.mean_difference, "t": test.t, "df": test.df, "p": test.p,
                    "note": test.note,
                })  # fmt: skip
    table = pd.DataFrame(rows, columns=list(COMPARISONS.columns))
    numbers = ["mean_difference", "t", "df", "p"]
    return table.astype({"n": "int64", **dict.fromkeys(numbers, "float64")})


def _test(
    claim: Claim, metric: Metric, selection: Selection, better: pd.DataFrame, reference: pd.DataFrame
) -> PairedTest:
    """Test one claim on two models' rows of `records.RUNS` at one selection, indexed by fold and seed in order."""
    models = (claim.better, claim.reference)
    finished = [set(rows.index[rows["status"] == "done"]) for rows in (better, reference)]
    n = len(set.intersection(*finished))
    diverged = [
        f"{model} diverged ({len(rows) - len(done)} of {len(rows)})"
        for model, rows, done in zip(models, (better, reference), finished, strict=True)
        if len(done) < len(rows)
    ]
    if diverged:
        return PairedTest(n, note=f"withheld: {', '.join(diverged)}")
    if better.empty and reference.empty:
        return PairedTest(0, note=f"no {selection} epochs: they need at least two finished folds of a seed")
    if alone := [
        f"{model} has no {_named(lacking)}"
        for model, lacking in zip(models, (finished[1] - finished[0], finished[0] - finished[1]), strict=True)
        if lacking
    ]:
        return PairedTest(n, note=f"withheld: pairs differ, {'; '.join(alone)}")
    differences = (better[metric] - reference[metric]).to_numpy(dtype=np.float64)
    if unmeasured := int(np.isnan(differences).sum()):
        return PairedTest(n, note=f"withheld: {metric} was not measured in {unmeasured} of {n} pairs")
    return paired_t_test(differences if metric == "valid_ua" else -differences)


def _named(runs: set[tuple[int, int]]) -> str:
    """`fold 1 seed 2, fold 3 seed 2 and 4 more`."""
    return listed((f"fold {fold} seed {seed}" for fold, seed in sorted(runs)), most=3)
