"""The runs on tables, and how one is trained."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipeline.core.errors import InputError
from pipeline.models.options import Constancy
from pipeline.training.state import RunState
from studies.core.params import ExecutionParams
from studies.core.recipe import ImageRecipe
from studies.core.run import train_run
from studies.core.task import ImageTask, score
from studies.datasets.images import Images
from studies.datasets.tables import SHIPPED, Table, shipped
from studies.datasets.uci import read_table
from studies.networks.activations import histogram, typical_kurtosis
from studies.networks.plain import Activation, Normalisation, clip_gradients, fully_connected, penalised_cross_entropy
from studies.uci.params import TableParams, UciParams

SHOWN_UNITS = 3
"""Number of units of each layer whose activations are kept for the figure of histograms: the first ones."""


@dataclass(frozen=True)
class Spec:
    """One network on one split of a table."""

    table: TableParams
    split: int
    activation: Activation
    normalisation: Normalisation
    depth: int
    params: UciParams
    execution: ExecutionParams

    def recipe(self, rows: int) -> ImageRecipe:
        """The recipe with as many epochs as `updates` allows for a number of training rows."""
        recipe, updates = self.params.recipe, self.params.updates
        if updates is None:
            return recipe
        batches = -(-rows // recipe.batch_size)
        return recipe.model_copy(update={"epochs": max(1, min(recipe.epochs, updates // batches))})

    def description(self, recipe: ImageRecipe, data: str) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code; `data` is a hash of the rows."""
        return {
            "data": data, "split": self.split, "activation": self.activation, "normalisation": self.normalisation,
            "samples": self.params.samples, "depth": self.depth, "width": self.params.width,
            "recipe": recipe.model_dump(mode="json"),
        }  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """The result of a run.

    Attributes:
        spec: the run.
        valid: (epochs,) validation errors in [0, 1].
        test: (epochs,) test errors in [0, 1].
        diverged: whether a loss was not finite; there are fewer epochs then.
        kurtosis: kurtosis on the test rows, see `typical_kurtosis`.
        densities: (layers, units shown, bins), see `studies.networks.activations.histogram`.
    """

    spec: Spec
    valid: tuple[float, ...]
    test: tuple[float, ...]
    diverged: bool
    kurtosis: float
    densities: npt.NDArray[np.float64]


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


def specs(params: UciParams, execution: ExecutionParams) -> list[Spec]:
    """All runs, those of one table one after another; on CPU cores, since these networks are too small for a GPU."""
    cores = execution.model_copy(update={"device": "cpu"})
    return [
        Spec(table, split, activation, normalisation, depth, params, cores)
        for table in params.tables for split in params.splits for activation in params.activations
        for normalisation in params.normalisations for depth in params.depths
    ]  # fmt: skip


def train(spec: Spec) -> Outcome:
    """Train a run, or take it from its checkpoint; validation and test rows are scored after every epoch."""
    table = load_table(spec.table)
    if spec.split > len(table.splits):
        raise InputError(
            f"uci.splits names {spec.split}; expected 1 to {len(table.splits)}, the splits of {table.name}"
        )
    rows, valid, test = table.parts(spec.split)
    network = fully_connected(
        spec.activation, spec.normalisation, inputs=rows.pixels.shape[1], num_classes=table.num_classes,
        depth=spec.depth, width=spec.params.width, constancy=Constancy(samples=spec.params.samples), seed=spec.split,
    )  # fmt: skip
    recipe = spec.recipe(len(rows))

    def score_test_rows(state: RunState) -> None:
        state.notes.setdefault("tested", []).append(score(state.network, test).score / 100)

    task = ImageTask(rows, valid, recipe, penalised_cross_entropy, clip_gradients)
    description = spec.description(recipe, _digest(rows, valid, test))
    state = train_run(
        "uci", description, network, task, spec.split, spec.execution, after_epoch=score_test_rows, score_every=1
    )
    network.eval()
    with torch.no_grad():
        layers = [layer.double().numpy() for layer in network.preactivations(test.pixels)]
    densities = np.array([[histogram(layer[:, unit])[1] for unit in range(SHOWN_UNITS)] for layer in layers])
    validated = tuple(row.valid_score / 100 for row in state.history)
    return Outcome(
        spec, validated, tuple(state.notes["tested"]), state.diverged_epoch is not None, typical_kurtosis(layers),
        densities,
    )  # fmt: skip


def _digest(*parts: Images) -> str:
    """Hash of all rows and classes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.pixels.numpy().tobytes() + part.labels.numpy().tobytes())
    return digest.hexdigest()
