"""Fully connected networks on UCI tables (Littwin & Wolf 2018, section 3; tables 4 and 5, figures 1 and 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from pipeline.core.errors import InputError
from pipeline.models.variance_constancy import Constancy
from studies.activations import histogram, typical_kurtosis
from studies.datasets.images import Images
from studies.datasets.tables import SHIPPED, Table, shipped
from studies.datasets.uci import read_table
from studies.networks.plain import Activation, Normalisation, clipped, fully_connected, penalised_cross_entropy
from studies.params import TableParams, UciParams
from studies.profiles import wins
from studies.training.checkpoints import checkpoint_path, load_checkpoint, save_checkpoint, saver
from studies.training.fit import Fit, fit, score, start_fit
from studies.training.recipe import Recipe

SHOWN_UNITS = 3
"""Units of each layer whose activations are kept for the figure of histograms: the first, which are as good as any."""


@dataclass(frozen=True)
class TableRun:
    """One network on one split of a table."""

    table: TableParams
    split: int
    activation: Activation
    normalisation: Normalisation
    samples: int
    depth: int
    width: int
    recipe: Recipe
    updates: int | None

    def description(self, recipe: Recipe, data: str) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code; `recipe` is that of its updates, `data` a hash."""
        return {
            "data": data, "split": self.split, "activation": self.activation, "normalisation": self.normalisation,
            "samples": self.samples, "depth": self.depth, "width": self.width, "recipe": recipe.model_dump(mode="json"),
        }  # fmt: skip


@dataclass(frozen=True)
class TableOutcome:
    """What came of it.

    Attributes:
        run: the specification.
        valid: (epochs,) validation errors in [0, 1].
        test: (epochs,) test errors.
        diverged: a loss was not finite; there are fewer epochs then.
        kurtosis: on the test rows, see `typical_kurtosis`.
        densities: (layers, units shown, bins), see `studies.activations.histogram`.
    """

    run: TableRun
    valid: tuple[float, ...]
    test: tuple[float, ...]
    diverged: bool
    kurtosis: float
    densities: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shown:
    """What the figure of histograms shows: densities (layers, units, bins) by normalisation, bin edges, of what."""

    densities: dict[str, npt.NDArray[np.float64]]
    edges: npt.NDArray[np.float64]
    what: str


def load_table(params: TableParams) -> Table:
    """A configured table.

    Raises:
        InputError: it neither ships with scikit-learn nor has a path; see `read_table`.
    """
    if params.path is not None:
        return read_table(Path(params.path), params.name, params.rows)
    if params.name not in SHIPPED:
        raise InputError(
            f"uci.tables names {params.name}, which does not ship with scikit-learn (these do: {', '.join(SHIPPED)}); "
            "expected a path: the folder of the published tables"
        )
    return shipped(params.name)


def planned(params: UciParams) -> list[TableRun]:
    """All runs, those of one table one after another."""
    return [
        TableRun(table, split, activation, normalisation, params.samples, depth, params.width, params.recipe,
                 params.updates)
        for table in params.tables for split in params.splits for activation in params.activations
        for normalisation in params.normalisations for depth in params.depths
    ]  # fmt: skip


