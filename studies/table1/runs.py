"""The runs of Table 1, and how one is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pipeline.models.base import count_parameters
from pipeline.models.options import Shaking
from pipeline.training.device import resolve_device
from studies.core.params import ExecutionParams
from studies.core.run import final_error, final_train_error, train_run
from studies.core.task import ImageTask
from studies.datasets.registry import load_images
from studies.networks.cifar import build_cifar
from studies.table1.params import Table1Params

LAYOUTS = ("RPreAct", "PreAct", "PreActBN", "BN-Shake")

MODELS: tuple[tuple[str, bool], ...] = (("RPreAct", False), *((layout, True) for layout in LAYOUTS))
"""Layout, and whether it is shaken; unshaken RPreAct is the paper's baseline ResNeXt."""


@dataclass(frozen=True)
class Spec:
    """One run."""

    layout: str
    shaken: bool
    width: int
    seed: int
    params: Table1Params
    execution: ExecutionParams

    def description(self) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code."""
        params = self.params.model_dump(mode="json", exclude={"seeds": True, "widths": True, "data": {"path"}})
        return {"layout": self.layout, "shaken": self.shaken, "width": self.width, "seed": self.seed, **params}


@dataclass(frozen=True)
class Outcome:
    """The result of a run.

    Attributes:
        spec: the run.
        parameters: number of parameters of its network.
        status: whether losses stayed finite.
        train_error: training error of the last epoch in percent, in train mode.
        error: test error after the last epoch in percent.
    """

    spec: Spec
    parameters: int
    status: Literal["done", "diverged"]
    train_error: float
    error: float


def specs(params: Table1Params, execution: ExecutionParams) -> list[Spec]:
    """All runs of the study."""
    return [
        Spec(layout, shaken, width, seed, params, execution)
        for width in params.widths
        for seed in params.seeds
        for layout, shaken in MODELS
    ]


def train(spec: Spec) -> Outcome:
    """Train a run, or take it from its checkpoint."""
    device = resolve_device(spec.execution.device)
    data = load_images(spec.params.data)
    network = build_cifar(
        spec.layout,
        spec.width,
        depth=spec.params.depth,
        in_channels=data.image_shape[0],
        num_classes=data.num_classes,
        shaking=Shaking() if spec.shaken else None,
        seed=spec.seed,
    )
    task = ImageTask(data.train.to(device), data.test.to(device), spec.params.recipe)
    state = train_run("table1", spec.description(), network, task, spec.seed, spec.execution)
    return Outcome(spec, count_parameters(network), state.status, final_train_error(state), final_error(state))
