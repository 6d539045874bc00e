from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.tables import FOLDS, SEGMENTS
from pipeline.folds import assignment
from pipeline.folds.assignment import Assignment, Balance, Task
from pipeline.folds.partition import _notes, balance_table, partition

CLASSES = ("joy", "anger", "sadness", "fear")

CANDIDATES, STEPS = assignment.CANDIDATES, assignment._STEPS

TABLE_3 = {
    "enterface": (9, 33), "ravdess": (12, 12), "iemocap": (5, 5), "emodb": (5, 5), "emovo": (3, 3), "savee": (0, 4),
}  # fmt: skip
"""Women and men of the paper's corpora."""


@pytest.fixture(autouse=True, scope="module")
def few_candidates() -> Iterator[None]:
    """The search is long; what it keeps even does not depend on its length."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "CANDIDATES", 100)
        patch.setattr(assignment, "_STEPS", 150)
        yield


@pytest.fixture
def whole_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long a search as a user's."""
    monkeypatch.setattr(assignment, "CANDIDATES", CANDIDATES)
    monkeypatch.setattr(assignment, "_STEPS", STEPS)


def segments_of(actors: list[tuple[str, str, str, str]], seed: int = 0) -> pd.DataFrame:
    """A segment table of (corpus, actor, gender, group), with 1 to 9 segments of each class by each actor."""
    random = np.random.default_rng(seed)
    rows = [
        (f"{corpus}-{actor}-{name}-{i}", "u", corpus, name, actor, gender, group, 0, 100)
        for corpus, actor, gender, group in actors
        for name in CLASSES
        for i in range(random.integers(1, 10))
    ]
    return pd.DataFrame(rows, columns=list(SEGMENTS.columns))


def single(corpora: dict[str, tuple[int, int]]) -> list[tuple[str, str, str, str]]:
    """Actors who are their own group; the same names in every corpus."""
    return [
        (corpus, f"s{gender}{i}", gender, f"s{gender}{i}")
        for corpus, numbers in corpora.items()
        for gender, number in zip("FM", numbers, strict=True)
        for i in range(number)
    ]


def spreads(folds: pd.DataFrame, number: int) -> dict[str, int]:
    """Largest minus smallest number of actors in a fold, for all that shall be even."""

    def spread(part: pd.DataFrame) -> int:
        counts = part["fold"].value_counts().reindex(range(1, number + 1), fill_value=0)
        return int(counts.max() - counts.min())

    cells = {f"{corpus} {gender}": spread(part) for (corpus, gender), part in folds.groupby(["corpus", "gender"])}
    genders = {f"all corpora {gender}": spread(part) for gender, part in folds.groupby("gender")}
    return {**cells, **genders, "all actors": spread(folds)}


def excess(folds: pd.DataFrame, number: int) -> int:
    return sum(max(0, spread - 1) for spread in spreads(folds, number).values())


@pytest.mark.usefixtures("whole_search")
@pytest.mark.parametrize("balance_classes", [True, False])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_actors_of_table_3_give_the_balance_of_table_4(seed: int, balance_classes: bool) -> None:
    folds, notes = partition(segments_of(single(TABLE_3)), 4, seed, balance_classes)
    assert notes == []
    FOLDS.validate(folds)
    assert len(folds) == 96
    total = balance_table(folds).loc["Total"]
    assert sorted(zip(total.xs("F", level="gender"), total.xs("M", level="gender"), strict=True)) == [
        (8, 16), (8, 16), (9, 15), (9, 15),
    ]  # fmt: skip
    assert set(spreads(folds, 4).values()) <= {0, 1}


def test_rows_are_sorted_and_one_for_each_actor() -> None:
    segments = segments_of(single(TABLE_3))
    folds, _ = partition(segments, 4, 0, True)
    assert list(folds.columns) == list(FOLDS.columns)
    pd.testing.assert_frame_equal(folds, folds.sort_values(["corpus", "actor"], ignore_index=True))
    actors = segments[["corpus", "actor"]].drop_duplicates()
    assert len(folds) == len(actors) == len(folds.merge(actors))


