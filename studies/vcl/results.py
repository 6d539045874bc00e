"""The networks compared beside the published errors."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pandas as pd

from studies.core.statistics import over_seeds
from studies.networks.plain import Activation, Normalisation, eleven_layers, parameter_count
from studies.vcl.runs import Outcome

COLUMNS = (
    "data", "model", "depth", "width", "parameters", "activation", "normalisation", "n", "runs", "diverged", "error",
    "error_low", "error_high", "gain", "gain_low", "gain_high", "kurtosis", "published_error",
)  # fmt: skip
"""Errors in percent; `gain` is the reduction from no normalisation on the same data, paired by seed; intervals are of
95 %."""

PUBLISHED_SHAPES = {"CIFAR-10": (32, 10, 1.0), "CIFAR-100": (32, 100, 1.0), "Tiny ImageNet": (64, 200, 2.0)}
"""(size, classes, multiplier) of the published networks."""

PUBLISHED_EPOCHS = {"cifar10": ("CIFAR-10", 500), "cifar100": ("CIFAR-100", 500),
                    "tiny_imagenet": ("Tiny ImageNet", 250)}  # fmt: skip
"""The published name of each data set here, and the number of epochs."""

DEPTH = 11


def table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """`vcl.csv`: the published networks, counted, with their errors, then those trained; columns `COLUMNS`.

    A network that was trained as published has one row, with both errors. The last of the published rows are those that
    the paper quotes, of other networks.
    """
    published, trained = published_rows(), trained_rows(outcomes)
    errors = {(row["data"], row["model"]): row["published_error"] for row in published}
    taken = set()
    for row, one in zip(trained, _first_of_each(outcomes), strict=True):
        name, epochs = PUBLISHED_EPOCHS.get(one.spec.params.data.name, ("", 0))
        key = (name, row["model"])
        shape = PUBLISHED_SHAPES.get(name)
        if (
            key in errors
            and shape
            and (one.spec.params.multiplier, one.spec.params.recipe.epochs) == (shape[2], epochs)
        ):
            row["published_error"] = errors[key]
            taken.add(key)
    rows = [*(row for row in published if (row["data"], row["model"]) not in taken), *quoted_rows(), *trained]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def published_rows() -> list[dict[str, Any]]:
    """One row for each error of tables 2 and 3, with the parameters of the network built here in its shape."""
    with files("studies.vcl").joinpath("published.csv").open(encoding="utf-8") as stream:
        published = pd.read_csv(stream, dtype={"n": "Int64"}, keep_default_na=False, na_values={"n": [""]})
    counts: dict[tuple[str, bool], int] = {}
    rows = []
    for data, activation, normalisation, samples, error in published.itertuples(index=False, name=None):
        size, classes, multiplier = PUBLISHED_SHAPES[data]
        key = (data, normalisation in ("batch", "layer", "group"))
        if key not in counts:
            network = eleven_layers(
                activation, normalisation, in_channels=3, size=size, num_classes=classes, multiplier=multiplier
            )
            counts[key] = parameter_count(network)
        rows.append({
            "data": data, "model": model_name(activation, normalisation, samples), "depth": DEPTH,
            "width": f"{multiplier:g}x", "parameters": counts[key], "activation": activation,
            "normalisation": normalisation, "n": samples, "published_error": error,
        })  # fmt: skip
    return rows


def quoted_rows() -> list[dict[str, Any]]:
    """The networks of table 3 whose errors the paper takes from others (Huang et al. 2017, arXiv 1704.00109)."""
    with files("studies.vcl").joinpath("published_quoted.csv").open(encoding="utf-8") as stream:
        return [
            {"data": row["data"], "model": f"{row['model']} (quoted)", "published_error": float(row["error"])}
            for row in csv.DictReader(stream)
        ]


def trained_rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row for each network trained, over its seeds."""
    groups = _groups(outcomes)
    rows = []
    for (data, activation, normalisation, samples), runs in groups.items():
        done = {one.spec.seed: one.error for one in runs if not one.diverged}
        unnormalised = groups.get((data, activation, "none", None), [])
        plain = {one.spec.seed: one.error for one in unnormalised if not one.diverged}
        error = over_seeds(list(done.values()))
        gain = over_seeds(
            [plain[seed] - done[seed] for seed in done if seed in plain] if normalisation != "none" else []
        )
        rows.append({
            "data": data, "model": model_name(activation, normalisation, samples),
            "depth": DEPTH, "width": f"{runs[0].spec.params.multiplier:g}x", "parameters": runs[0].parameters,
            "activation": activation, "normalisation": normalisation, "n": samples, "runs": len(runs),
            "diverged": len(runs) - len(done),
            "error": error.mean, "error_low": error.low, "error_high": error.high, "gain": gain.mean,
            "gain_low": gain.low, "gain_high": gain.high,
            "kurtosis": over_seeds([one.kurtosis for one in runs if not one.diverged]).mean,
        })  # fmt: skip
    return rows


Network = tuple[str, Activation, Normalisation, int | None]
"""Data set, activation, normalisation and n."""


def _groups(outcomes: Sequence[Outcome]) -> dict[Network, list[Outcome]]:
    """The runs of each network, over its seeds."""
    groups: dict[Network, list[Outcome]] = {}
    for one in outcomes:
        spec = one.spec
        key = (spec.params.data.name, spec.activation, spec.normalisation, spec.samples)
        groups.setdefault(key, []).append(one)
    return groups


def _first_of_each(outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [runs[0] for runs in _groups(outcomes).values()]


def model_name(activation: str, normalisation: str, samples: int | None) -> str:
    """The name that the paper uses: `ELU+vcl (n = 2)`."""
    short = {"none": "", "batch": "+bn", "layer": "+ln", "group": "+gn", "vcl": f"+vcl (n = {samples})"}
    return activation + short[normalisation]
