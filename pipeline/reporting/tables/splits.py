"""Tables of what stands beside the means over folds: the test set apart, and UA over pooled predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import CHOSEN, EPOCHS
from pipeline.evaluation.wording import fixed
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

TEST, POOLED = "test", "pooled"
"""Keys of the two tables."""

_TEST = (
    Column("model", "Model", number=False),
    Column("ensemble_ua", "Ensemble UA (%)"),
    Column("ensemble_utterance_ua", "by utterance"),
    Column("run_ua", "Mean UA of runs (%)"),
    Column("run_utterance_ua", "by utterance"),
    Column("runs", "Runs"),
    Column("segments", "Segments"),
    Column("utterances", "Utterances"),
)

_POOLED = (
    Column("model", "Model", number=False),
    Column("pooled_ua", "UA of all folds together (%)"),
    Column("utterance_ua", "by utterance"),
    Column("mean_ua", "Mean UA of folds (%)"),
    Column("classes", "Classes"),
    Column("folds", "Folds"),
)


def apart_table(results: Results) -> Sequence[Table]:
    """The models on the recordings that are set apart, if there are any."""
    if results.test_scores.empty:
        return ()
    parts = _parts(results, results.test_scores, _apart_row)
    notes = (
        "The test is in no training, validation or held-out part of any run, and was scored once, after the last "
        "epoch.",
        "Ensemble: the mean of the probabilities of all runs. By utterance: the mean over an utterance's segments.",
    )
    return (Table(TEST, "The test set apart", _TEST, parts, notes),)


def pooled_table(results: Results) -> Sequence[Table]:
    """UA over the predictions of all folds together, where the validation part of a fold lacks a class."""
    if results.pooled.empty or not results.incomplete_folds:
        return ()
    parts = _parts(results, results.pooled, _pooled_row)
    notes = (
        "UA of all folds together: the mean recall of all classes over the predictions of all folds of a partition and "
        "seed, then the mean over these. Where the validation part of a fold lacks a class, its own UA is over fewer "
        "classes, and chance is higher there.",
    )
    return (Table(POOLED, "UA over the predictions of all folds together", _POOLED, parts, notes),)


def _parts(
    results: Results, scores: pd.DataFrame, row: Callable[[pd.DataFrame, pd.DataFrame], Row]
) -> tuple[Part, ...]:
    """A part for each selection of epochs, with a row for each trained model that has scores at it.

    Args:
        results: the results.
        scores: one row per model, selection, level and whatever `row` looks at.
        row: the cells of a model beside its label, from its scores by segment and by utterance.
    """
    parts = []
    for selection in results.selections:
        rows = []
        for model in results.trained:
            here = scores[(scores["model"] == model) & (scores["selection"] == selection)]
            if not here.empty:
                segment, utterance = (here[here["level"] == level] for level in ("segment", "utterance"))
                rows.append({"model": Cell(results.label(model)), **row(segment, utterance)})
        if rows:
            parts.append(Part(tuple(rows), selection, EPOCHS[selection], (CHOSEN[selection],)))
    return tuple(parts)


def _apart_row(segment: pd.DataFrame, utterance: pd.DataFrame) -> Row:
    one, other = (table[table["kind"] == "ensemble"].iloc[0] for table in (segment, utterance))
    runs, runs_by_utterance = (table.loc[table["kind"] == "run", "ua"] for table in (segment, utterance))
    return {
        "ensemble_ua": Cell(fixed(float(one["ua"]))),
        "ensemble_utterance_ua": Cell(fixed(float(other["ua"]))),
        "run_ua": Cell(fixed(float(runs.mean()))),
        "run_utterance_ua": Cell(fixed(float(runs_by_utterance.mean()))),
        "runs": Cell(str(one["runs"])),
        "segments": Cell(str(one["n"])),
        "utterances": Cell(str(other["n"])),
    }


def _pooled_row(segment: pd.DataFrame, utterance: pd.DataFrame) -> Row:
    return {
        "pooled_ua": Cell(fixed(float(segment["ua"].mean()))),
        "utterance_ua": Cell(fixed(float(utterance["ua"].mean()))),
        "mean_ua": Cell(fixed(float(segment["mean_ua"].mean()))),
        "classes": Cell(str(segment["classes"].min())),
        "folds": Cell(str(segment["folds"].min())),
    }
