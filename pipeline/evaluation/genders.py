"""Is a model as good for women as for men? UA of each, and a test of the difference over actors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from pipeline.core.tables import number_types
from pipeline.evaluation.actors import satterthwaite
from pipeline.evaluation.bootstrap import RunCounts, count_by_actor
from pipeline.evaluation.pseudo import jackknife
from pipeline.evaluation.significance import EQUAL
from pipeline.evaluation.tables import GENDERS
from pipeline.evaluation.terms import ALL, LEAST_OF_GENDER

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GenderGap:
    """UA of women and of men in percent, each a mean over trainings, and the test of the difference.

    Attributes:
        women, men: numbers of actors.
        ua_women, ua_men: UA over all folds together; None without actors.
        low, high: 95 % interval of women - men in points; None without a test.
        p: two-sided; None without a test.
        note: why there is no test.
    """

    women: int
    men: int
    ua_women: float | None
    ua_men: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    note: str = ""


def gender_gap(women: Sequence[RunCounts], men: Sequence[RunCounts]) -> GenderGap:
    """The gap between two groups of actors.

    The jackknife over the actors of each group gives the actors' part of the variance; the gap of one training to the
    next gives the trainings' part, where there are several.

    Args:
        women: counts of the women in each training, which is one seed of one partition, all folds together.
        men: those of the men, in the same order.
    """
    for trainings in (women, men):
        if len({counts.actors for counts in trainings}) > 1:
            return _without_test(women, men, "trainings validate different actors; a test needs every fold of each")
    (ua_women, of_women), (ua_men, of_men) = _ua_and_shares(women), _ua_and_shares(men)
    found = GenderGap(len(of_women), len(of_men), _mean(ua_women), _mean(ua_men))
    if min(found.women, found.men) < LEAST_OF_GENDER:
        note = f"{found.women} women and {found.men} men; a test needs {LEAST_OF_GENDER} of each"
        return replace(found, note=note)
    gaps = ua_women - ua_men
    parts = [(float(values.var(ddof=1)) / len(values), len(values) - 1.0) for values in (of_women, of_men)]
    if len(gaps) > 1:
        parts.append((float(gaps.var(ddof=1)) / len(gaps), len(gaps) - 1.0))
    variance = sum(part for part, _ in parts)
    if variance < EQUAL**2:
        return replace(found, note="all actors are classified alike")
    df, error, mean = satterthwaite(*parts), float(np.sqrt(variance)), float(gaps.mean())
    half = float(stats.t.isf(0.025, df)) * error
    return replace(found, low=mean - half, high=mean + half, p=float(2 * stats.t.sf(abs(mean) / error, df)))


def _without_test(women: Sequence[RunCounts], men: Sequence[RunCounts], note: str) -> GenderGap:
    """The gap of trainings that validate different actors, such as those of some folds of several partitions."""
    numbers = [len({actor for counts in group for actor in counts.actors}) for group in (women, men)]
    uas = [_mean(np.array([jackknife(counts)[0] for counts in group])) for group in (women, men)]
    return GenderGap(numbers[0], numbers[1], uas[0], uas[1], note=note)


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None


def _ua_and_shares(trainings: Sequence[RunCounts]) -> tuple[Array, Array]:
    """(trainings,) UA of a group, and the (actors,) means over trainings of the pseudo-values."""
    if not trainings or not trainings[0].actors:
        return np.empty(0), np.empty(0)
    found = [jackknife(counts) for counts in trainings]
    return np.array([ua for ua, _ in found]), np.mean([shares for _, shares in found], axis=0)


def gender_gaps(predictions: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> pd.DataFrame:
    """The gap of every model, over all corpora and in each; one of one gender alone has no difference.

    Args:
        predictions: rows of `results/predictions` by model, with `corpus`, `gender` and `actor` of each segment.
        classes: the classes of the experiment.

    Returns:
        Rows of `GENDERS` by model, selection and corpus.
    """
    rows = []
    for model, table in predictions.items():
        for selection, chosen in table.assign(fold=1).groupby("selection"):
            for corpus, group in _corpora(chosen):
                women, men = (_trainings(group[group["gender"] == gender], classes) for gender in ("F", "M"))
                gap = gender_gap(women, men)
                difference = None
                if gap.ua_women is not None and gap.ua_men is not None:
                    difference = gap.ua_women - gap.ua_men
                rows.append((
                    model, selection, corpus, gap.women, gap.men, gap.ua_women, gap.ua_men, difference, gap.low,
                    gap.high, gap.p, gap.note,
                ))  # fmt: skip
    return pd.DataFrame(rows, columns=list(GENDERS.columns)).astype(number_types(GENDERS))


def _corpora(predictions: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield ALL, predictions
    corpora = list(predictions.groupby("corpus"))
    if len(corpora) > 1:
        yield from ((str(corpus), rows) for corpus, rows in corpora)


def _trainings(rows: pd.DataFrame, classes: Sequence[str]) -> list[RunCounts]:
    return list(count_by_actor(rows, tuple(classes)).values()) if len(rows) else []