def test_the_seed_decides_and_the_order_of_rows_does_not() -> None:
    segments = segments_of(single(TABLE_3))
    folds, _ = partition(segments, 4, 3, True)
    shuffled, _ = partition(segments.sample(frac=1, random_state=1), 4, 3, True)
    other, _ = partition(segments, 4, 4, True)
    pd.testing.assert_frame_equal(folds, shuffled)
    assert (folds["fold"] != other["fold"]).any()


@pytest.mark.usefixtures("whole_search")
def test_balanced_classes_are_more_even() -> None:
    segments = segments_of(single(TABLE_3))

    def deviation(balance_classes: bool, seed: int) -> float:
        folds, _ = partition(segments, 4, seed, balance_classes)
        counts = segments.merge(folds, on=["corpus", "actor"]).groupby(["emotion", "fold"]).size().unstack()
        return float(np.square(counts.div(counts.sum(1), axis=0) - 0.25).to_numpy().sum())

    assert deviation(True, 0) < min(deviation(False, seed) for seed in range(4)) / 2


@settings(deadline=None, max_examples=10)
@given(
    numbers=st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)), min_size=1, max_size=4),
    number=st.sampled_from([2, 3, 4, 10]), seed=st.integers(0, 9),
)  # fmt: skip
def test_single_actors_can_always_be_balanced(numbers: list[tuple[int, int]], number: int, seed: int) -> None:
    corpora = {f"corpus{i}": pair for i, pair in enumerate(numbers)}
    if sum(map(sum, numbers)) < number:
        return
    folds, notes = partition(segments_of(single(corpora)), number, seed, True)
    assert notes == []
    assert excess(folds, number) == 0
    assert set(folds["fold"]) == set(range(1, number + 1))


def least_excess(groups: list[tuple[str, str]], number: int) -> int:
    """The least excess of all assignments of groups (corpus, genders) to folds, by trying all."""
    evened = [
        [genders.count(gender) * (corpus in within) for corpus, genders in groups]
        for within in ("a", "b", "ab") for gender in "FM"
    ] + [[len(genders) for _, genders in groups]]  # fmt: skip
    assignments = np.array(list(itertools.product(range(number), repeat=len(groups))))
    counts = np.stack([(assignments == fold) @ np.array(evened).T for fold in range(number)])
    return int(np.maximum(counts.max(0) - counts.min(0) - 1, 0).sum(1).min())


groups = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["F", "M", "FM", "FF", "FFM", "MMMM"])),
    min_size=3, max_size=7,
)  # fmt: skip


@settings(deadline=None, max_examples=10)
@given(groups=groups, number=st.sampled_from([2, 3]), seed=st.integers(0, 9))
def test_groups_stay_together_and_nothing_is_evener(groups: list[tuple[str, str]], number: int, seed: int) -> None:
    actors = [
        (corpus, f"s{i}{k}", gender, f"g{i}") for i, (corpus, genders) in enumerate(groups)
        for k, gender in enumerate(genders)
    ]  # fmt: skip
    folds, notes = partition(segments_of(actors), number, seed, True)
    assert (folds.groupby(["corpus", "group"])["fold"].nunique() == 1).all()
    assert excess(folds, number) == least_excess(groups, number)
    uneven = {name for name, spread in spreads(folds, number).items() if spread > 1}
    assert {note.split(":")[0] for note in notes} == uneven


def test_what_is_not_possible_is_said() -> None:
    actors = [("a", "s1", "F", "g1"), ("a", "s2", "F", "g1"), ("a", "s3", "F", "g1"), ("a", "s4", "F", "g2")]
    _, notes = partition(segments_of(actors), 2, 0, False)
    assert len(notes) == 3
    assert notes[0].startswith("a F: ")
    assert notes[0].endswith(
        "actors in folds 1 to 2 differ by 2; groups stay together, and no assignment is more even in total"
    )


def test_a_group_is_one_of_its_corpus() -> None:
    folds, notes = partition(segments_of([("a", "s1", "F", "one"), ("b", "s1", "F", "one")]), 2, 0, True)
    assert sorted(folds["fold"]) == [1, 2]
    assert notes == []


