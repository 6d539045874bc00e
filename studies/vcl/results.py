"""The networks compared beside the published errors."""

from __future__ import annotations

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
"""Errors in percent; `gain` is the reduction from no normalisation, paired by seed; intervals are of 95 %."""

PUBLISHED_SHAPES = {"CIFAR-10": (32, 10, 1.0), "CIFAR-100": (32, 100, 1.0), "Tiny ImageNet": (64, 200, 2.0)}
"""(size, classes, multiplier) of the published networks."""

DEPTH = 11


def table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """`vcl.csv`: the published networks, counted, with their errors, then those trained; columns `COLUMNS`."""
    rows = [*published_rows(), *trained_rows(outcomes)]
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


def trained_rows(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row for each network trained, over its seeds."""
    groups: dict[tuple[Activation, Normalisation, int | None], list[Outcome]] = {}
    for one in outcomes:
        groups.setdefault((one.spec.activation, one.spec.normalisation, one.spec.samples), []).append(one)
    rows = []
    for (activation, normalisation, samples), runs in groups.items():
        done = {one.spec.seed: one.error for one in runs if not one.diverged}
        plain = {one.spec.seed: one.error for one in groups.get((activation, "none", None), []) if not one.diverged}
        error = over_seeds(list(done.values()))
        gain = over_seeds(
            [plain[seed] - done[seed] for seed in done if seed in plain] if normalisation != "none" else []
        )
        rows.append({
            "data": runs[0].spec.params.data.name, "model": model_name(activation, normalisation, samples),
            "depth": DEPTH, "width": f"{runs[0].spec.params.multiplier:g}x", "parameters": runs[0].parameters,
            "activation": activation, "normalisation": normalisation, "n": samples, "runs": len(runs),
            "diverged": len(runs) - len(done),
            "error": error.mean, "error_low": error.low, "error_high": error.high, "gain": gain.mean,
            "gain_low": gain.low, "gain_high": gain.high,
            "kurtosis": over_seeds([one.kurtosis for one in runs if not one.diverged]).mean,
        })  # fmt: skip
    return rows


def model_name(activation: str, normalisation: str, samples: int | None) -> str:
    """The name that the paper uses: `ELU+vcl (n = 2)`."""
    short = {"none": "", "batch": "+bn", "layer": "+ln", "group": "+gn", "vcl": f"+vcl (n = {samples})"}
    return activation + short[normalisation]
