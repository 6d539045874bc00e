"""The tables that training writes for each model: its runs, their history, and their predictions."""

from __future__ import annotations

from collections.abc import Sequence

import pandera.pandas as pa

from pipeline.core.selections import ALL_SELECTIONS, PREDICTED
from pipeline.core.tables import integer, key, number, one_of, probability, text

SPLIT_DIGITS = 10
"""Number of first digits of the hash of a run's data that depend on segments and folds, not on the front end."""

RUNS = pa.DataFrameSchema({
    "model": text(), "fold": integer(1), "seed": integer(0), "selection": one_of(*ALL_SELECTIONS),
    "epoch": integer(1), "valid_ua": number(empty=True), "train_ua": number(empty=True),
    "train_ua_eval": number(empty=True), "gap": number(empty=True), "gap_eval": number(empty=True),
    "status": one_of("done", "diverged"), "repeat": integer(1),
})  # fmt: skip
"""One row per run and selection; accuracies and gaps in percent."""

HISTORY = pa.DataFrameSchema({
    "model": text(), "fold": integer(1), "seed": integer(0), "epoch": integer(1),
    "train_loss": number(empty=True), "train_ua": number(empty=True), "train_loss_eval": number(empty=True),
    "train_ua_eval": number(empty=True), "valid_loss": number(empty=True), "valid_ua": number(empty=True),
    "repeat": integer(1),
})  # fmt: skip
"""One row per run and epoch; training columns in eval mode are empty for epochs that were not scored so."""


def history_schema(*, dev: bool) -> pa.DataFrameSchema:
    """`HISTORY`, with `partition.dev` also the loss and UA of the fold that is held out."""
    return HISTORY.add_columns({"dev_loss": number(), "dev_ua": number()}) if dev else HISTORY


def predictions_schema(classes: Sequence[str]) -> pa.DataFrameSchema:
    """Columns of `results/predictions/<model>.csv`: one row per run, selection and validation segment."""
    return pa.DataFrameSchema({
        "model": text(), "fold": integer(1), "seed": integer(0), "selection": one_of(*PREDICTED),
        "segment": key(), "emotion": one_of(*classes), "predicted": one_of(*classes),
        **{f"p_{name}": probability() for name in classes}, "repeat": integer(1),
    })  # fmt: skip


def apart_schema(classes: Sequence[str]) -> pa.DataFrameSchema:
    """Columns of `results/test/<model>.csv`: a row for each run, then one of their ensemble; accuracies in percent.

    The ensemble has the mean of the probabilities of all runs, and 0 as repeat, fold and seed; `runs` is their number.
    `level` is `segment`, or `utterance` (the mean of its segments' probabilities). A recall is empty where the test
    lacks the class.
    """
    return pa.DataFrameSchema({
        "model": text(), "repeat": integer(0), "fold": integer(0), "seed": integer(0), "selection": one_of(*PREDICTED),
        "kind": one_of("run", "ensemble"), "runs": integer(1), "level": one_of("segment", "utterance"),
        "n": integer(1), "ua": number(least=0), "wa": number(least=0),
        **{f"recall_{name}": number(least=0, empty=True) for name in classes},
    })  # fmt: skip
