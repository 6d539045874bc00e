"""Women and men against a loop, and a population in which they are alike."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score

from pipeline.evaluation.bootstrap import RunCounts
from pipeline.evaluation.genders import gender_gap, gender_gaps
from pipeline.evaluation.tables import GENDERS
from tests.evaluation.test_measures import CLASSES, predictions_of


def trainings_of(source, actors, number, right=0.6, spread=0.1):
    """Counts of so many trainings: 10 segments of each of 3 classes an actor."""
    skill = np.clip(source.normal(right, spread, actors), 0, 1)[:, None]
    names = tuple(f"a{actor}" for actor in range(actors))
    totals = np.full((actors, 3), 10.0)
    return [RunCounts(names, totals, source.binomial(10, np.tile(skill, 3)) * 1.0) for _ in range(number)]


def test_with_equal_numbers_of_segments_it_is_welchs_test_and_the_trainings():
    source = np.random.default_rng(0)
    women, men = trainings_of(source, 9, 3), trainings_of(source, 12, 3)
    found = gender_gap(women, men)
    own = [np.mean([100 * run.hits.mean(axis=1) / 10 for run in runs], axis=0) for runs in (women, men)]
    gaps = [100 * (a.hits.mean() - b.hits.mean()) / 10 for a, b in zip(women, men, strict=True)]
    parts = [*(values.var(ddof=1) / len(values) for values in own), np.var(gaps, ddof=1) / 3]
    variance = sum(parts)
    df = variance**2 / sum(part**2 / one for part, one in zip(parts, (8, 11, 2), strict=True))
    mean = own[0].mean() - own[1].mean()
    assert (found.women, found.men) == (9, 12)
    assert found.ua_women - found.ua_men == pytest.approx(mean)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(mean) / np.sqrt(variance), df))
    half = stats.t.isf(0.025, df) * np.sqrt(variance)
    assert (found.low, found.high) == pytest.approx((mean - half, mean + half))


def test_one_training_is_welchs_test():
    source = np.random.default_rng(1)
    women, men = trainings_of(source, 9, 1), trainings_of(source, 12, 1)
    own = [100 * runs[0].hits.mean(axis=1) / 10 for runs in (women, men)]
    assert gender_gap(women, men).p == pytest.approx(stats.ttest_ind(*own, equal_var=False).pvalue)


def test_a_difference_is_found_and_a_few_actors_are_not_tested():
    source = np.random.default_rng(2)
    better, worse = (
        trainings_of(source, 8, 2, right=0.9, spread=0.02),
        trainings_of(source, 8, 2, right=0.5, spread=0.02),
    )
    assert gender_gap(better, worse).p < 1e-3
    few = gender_gap(trainings_of(source, 5, 2), worse)
    assert few.p is None
    assert few.note == "5 women and 8 men; a test needs 6 of each"
    nobody = gender_gap([], worse)
    assert (nobody.women, nobody.ua_women) == (0, None)


def test_rows_are_for_all_corpora_and_for_each_and_ua_is_of_all_folds_together():
    table = predictions_of(0.7, 4)
    found = GENDERS.validate(gender_gaps({"m": table}, CLASSES))
    assert found[["selection", "corpus"]].to_numpy().tolist() == [
        [selection, corpus] for selection in ("best", "last") for corpus in ("all", "emodb", "savee")
    ]
    last = table[table["selection"] == "last"]
    for row in found[found["selection"] == "last"].itertuples():
        here = last if row.corpus == "all" else last[last["corpus"] == row.corpus]
        for gender, ua in (("F", row.ua_women), ("M", row.ua_men)):
            uas = [
                100 * balanced_accuracy_score(rows["emotion"], rows["predicted"])
                for _, rows in here[here["gender"] == gender].groupby("seed")
            ]
            assert ua == pytest.approx(np.mean(uas))
        assert row.difference == pytest.approx(row.ua_women - row.ua_men)
