"""The 11-layer network with each activation and normalisation (Littwin & Wolf 2018, tables 2 and 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import pandas as pd
import torch

from pipeline.models.variance_constancy import Constancy
from studies.activations import typical_kurtosis
from studies.datasets.registry import load_images
from studies.networks.plain import (
    Activation,
    Normalisation,
    clipped,
    eleven_layers,
    parameter_count,
    penalised_cross_entropy,
)
from studies.params import DataParams, VclParams
from studies.statistics import over_seeds
from studies.training.checkpoints import checkpoint_path, load_checkpoint, saver
from studies.training.fit import fit, start_fit
from studies.training.recipe import Recipe

COLUMNS = (
    "data", "model", "depth", "width", "parameters", "activation", "normalisation", "n", "runs", "diverged", "error",
    "error_low", "error_high", "gain", "gain_low", "gain_high", "kurtosis", "published_error",
)  # fmt: skip
"""Errors in percent; `gain` is how much lower than without normalisation, paired by seed; intervals are of 95 %."""

PUBLISHED_SHAPES = {"CIFAR-10": (32, 10, 1.0), "CIFAR-100": (32, 100, 1.0), "Tiny ImageNet": (64, 200, 2.0)}
"""(size, classes, multiplier) of the published networks."""

DEPTH = 11

MEASURED_IMAGES = 512
"""Of the test images, whose activations the kurtosis is that of: those of all CIFAR would not fit into memory."""


@dataclass(frozen=True)
class ConstancyRun:
    """One run of the comparison; `samples` is n of `vcl` and None otherwise."""

    data: DataParams
    activation: Activation
    normalisation: Normalisation
    samples: int | None
    multiplier: float
    recipe: Recipe
    seed: int
    device: str


@dataclass(frozen=True)
class ConstancyOutcome:
    """What came of it: error in percent, NaN when it diverged; the median kurtosis of units, averaged over layers."""

    run: ConstancyRun
    error: float
    diverged: bool
    parameters: int
    kurtosis: float


def planned(params: VclParams, device: str) -> list[ConstancyRun]:
    """All runs: the seeds of one network follow each other."""
    return [
        ConstancyRun(params.data, activation, normalisation, samples, params.multiplier, params.recipe, seed, device)
        for activation in params.activations
        for normalisation in params.normalisations
        for samples in (params.samples if normalisation == "vcl" else (None,))
        for seed in params.seeds
    ]


def train(run: ConstancyRun) -> ConstancyOutcome:
    """Train one network, or continue from its checkpoint."""
    images = load_images(run.data)
    channels, size, _ = images.image_shape
    network = eleven_layers(
        run.activation, run.normalisation, in_channels=channels, size=size, num_classes=images.num_classes,
        multiplier=run.multiplier, constancy=Constancy(samples=run.samples or 2), seed=run.seed,
    )  # fmt: skip
    device = torch.device(run.device)
    state = start_fit(network, run.recipe, run.seed, device)
    described: dict[str, Any] = {
        "data": run.data.name, "activation": run.activation, "normalisation": run.normalisation,
        "samples": run.samples, "multiplier": run.multiplier, "recipe": run.recipe.model_dump(mode="json"),
        "seed": run.seed, "device": device.type,
    }  # fmt: skip
    path = checkpoint_path("vcl", described)
    load_checkpoint(state, path)
    test = images.test.to(device)
    fit(state, images.train.to(device), test, run.recipe, loss=penalised_cross_entropy, before_step=clipped,
        after_epoch=saver(path, run.recipe.epochs))  # fmt: skip
    network.eval()
    with torch.no_grad():
        layers = network.preactivations(test.pixels[:MEASURED_IMAGES])
    shape = typical_kurtosis([layer.cpu().numpy() for layer in layers])
    return ConstancyOutcome(run, state.test_error, state.status == "diverged", parameter_count(network), shape)


def comparison_table(outcomes: Iterable[ConstancyOutcome]) -> pd.DataFrame:
    """The published networks, counted, with their published errors, then what was trained; columns `COLUMNS`."""
    rows = [*published_rows(), *trained_rows(list(outcomes))]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def published_rows() -> list[dict[str, Any]]:
    """A row for each error of tables 2 and 3, with the parameters of the network built here in its shape."""
    text = files("studies").joinpath("published/vcl.csv")
    with text.open(encoding="utf-8") as stream:
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


def trained_rows(outcomes: Sequence[ConstancyOutcome]) -> list[dict[str, Any]]:
    """A row for each network trained, over its seeds."""
    groups: dict[tuple[Activation, Normalisation, int | None], list[ConstancyOutcome]] = {}
    for one in outcomes:
        groups.setdefault((one.run.activation, one.run.normalisation, one.run.samples), []).append(one)
    rows = []
    for (activation, normalisation, samples), runs in groups.items():
        done = {one.run.seed: one.error for one in runs if not one.diverged}
        plain = {one.run.seed: one.error for one in groups.get((activation, "none", None), []) if not one.diverged}
        error = over_seeds(list(done.values()))
        gain = over_seeds(
            [plain[seed] - done[seed] for seed in done if seed in plain] if normalisation != "none" else []
        )
        rows.append({
            "data": runs[0].run.data.name, "model": model_name(activation, normalisation, samples), "depth": DEPTH,
            "width": f"{runs[0].run.multiplier:g}x", "parameters": runs[0].parameters, "activation": activation,
            "normalisation": normalisation, "n": samples, "runs": len(runs), "diverged": len(runs) - len(done),
            "error": error.mean, "error_low": error.low, "error_high": error.high, "gain": gain.mean,
            "gain_low": gain.low, "gain_high": gain.high,
            "kurtosis": over_seeds([one.kurtosis for one in runs if not one.diverged]).mean,
        })  # fmt: skip
    return rows


def model_name(activation: str, normalisation: str, samples: int | None) -> str:
    """As the paper writes it: `ELU+vcl (n = 2)`."""
    short = {"none": "", "batch": "+bn", "layer": "+ln", "group": "+gn", "vcl": f"+vcl (n = {samples})"}
    return activation + short[normalisation]
