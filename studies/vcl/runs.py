"""The runs of the comparison of normalisations, and how one is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from pipeline.models.options import Constancy
from pipeline.training.device import resolve_device
from studies.core.params import ExecutionParams
from studies.core.run import final_error, train_run
from studies.core.task import ImageTask
from studies.datasets.registry import load_images
from studies.networks.activations import typical_kurtosis
from studies.networks.plain import (
    Activation,
    Normalisation,
    clip_gradients,
    eleven_layers,
    parameter_count,
    penalised_cross_entropy,
)
from studies.vcl.params import VclExperimentParams, VclParams

MEASURED_IMAGES = 512
"""Number of test images whose activations are measured: those of all of CIFAR would not fit into memory."""


@dataclass(frozen=True)
class Spec:
    """One run; `samples` is n of `vcl` and None otherwise."""

    activation: Activation
    normalisation: Normalisation
    samples: int | None
    seed: int
    params: VclExperimentParams
    execution: ExecutionParams

    def description(self) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code."""
        return {
            "data": self.params.data.name, "activation": self.activation, "normalisation": self.normalisation,
            "samples": self.samples, "seed": self.seed,
            **self.params.model_dump(mode="json", include={"multiplier", "recipe"}),
        }  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """The result of a run.

    Attributes:
        spec: the run.
        error: test error in percent; NaN when it diverged.
        diverged: whether a loss was not finite.
        parameters: number of parameters of its network.
        kurtosis: the median kurtosis of units, averaged over layers.
    """

    spec: Spec
    error: float
    diverged: bool
    parameters: int
    kurtosis: float


def specs(params: VclParams, execution: ExecutionParams) -> list[Spec]:
    """All runs, data set by data set: the seeds of one network follow each other."""
    return [
        Spec(activation, normalisation, samples, seed, experiment, execution)
        for experiment in params.experiments
        for activation in experiment.activations
        for normalisation in experiment.normalisations
        for samples in (experiment.samples if normalisation == "vcl" else (None,))
        for seed in params.seeds
    ]


def train(spec: Spec) -> Outcome:
    """Train a run, or take it from its checkpoint, and measure the kurtosis of its units."""
    device = resolve_device(spec.execution.device)
    data = load_images(spec.params.data)
    channels, size, _ = data.image_shape
    network = eleven_layers(
        spec.activation, spec.normalisation, in_channels=channels, size=size, num_classes=data.num_classes,
        multiplier=spec.params.multiplier, constancy=Constancy(samples=spec.samples or 2), seed=spec.seed,
    )  # fmt: skip
    test = data.test.to(device)
    task = ImageTask(data.train.to(device), test, spec.params.recipe, penalised_cross_entropy, clip_gradients)
    state = train_run("vcl", spec.description(), network, task, spec.seed, spec.execution)
    network.eval()
    with torch.no_grad():
        layers = network.preactivations(test.pixels[:MEASURED_IMAGES])
    shape = typical_kurtosis([layer.cpu().numpy() for layer in layers])
    return Outcome(spec, final_error(state), state.status == "diverged", parameter_count(network), shape)
