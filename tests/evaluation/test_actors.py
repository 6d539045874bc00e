"""The test over actors against loops written from its formulas, an identity, and what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation.actors import ActorTest, actor_test, components_of
from pipeline.evaluation.bootstrap import RunCounts
from pipeline.evaluation.pseudo import PseudoValues, Withheld
from pipeline.evaluation.terms import LEAST_ACTORS


def counts_of(source, *, actors=14, folds=3, repeats=1, seeds=3, classes=3, balanced=False, right=0.6):
    """Counts of two models, actors in another order for each partition; folds differ in size."""
    totals = np.full((actors, classes), 6) if balanced else source.integers(0, 9, (actors, classes))
    totals[:, 0] += totals.sum(axis=1) == 0
    skill = source.normal(right, 0.15, (2, actors, 1))
    models = ({}, {})
    for repeat in range(1, repeats + 1):
        fold_of = source.permutation(np.arange(actors) % folds) + 1
        for fold in range(1, folds + 1):
            members = np.flatnonzero(fold_of == fold)
            for seed in range(1, seeds + 1):
                luck = source.normal(0, 0.1, 2)
                for model in (0, 1):
                    chance = np.clip(skill[model] + luck[model], 0, 1)[members]
                    hits = source.binomial(totals[members], np.broadcast_to(chance, (len(members), classes)))
                    names = tuple(f"a{actor:02d}" for actor in members)
                    models[model][repeat, fold, seed] = RunCounts(names, totals[members] * 1.0, hits * 1.0)
    return models


def ua_of(cells):
    """UA of {actor: [(total, hits) for each class]}, class by class."""
    recalls = []
    for position in range(len(next(iter(cells.values())))):
        total = sum(classes[position][0] for classes in cells.values())
        if total:
            recalls.append(sum(classes[position][1] for classes in cells.values()) / total)
    return 100 * sum(recalls) / len(recalls)


def cells_of(counts):
    return {
        actor: list(zip(totals.tolist(), hits.tolist(), strict=True))
        for actor, totals, hits in zip(counts.actors, counts.totals, counts.hits, strict=True)
    }


def naive(better, reference):
    """Difference, V, df: steps 1 to 7 of the test, in loops over dictionaries."""
    runs = sorted(better)
    difference, pseudo = {}, {}
    for run in runs:
        a, b = cells_of(better[run]), cells_of(reference[run])
        m = len(a)
        difference[run] = ua_of(a) - ua_of(b)
        for actor in a:
            left = ({k: v for k, v in cells.items() if k != actor} for cells in (a, b))
            without = [ua_of(cells) for cells in left]
            pseudo[actor, run] = m * difference[run] - (m - 1) * (without[0] - without[1])
    partitions, folds = sorted({run[0] for run in runs}), sorted({run[1] for run in runs})
    seeds = sorted({run[2] for run in runs})
    if len(partitions) > 1:
        difference = {
            (r, f): np.mean([difference[r, f, s] for s in seeds]) for r in partitions for f in folds
        }  # fmt: skip
        pseudo = {
            (actor, (r, f)): np.mean([pseudo[actor, (r, f, s)] for s in seeds])
            for actor, (r, f, first) in pseudo if first == seeds[0]
        }  # fmt: skip
        runs = sorted(difference)
    actors = sorted({actor for actor, _ in pseudo})
    n, k, j_count, mean = len(actors), len(folds), len(runs), np.mean(list(difference.values()))
    members = {run: [actor for actor in actors if (actor, run) in pseudo] for run in runs}
    u = []
    for actor in actors:
        own = [run for run in runs if actor in members[run]]
        u.append(n * sum((pseudo[actor, run] - mean) / (k * len(members[run])) for run in own) / len(own))
    v_actor = sum((one - np.mean(u)) ** 2 for one in u) / (n - 1) / (n - 3)
    if len(partitions) > 1:
        p = len(partitions)
        residual = {}
        for actor in actors:
            own = [pseudo[actor, run] for run in runs if actor in members[run]]
            for run in runs:
                if actor in members[run]:
                    residual[actor, run] = pseudo[actor, run] - sum(own) / len(own)
        ss = sum(one**2 for one in residual.values())
        q = sum(sum(residual[a, run] for a in members[run]) ** 2 / len(members[run]) for run in runs)
        c_t = 0.0
        for one in runs:
            for other in runs:
                both = len(set(members[one]) & set(members[other]))
                c_t += ((one == other) * len(members[one]) - both / p) ** 2 / len(members[one])
        c_e, tau = j_count * (1 - 1 / p), ss / (n * (p - 1))
        omega2 = min(max((q - c_e * tau) / (c_t - c_e), 0), tau)
        run_term, nu = omega2 / j_count, j_count - p
    else:
        v_s = np.mean([np.var([difference[1, f, s] for s in seeds], ddof=1) for f in folds])
        run_term, nu = v_s / j_count, k * (len(seeds) - 1)
    v = v_actor + run_term
    return mean, v, v**2 / (v_actor**2 / (n - 1) + run_term**2 / nu)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(1, 3), st.integers(2, 3), st.integers(2, 4), st.integers(12, 17))
def test_it_is_the_formulas_of_its_derivation(seed, repeats, seeds, folds, actors):
    models = counts_of(np.random.default_rng(seed), actors=actors, folds=folds, repeats=repeats, seeds=seeds)
    found = actor_test(*models)
    assert isinstance(found, ActorTest)
    mean, variance, df = naive(*models)
    assert (found.mean, found.error**2, found.df) == pytest.approx((mean, variance, df))
    assert found.p() == pytest.approx(stats.t.sf(mean / np.sqrt(variance), df))
    half = stats.t.isf(0.025, df) * np.sqrt(variance)
    assert found.interval() == pytest.approx((mean - half, mean + half))


def test_several_partitions_with_one_seed_are_the_formulas_too():
    models = counts_of(np.random.default_rng(5), actors=16, folds=4, repeats=3, seeds=1)
    found = actor_test(*models)
    assert (found.mean, found.error**2, found.df) == pytest.approx(naive(*models))
    assert found.components.run_df == 12 - 3


def test_where_all_actors_say_every_class_equally_often_pseudo_values_are_their_own_differences():
    """Then UA is a mean over actors, and the actors' term is that of a t-test of their means, but for n - 3."""
    a, b = counts_of(np.random.default_rng(2), actors=12, folds=3, seeds=2, balanced=True)
    own = {}
    for run in a:
        for name, one, other in zip(a[run].actors, a[run].hits, b[run].hits, strict=True):
            own.setdefault(name, []).append(100 * np.mean((one - other) / 6))
    means = np.array([np.mean(values) for values in own.values()])
    found = actor_test(a, b)
    assert found.mean == pytest.approx(means.mean())
    assert found.components.between == pytest.approx(means.var(ddof=1))
    assert found.components.actor_variance == pytest.approx(means.var(ddof=1) / 9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.sampled_from([(1, 3), (3, 1), (1, 1), (2, 2)]))