def test_many_groups_of_many_sizes_fill_all_folds() -> None:
    random = np.random.default_rng(0)
    actors = [
        ("a", f"s{group}-{i}", "FM"[random.integers(2)], f"g{group}")
        for group in range(25) for i in range(random.integers(1, 9))
    ]  # fmt: skip
    folds, _ = partition(segments_of(actors), 4, 0, True)
    assert set(folds["fold"]) == {1, 2, 3, 4}


def test_fewer_groups_than_folds_are_refused() -> None:
    with pytest.raises(InputError, match=r"partition.folds is 4, and there are 3 groups .* Lower partition.folds"):
        partition(segments_of(single({"a": (3, 0)})), 4, 0, True)
    with pytest.raises(InputError, match="there are 0 groups"):
        partition(segments_of([]), 2, 0, True)


def test_a_class_of_one_group_is_refused() -> None:
    segments = segments_of(single({"a": (4, 4)}))
    segments = segments[(segments["emotion"] != "fear") | (segments["actor"] == "sM2")]
    with pytest.raises(InputError, match=r"class fear has recordings of 1 actor only \(a sM2\), .* would have no fear"):
        partition(segments, 4, 0, True)


@pytest.mark.parametrize("balance_classes", [True, False])
def test_a_class_of_two_groups_is_spread_over_two_folds(balance_classes: bool) -> None:
    segments = segments_of(single({"a": (4, 4)}))
    segments = segments[(segments["emotion"] != "fear") | segments["actor"].isin(["sM1", "sM2"])]
    for seed in range(3):
        folds, _ = partition(segments, 2, seed, balance_classes)
        assert folds.loc[folds["actor"].isin(["sM1", "sM2"]), "fold"].nunique() == 2


def test_a_class_of_the_params_that_no_corpus_has_is_refused() -> None:
    with pytest.raises(InputError, match="no segment of class disgust in any configured corpus"):
        partition(segments_of(single({"a": (4, 4)})), 2, 0, True, classes=[*CLASSES, "disgust"])


def test_an_actor_of_two_groups_or_genders_is_refused() -> None:
    actors = [("a", "s1", "F", "g1"), ("a", "s1", "F", "g2"), ("a", "s2", "M", "g3")]
    with pytest.raises(InputError, match=r"actor s1 of a .* \(gender F, group g1; gender F, group g2\)"):
        partition(segments_of(actors), 2, 0, True)


def test_others_than_women_and_men_are_counted_where_there_are_any() -> None:
    rows = [
        ("own", f"{gender}{number}", gender, f"{gender}{number}", number + 1) for gender in "FMX" for number in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["corpus", "actor", "gender", "group", "fold"])
    with_others = balance_table(table)
    assert list(with_others.columns) == [(fold, gender) for fold in (1, 2) for gender in "FMX"]
    assert with_others.loc["Total"].tolist() == [1] * 6
    without = balance_table(table[table["gender"] != "X"])
    assert list(without.columns) == [(fold, gender) for fold in (1, 2) for gender in "FM"]


def test_the_reason_of_an_uneven_assignment_is_that_it_has_every_class():
    shares = np.zeros((4, 1))
    shares[:2] = 0.5
    weights = np.array([[2], [2], [1], [1]])

    def walks(start, task, generator, present=False):
        return np.array([[0, 1, 1, 1] if present else [0, 0, 1, 1]])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "_most_even", lambda weights, folds: (np.array([0, 0, 1, 1]), False))
        patch.setattr(assignment, "_random_walks", walks)
        patch.setattr(assignment, "_excess", lambda counts: counts[:, 1, 0] - 2)
        found = assignment.assign(Task(Balance(("own F",), weights), shares, 2, 0, balance_classes=True))
    assert isinstance(found, Assignment)
    assert found.uneven
    assert _notes(Balance(("own F",), weights), found, 2) == [
        "own F: 2, 4 actors in folds 1 to 2 differ by 2; a more even assignment leaves a class out of a fold"
    ]
