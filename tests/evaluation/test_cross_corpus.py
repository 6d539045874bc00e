"""Cells of the cross-corpus matrix from made-up predictions."""

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.cross_corpus import cross_corpus, lacking_in_training
from pipeline.evaluation.tables import CELLS
from pipeline.evaluation.terms import OTHERS
from pipeline.folds.params import PartitionParams, headline_folds, partition_mistakes, trained_on, with_folds

CLASSES = ("joy", "anger", "fear")
CORPORA = ("a", "b", "c")


def predictions(rows):
    """Rows (fold, corpus, actor, emotion, predicted), each a segment and an utterance of its own."""
    table = pd.DataFrame(rows, columns=["fold", "corpus", "actor", "emotion", "predicted"])
    table = table.assign(
        repeat=1, seed=1, selection="last", gender="F", utterance=[f"u{n}" for n in range(len(table))],
    )  # fmt: skip
    for name in CLASSES:
        table[f"p_{name}"] = (table["predicted"] == name).astype(float)
    return table


def cells(rows, trainings=None, lacking=None):
    found = cross_corpus({"m": predictions(rows)}, CLASSES, trainings or {1: ("a",), 4: ("b", "c")}, lacking or {})
    CELLS.validate(found)
    return found[found["level"] == "segment"].set_index(["training", "validation"])


def test_a_class_that_training_lacks_is_left_out_and_chance_follows():
    rows = [
        (1, "b", actor, emotion, "joy") for actor in ("b/x", "b/y") for emotion in ("joy", "anger", "fear")
    ]  # fmt: skip
    cell = cells(rows, lacking={1: frozenset({"fear"})}).loc[("a", "b")]
    assert (cell["ua"], cell["chance"], cell["classes"], cell["absent"], cell["n"]) == (50, 50, 2, "fear", 4)
    assert cell["ua_all"] == pytest.approx(100 / 3)
    # The answer that is always the same reaches chance, for every choice of actors.
    assert (cell["ci_low"], cell["ci_high"]) == (50, 50)


def test_what_a_validation_corpus_lacks_is_no_class_of_the_cell():
    rows = [(1, "c", actor, emotion, "fear") for actor in ("c/x", "c/y") for emotion in ("joy", "anger")]
    cell = cells(rows).loc[("a", "c")]
    assert (cell["ua"], cell["chance"], cell["absent"], cell["ua_all"]) == (0, 50, "", 0)


def test_corpora_without_a_common_class_have_no_ua():
    rows = [(1, "b", "b/x", "fear", "joy"), (1, "b", "b/y", "fear", "joy")]
    cell = cells(rows, lacking={1: frozenset({"fear"})}).loc[("a", "b")]
    assert (cell["classes"], cell["n"], cell["actors"], cell["ua_all"]) == (0, 0, 0, 0)
    assert np.isnan([cell["ua"], cell["chance"], cell["ci_low"], cell["ci_high"]]).all()


def test_one_actor_has_no_interval_and_folds_that_leave_one_out_a_row():
    rows = [(4, "a", "a/x", emotion, emotion) for emotion in CLASSES]
    cell = cells(rows).loc[(OTHERS, "a")]
    assert (cell["ua"], cell["actors"]) == (100, 1)
    assert np.isnan(cell["ci_low"])


def test_there_is_no_matrix_where_folds_are_no_corpora():
    assert cross_corpus({"m": predictions([(1, "a", "a/x", "joy", "joy")])}, CLASSES, {}, {}).empty
    assert trained_on(CORPORA, PartitionParams(folds=4, seed=0)) == {}


def test_what_each_fold_trains_on():
    alone = {1: ("a",), 2: ("b",), 3: ("c",)}
    rest = {1: ("b", "c"), 2: ("a", "c"), 3: ("a", "b")}
    crossed = PartitionParams(scheme="cross_corpus", folds=3, seed=0)
    assert (trained_on(CORPORA, crossed), headline_folds(crossed)) == (alone, (1, 2, 3))
    both = PartitionParams(scheme="cross_corpus", folds=6, seed=0, leave_one_out=True)
    assert trained_on(CORPORA, both) == {**alone, 4: rest[1], 5: rest[2], 6: rest[3]}
    assert headline_folds(both) == (4, 5, 6)
    left = PartitionParams(scheme="corpora", folds=3, seed=0)
    assert trained_on(CORPORA, left) == rest
    assert trained_on(CORPORA, left.model_copy(update={"dev": True})) == {1: ("c",), 2: ("a",), 3: ("b",)}


def test_the_number_of_folds_follows_from_the_corpora():
    options = {"scheme": "cross_corpus", "seed": 0, "leave_one_out": True}
    three = {"partition": options, "corpora": {corpus: {} for corpus in CORPORA}}
    assert with_folds(three)["partition"]["folds"] == 6
    wrong = PartitionParams(folds=3, **options)
    assert list(partition_mistakes(wrong, CORPORA)) == [
        "partition.folds: 3, and with scheme: cross_corpus every corpus is a fold (twice, with leave_one_out), and there "
        "are 3; leave folds out"
    ]
    # Of two corpora, all but one are one corpus: each would be trained on twice.
    assert list(partition_mistakes(PartitionParams(folds=4, **options), ["a", "b"])) == [
        "partition.leave_one_out: if one of 2 corpora is left out, a run trains on the other alone, as with "
        "scheme: cross_corpus without it; expected at least 3 corpora; remove it"
    ]
    useless = PartitionParams(scheme="corpora", folds=2, seed=0, leave_one_out=True)
    assert list(partition_mistakes(useless, ["a", "b"]))[-1] == (
        "partition.leave_one_out: has no effect with scheme: corpora; expected it with cross_corpus; remove it"
    )


def test_classes_that_training_lacks_are_those_that_partition_wrote():
    missing = [
        {"repeat": 1, "fold": 2, "part": "train", "emotion": "fear"},
        {"repeat": 1, "fold": 2, "part": "train", "emotion": "joy"},
        {"repeat": 1, "fold": 1, "part": "valid", "emotion": "joy"},
    ]
    assert lacking_in_training(missing) == {2: frozenset({"fear", "joy"})}
