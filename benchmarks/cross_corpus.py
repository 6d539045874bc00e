"""Leave-one-corpus-out, and each corpus alone, in a loop written by hand, beside what the pipeline found.

In a project whose `partition.scheme` is `corpora` or `cross_corpus` (docs/cross_corpus.md), after `dvc repro compare`:

    python -m benchmarks.cross_corpus

For every model of the families `linear_svm` and `logistic`, with fixed `C` or with the inner choice, a loop over the
corpora reads segments and features, standardises, chooses, learns and scores with kaldi-io, pandas and scikit-learn
alone. Each line is a cell of `results/cross_corpus.csv`, by segment and by utterance; the last is JSON, with the
largest difference in points.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from ruamel.yaml import YAML
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.svm import LinearSVC

from pipeline.core.errors import InputError, explained
from pipeline.features.archive import kaldi_io  # the library itself, without the banner that it prints

Values = Mapping[str, Any]

ESTIMATORS = {
    "linear_svm": LinearSVC(class_weight="balanced", dual="auto", max_iter=10_000, random_state=0),
    "logistic": LogisticRegression(class_weight="balanced", max_iter=2_000),
}
OTHERS = "all others"


def read_segments(params: Values, frontend: str) -> pd.DataFrame:
    """The segments of all corpora in the order of params.yaml, with their rows of features as the column `row`."""
    tables = []
    for corpus in params["corpora"]:
        table = pd.read_csv(f"data/segments/{corpus}.csv", dtype=str)
        with Path(f"data/features/{frontend}/{corpus}.ark").open("rb") as archive:
            rows = {key: matrix[0].astype(np.float64) for key, matrix in kaldi_io.read_mat_ark(archive)}
        tables.append(table.assign(row=table["segment"].map(rows)))
    return pd.concat(tables, ignore_index=True)


def pairs_of(params: Values) -> Iterator[tuple[str, list[str], str]]:
    """What a cell's row is called, the corpora that it trains on, and the one that it validates."""
    corpora, partition = list(params["corpora"]), params["partition"]
    if partition.get("dev") or partition.get("test"):
        raise InputError("partition.dev and partition.test are not known to this loop; expected a params.yaml without")
    if partition["scheme"] == "cross_corpus":
        yield from ((one, [one], other) for one in corpora for other in corpora if one != other)
    if partition["scheme"] == "corpora" or partition.get("leave_one_out"):
        yield from ((OTHERS, [one for one in corpora if one != other], other) for other in corpora)


def standardised(segments: pd.DataFrame, training: pd.Series, by: str) -> np.ndarray:
    """(segments, columns) features with mean 0 and deviation 1 over training, or each corpus or speaker."""
    rows = np.stack(segments["row"])
    if by == "none":
        return rows
    if by == "fold":
        return _scaled(rows, rows[training])
    groups = segments.groupby(["corpus"] if by == "corpus" else ["corpus", "actor"]).indices
    for members in groups.values():
        rows[members] = _scaled(rows[members], rows[members])
    return rows


def _scaled(rows: np.ndarray, seen: np.ndarray) -> np.ndarray:
    mean, deviation = seen.mean(axis=0), seen.std(axis=0)
    return (rows - mean) / np.where(deviation > 1e-6 * np.abs(mean), deviation, 1)


def fitted(model: Values, rows: np.ndarray, emotions: np.ndarray, actors: np.ndarray) -> Any:
    """The estimator of a model; `C` is the best on inner folds that keep actors apart, the smallest of equals."""
    estimator, choices = ESTIMATORS[model["family"]], model.get("C", [1e-4, 1e-3, 1e-2, 0.1, 1.0])
    if not isinstance(choices, list):
        return sklearn.clone(estimator).set_params(C=choices).fit(rows, emotions)
    inner = StratifiedGroupKFold(min(model.get("inner_folds", 5), len(np.unique(actors))))
    search = GridSearchCV(estimator, {"C": sorted(choices)}, scoring="balanced_accuracy", cv=inner)
    return search.fit(rows, emotions, groups=actors).best_estimator_


def cells_of(params: Values, model: Values) -> Iterator[tuple[str, str, str, float]]:
    """(training, validation, level, UA in percent over the classes that both have) of each pair and level."""
    segments = read_segments(params, model["frontend"])
    classes = segments["emotion"].map(params["classes"].index).to_numpy()
    actors = segments.groupby(["corpus", "actor"]).ngroup().to_numpy()
    for name, corpora, validation in pairs_of(params):
        train, valid = segments["corpus"].isin(corpora), segments["corpus"] == validation
        rows = standardised(segments, train, model.get("standardise", "fold"))
        estimator = fitted(model, rows[train], classes[train], actors[train])
        both = np.intersect1d(classes[train], classes[valid])
        decisions = estimator.decision_function(rows[valid])
        if decisions.ndim == 1:
            decisions = np.stack([0 * decisions, decisions], axis=1)
        found = pd.DataFrame(softmax(decisions, axis=1), columns=estimator.classes_)
        names, truth = segments.loc[valid, "utterance"].to_numpy(), pd.Series(classes[valid])
        for level, scores, true in (
            ("segment", found, truth),
            ("utterance", found.groupby(names).mean(), truth.groupby(names).first()),
        ):
            known = true.isin(both)
            recalls = recall_score(true[known], scores[known].idxmax(axis=1), labels=both, average=None)
            yield name, validation, level, 100 * recalls.mean()


def main() -> None:
    params = YAML(typ="safe").load(Path("params.yaml"))
    if params["partition"].get("scheme") not in ("corpora", "cross_corpus"):
        raise InputError("params.yaml: partition.scheme is not over corpora; expected corpora or cross_corpus")
    models = {key: model for key, model in params["models"].items() if model.get("family") in ESTIMATORS}
    table = pd.read_csv("results/cross_corpus.csv")
    table = table[(table["selection"] == "last") & table["model"].isin(models)]
    pipeline = table.set_index(["model", "training", "validation", "level"])["ua"].to_dict()
    print(f"{'model':24} {'trained on':12} {'validated on':12} {'level':9} {'pipeline':>9} {'by hand':>9} difference")
    differences = []
    for model, options in models.items():
        for *cell, ua in cells_of(params, options):
            there = pipeline.pop((model, *cell), np.nan)
            differences.append(abs(there - ua))
            name, validation, level = cell
            cell_text = f"{model:24} {name:12} {validation:12} {level:9}"
            print(f"{cell_text} {there:9.4f} {ua:9.4f} {there - ua:10.1e}", flush=True)
    print(json.dumps({
        "models": len(models), "cells": len(differences),
        "largest_difference": float(np.max(differences)) if differences else None,
        "cells_that_the_loop_lacks": len(pipeline), "machine": platform.machine(),
        "versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__, "pandas": pd.__version__},
    }))  # fmt: skip


if __name__ == "__main__":
    with explained("cross_corpus"):
        main()
