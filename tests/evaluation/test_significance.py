"""Each statistic against an independent computation, or a published number."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from pipeline.evaluation.significance import (
    correlated_t,
    effect_size,
    fold_correction,
    holm,
    interval,
    t_test,
    wilcoxon,
)  # fmt: skip

values = st.lists(st.floats(-50, 50, allow_nan=False), min_size=2, max_size=14).map(np.array)
A = np.array([2.0, 1.0, -0.5, 3.0, 1.0, 2.0, 0.5, 3.0, 4.0, -1.0, 2.5, 1.5])


@settings(max_examples=60, deadline=None)
@given(values, st.randoms())
def test_the_papers_test_is_scipys_and_mirrors(differences, random):
    assume(np.ptp(differences) > 1e-3)
    test, mirrored = t_test(differences), t_test(-differences)
    expected = stats.ttest_1samp(differences, 0, alternative="greater")
    assert (test.t, test.p, test.df) == pytest.approx((expected.statistic, expected.pvalue, len(differences) - 1))
    assert test.p + mirrored.p == pytest.approx(1)
    shuffled = list(differences)
    random.shuffle(shuffled)
    assert t_test(np.array(shuffled)).p == pytest.approx(test.p)


@pytest.mark.parametrize(
    ("published", "corrected"),
    [(1.22e-5, 0.005), (2.7e-4, 0.027), (5.07e-4, 0.037)],
)
def test_the_correction_turns_published_p_values_into_those_of_the_protocol(published, corrected):
    """Tables 7 and 9, 4 folds x 3 seeds: t shrinks by 0.447, at 11 degrees of freedom."""
    t = stats.t.isf(published, 11)
    spread = np.array([1.0, -1.0] * 6)
    differences = t * np.std(spread, ddof=1) / np.sqrt(12) + spread
    assert t_test(differences).p == pytest.approx(published)
    test = t_test(differences, fold_correction(4))
    assert test.t / t == pytest.approx(0.447, abs=5e-4)
    assert test.p == pytest.approx(corrected, abs=6e-4)


@pytest.mark.parametrize("correction", [0.0, 1 / 3])
def test_the_interval_is_where_the_two_sided_test_turns(correction):
    low, high = interval(A, correction)
    assert t_test(A - low, correction).p == pytest.approx(0.025)
    assert t_test(high - A, correction).p == pytest.approx(0.025)
    if correction == 0:
        expected = stats.ttest_1samp(A, 0).confidence_interval(0.95)
        assert (low, high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("rope", [0.0, 0.5, 1.0, 3.0])
def test_the_bayesian_test_integrates_its_posterior(rope):
    """The posterior written out (Benavoli et al. 2017), integrated numerically."""
    n, rho = len(A), 1 / 4
    scale = np.sqrt((1 / n + rho / (1 - rho)) * A.var(ddof=1))

    def density(x):
        return stats.t.pdf((x - A.mean()) / scale, n - 1) / scale

    found = correlated_t(A, 4, rope)
    parts = [integrate.quad(density, *limits)[0] for limits in ((-np.inf, -rope), (-rope, rope), (rope, np.inf))]
    assert (found.worse, found.equal, found.better) == pytest.approx(parts, abs=1e-7)
    assert found.worse + found.equal + found.better == pytest.approx(1)


def test_without_a_region_of_equivalence_the_posterior_is_the_corrected_test():
    """Corani & Benavoli 2015, section 4: rho = 1/folds makes the two the same."""
    assert correlated_t(A, 4, 0.0).worse == pytest.approx(t_test(A, fold_correction(4)).p)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=9, unique=True), st.randoms())
def test_wilcoxon_counts_the_sign_flips(sizes, random):
    differences = np.array([size * random.choice((-1, 1)) for size in sizes], dtype=float)
    ranks = stats.rankdata(np.abs(differences))
    observed = ranks[differences > 0].sum()
    flips = [ranks[np.array(signs)].sum() for signs in itertools.product((True, False), repeat=len(ranks))]
    assert wilcoxon(differences) == pytest.approx(np.mean(np.array(flips) >= observed))


@pytest.mark.parametrize(
    "values", [[1, -1, 2, 0, 3], [2, 2, -1, 2], [0, 1, -2, 3], [1] * 9 + [-1] * 4, [1] * 9 + [-2] * 5]
)
def test_wilcoxon_with_ties_and_zeros_is_scipys(values):
    assert wilcoxon(np.array(values, float)) == pytest.approx(stats.wilcoxon(values, alternative="greater").pvalue)


def test_wilcoxon_leaves_out_zeros_and_is_not_defined_without_a_difference():
    assert wilcoxon(np.array([0.0, 1.0, 2.0, 3.0, 0.0])) == pytest.approx(1 / 8)
    assert wilcoxon(np.zeros(5)) is None
    assert wilcoxon(np.array([1.0])) is None


def test_holm_on_rs_numbers():
    """`p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")` of R."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7, 0.9]) == [1.0, 1.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values):
    for level in (0.01, 0.05, 0.3):
        order = sorted(range(len(p_values)), key=p_values.__getitem__)
        rejected = set()
        for rank, index in enumerate(order):
            if p_values[index] * (len(p_values) - rank) > level:
                break
            rejected.add(index)
        adjusted = holm(p_values)
        assert {index for index, p in enumerate(adjusted) if p <= level} == rejected


def test_the_effect_size_is_cohens():
    assert effect_size(A) == pytest.approx(A.mean() / A.std(ddof=1))
    # The paired t is the effect size times the root of n.
    assert effect_size(A) * np.sqrt(len(A)) == pytest.approx(t_test(A).t)


@pytest.mark.parametrize("bad", [np.array([1.0]), np.array([2.0, 2.0, 2.0]), np.array([])])
def test_what_is_not_defined_is_none(bad):
    assert t_test(bad) is None
    assert interval(bad, 0.0) is None
    assert correlated_t(bad, 4, 1.0) is None
    assert effect_size(bad) is None