def test_names_of_actors_numbers_of_takes_and_the_order_of_models_do_not_matter(seed, design):
    source = np.random.default_rng(seed)
    repeats, seeds = design
    a, b = counts_of(source, repeats=repeats, seeds=seeds)
    found, turned = actor_test(a, b), actor_test(b, a)
    assert turned.mean == pytest.approx(-found.mean)
    assert (turned.error, turned.df) == pytest.approx((found.error, found.df))
    assert turned.p() == pytest.approx(1 - found.p())
    actors = sorted({actor for counts in a.values() for actor in counts.actors})
    names = dict(zip(actors, source.permutation(actors), strict=True))

    def changed(model):
        return {
            run: RunCounts(tuple(names[one] for one in counts.actors), 10 * counts.totals, 10 * counts.hits)
            for run, counts in model.items()
        }

    again = actor_test(changed(a), changed(b))
    assert (again.mean, again.error, again.df) == pytest.approx((found.mean, found.error, found.df))


def test_one_model_has_an_interval_of_its_ua():
    a, b = counts_of(np.random.default_rng(3))
    alone, other, difference = actor_test(a), actor_test(b), actor_test(a, b)
    assert alone.mean - other.mean == pytest.approx(difference.mean)
    assert alone.interval()[0] < alone.mean < alone.interval()[1]


def test_seeds_that_change_nothing_leave_the_actors_alone():
    a, b = ({run: model[run[0], run[1], 1] for run in model} for model in counts_of(np.random.default_rng(4)))
    found = actor_test(a, b)
    assert found.components.run_variance == pytest.approx(0, abs=1e-12)
    assert found.df == pytest.approx(13)


def test_more_than_a_shift_is_tested_too():
    found = actor_test(*counts_of(np.random.default_rng(6)))
    assert found.p(above=-50) < found.p() < found.p(above=50)
    assert found.p(above=found.mean) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"actors": LEAST_ACTORS - 1}, "11 actors; tried with 12 and more"),
        ({"folds": 1}, "one fold"),
        ({"actors": 12, "folds": 12}, "one actor alone in fold 1"),
    ],
)
def test_where_it_is_withheld(changes, reason):
    assert actor_test(*counts_of(np.random.default_rng(0), **changes)) == Withheld(reason)


def test_unequal_runs_and_equal_models_are_withheld():
    a, b = counts_of(np.random.default_rng(0))
    less = {run: counts for run, counts in a.items() if run != (1, 2, 2)}
    assert actor_test(less, b) == Withheld("no predictions of the same runs of both models")
    assert actor_test({}, {}) == Withheld("no predictions of the same runs of both models")
    assert actor_test(a, a) == Withheld("all actors have the same difference")
    fewer = {run: counts for run, counts in b.items() if run != (1, 2, 2)}
    assert actor_test(less, fewer) == Withheld("not every actor is validated once for each repeat and seed")


@pytest.mark.parametrize(("repeats", "seeds"), [(1, 3), (3, 1)])
def test_the_components_are_those_that_were_drawn(repeats, seeds):
    """Pseudo-values from known standard deviations: 5 of actors, 4 from run to run, 2 of runs; 300 draws."""
    found = np.mean([squares(seed, repeats, seeds) for seed in range(300)], axis=0)
    assert found == pytest.approx([5**2, 4**2, 2**2], rel=0.12)


def squares(seed, repeats, seeds, actors=24, folds=4):
    noise = components_of(drawn(np.random.default_rng(seed), repeats, seeds, actors, folds, (5, 4, 2)))
    # `actor` is cut at 0; here without.
    return noise.between - noise.interaction / (noise.repeats * noise.seeds), noise.interaction, noise.training


def drawn(source, repeats, seeds, actors, folds, deviations, mean=0.0):
    """Pseudo-values by the model behind the test: mean + actor + run + actor in run."""
    of_actor, of_both, of_run = deviations
    skill = mean + source.normal(0, of_actor, actors)
    runs, columns = [], []
    for repeat in range(1, repeats + 1):
        fold_of = source.permutation(np.arange(actors) % folds) + 1
        for fold in range(1, folds + 1):
            for seed in range(1, seeds + 1):
                runs.append((repeat, fold, seed))
                values = skill + source.normal(0, of_run) + source.normal(0, of_both, actors)
                columns.append(np.where(fold_of == fold, values, np.nan))
    values = np.stack(columns, axis=1)
    return PseudoValues(tuple(runs), np.nanmean(values, axis=0), values)