def train(run: TableRun) -> TableOutcome:
    """Train one network and score validation and test rows after every epoch."""
    table = load_table(run.table)
    if run.split > len(table.splits):
        raise InputError(f"uci.splits names {run.split}; expected 1 to {len(table.splits)}, the splits of {table.name}")
    train_rows, valid, test = table.parts(run.split)
    network = fully_connected(
        run.activation, run.normalisation, inputs=train_rows.pixels.shape[1], num_classes=table.num_classes,
        depth=run.depth, width=run.width, constancy=Constancy(samples=run.samples), seed=run.split,
    )  # fmt: skip
    recipe = run.recipe
    if run.updates is not None:
        batches = -(-len(train_rows) // recipe.batch_size)
        recipe = recipe.model_copy(update={"epochs": max(1, min(recipe.epochs, run.updates // batches))})
    state = start_fit(network, recipe, run.split, torch.device("cpu"))
    path = checkpoint_path("uci", run.description(recipe, _digest(train_rows, valid, test)))
    load_checkpoint(state, path)
    save = saver(path, recipe.epochs)
    tested = state.notes.setdefault("tested", [])

    def test_too(state: Fit) -> None:
        tested.append(score(state.network, test)[1] / 100)
        save(state)

    fit(state, train_rows, valid, recipe, loss=penalised_cross_entropy, before_step=clipped, after_epoch=test_too,
        score_every=1)  # fmt: skip
    if state.diverged_epoch is not None:
        save_checkpoint(state, path)
    network.eval()
    with torch.no_grad():
        layers = [layer.double().numpy() for layer in network.preactivations(test.pixels)]
    densities = np.array([[histogram(layer[:, unit])[1] for unit in range(SHOWN_UNITS)] for layer in layers])
    validated = tuple(row.test_error / 100 for row in state.history)
    return TableOutcome(
        run, validated, tuple(tested), state.diverged_epoch is not None, typical_kurtosis(layers), densities
    )


def _digest(*parts: Images) -> str:
    """Hash of all rows and classes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.pixels.numpy().tobytes() + part.labels.numpy().tobytes())
    return digest.hexdigest()


def selected(outcomes: Sequence[TableOutcome], smoothing: int) -> tuple[TableOutcome, int, float]:
    """The depth and epoch of the lowest smoothed validation error, and the test error there.

    Validation errors are averaged over each epoch and the `smoothing` - 1 before it; over fewer where no run is that
    long, and a run that diverged before is left out. Of equals the first is taken: the earliest epoch of the shallowest
    network.

    Returns:
        The run, its epoch from 1, and the test error in [0, 1] of that epoch; NaN if all diverged at once.
    """
    best = (outcomes[0], 0, np.nan)
    lowest = np.inf
    span = min(smoothing, max(len(one.valid) for one in outcomes))
    for one in outcomes:
        if not span or len(one.valid) < span:
            continue
        smoothed = np.convolve(one.valid, np.full(span, 1 / span), mode="valid")
        position = int(np.argmin(np.round(smoothed, 12)))
        if smoothed[position] < lowest - 1e-12:
            lowest = float(smoothed[position])
            epoch = position + span
            best = (one, epoch, one.test[epoch - 1])
    return best


def selection_table(outcomes: Iterable[TableOutcome], smoothing: int) -> pd.DataFrame:
    """One row for each table, split, activation and normalisation: the depth and epoch selected, and the test error."""
    groups: dict[tuple[str, int, Activation, Normalisation], list[TableOutcome]] = {}
    for one in outcomes:
        key = (one.run.table.name, one.run.split, one.run.activation, one.run.normalisation)
        groups.setdefault(key, []).append(one)
    rows = []
    for (table, split, activation, normalisation), runs in groups.items():
        chosen, epoch, error = selected(runs, smoothing)
        rows.append({
            "table": table, "split": split, "activation": activation, "normalisation": normalisation,
            "depth": chosen.run.depth, "epoch": epoch, "test_error": 100 * error,
            "diverged": sum(one.diverged for one in runs), "kurtosis": chosen.kurtosis,
        })  # fmt: skip
    return pd.DataFrame(rows)


def errors_by_method(selection: pd.DataFrame, activation: str | None = None) -> dict[str, list[float]]:
    """Errors in [0, 1] of each `activation+normalisation`, tables and splits in one order; a diverged one counts 1."""
    rows = selection if activation is None else selection[selection["activation"] == activation]
    method = rows["activation"] + "+" + rows["normalisation"]
    return {
        str(name): group.sort_values(["table", "split"])["test_error"].fillna(100.0).div(100).tolist()
        for name, group in rows.groupby(method, sort=False)
    }


def wins_table(selection: pd.DataFrame) -> pd.DataFrame:
    """Wins of each normalisation within its activation, beside the published ones (table 4)."""
    with files("studies").joinpath("published/vcl_wins.csv").open(encoding="utf-8") as stream:
        published = pd.read_csv(stream, keep_default_na=False)
    known = {(row.activation, row.normalisation): row.wins for row in published.itertuples()}
    rows: list[dict[str, Any]] = []
    for activation in selection["activation"].unique():
        errors = errors_by_method(selection, activation)
        counted = wins(errors)
        for method, row in errors.items():
            normalisation = method.removeprefix(f"{activation}+")
            rows.append({
                "activation": activation, "normalisation": normalisation, "wins": counted[method], "of": len(row),
                "mean_test_error": 100 * float(np.mean(row)),
                "published_wins": known.get((activation, normalisation)),
                "published_of": 44 if (activation, normalisation) in known else None,
            })  # fmt: skip
    return pd.DataFrame(rows).astype({"published_wins": "Int64", "published_of": "Int64"})


def shown_densities(outcomes: Sequence[TableOutcome]) -> Shown:
    """Of the last table, the shallowest networks of one activation: ELU if it is there, else the first."""
    last = outcomes[-1].run
    activations = [one.run.activation for one in outcomes]
    activation = "ELU" if "ELU" in activations else activations[0]
    depth = min(one.run.depth for one in outcomes)
    densities: dict[str, npt.NDArray[np.float64]] = {
        one.run.normalisation: one.densities
        for one in outcomes
        if (one.run.table, one.run.split, one.run.activation, one.run.depth)
        == (last.table, last.split, activation, depth)
    }
    edges, _ = histogram(np.zeros(1))
    return Shown(densities, edges, f"{depth} hidden layers with {activation} on {last.table.name}")
