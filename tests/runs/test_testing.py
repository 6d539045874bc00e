"""Scores of recordings that are set apart, by run and all together."""

from types import SimpleNamespace

import pandas as pd
import torch

from pipeline.runs.testing import scores_apart

CLASSES = ("joy", "anger")


def finished(fold, *probabilities):
    snapshot = SimpleNamespace(test=torch.tensor(probabilities))
    return SimpleNamespace(spec=SimpleNamespace(repeat=1, fold=fold, seed=1), snapshots={"last": snapshot})


def test_the_ensemble_is_of_the_headline_folds_alone():
    """With `leave_one_out`, runs that train on one corpus are another experiment than those that leave one out."""
    segments = pd.DataFrame({"utterance": ["u1", "u2"], "emotion": ["joy", "anger"], "part1": "test", "part2": "test"})
    right, wrong = ((0.6, 0.4), (0.4, 0.6)), ((0.0, 1.0), (1.0, 0.0))
    runs = [finished(1, *wrong), finished(2, *right)]
    table = scores_apart("M", runs, {1: segments}, CLASSES, (2,))
    rows = table[table["level"] == "segment"].set_index(["kind", "fold"])
    assert rows["ua"].to_dict() == {("run", 1): 0.0, ("run", 2): 100.0, ("ensemble", 0): 100.0}
    assert rows.loc[("ensemble", 0), "runs"] == 1
    everything = scores_apart("M", runs, {1: segments}, CLASSES).query("kind == 'ensemble'")
    assert set(everything["ua"]) == {0.0}
