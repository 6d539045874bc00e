"""The state of a run: everything that it continues from."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.training.optimiser import make_optimiser
from pipeline.training.params import Recipe


@dataclass(frozen=True)
class Epoch:
    """One row of the history: mean losses, and scores in percent; NaN where not measured.

    The score depends on the task: unweighted accuracy for speech, error for images and tables. Training columns without
    `eval` are measured in train mode during the pass; `valid` columns are those of the validation items, `dev` columns
    those of the items that are held out to choose epochs by.
    """

    epoch: int
    train_loss: float
    train_score: float
    train_loss_eval: float
    train_score_eval: float
    valid_loss: float
    valid_score: float
    dev_loss: float = math.nan
    dev_score: float = math.nan


@dataclass(frozen=True)
class Snapshot:
    """A network at the end of an epoch.

    Attributes:
        epoch: the epoch.
        weights: its tensors by name.
        probabilities: (validation items, classes) probabilities.
        dev: (held-out items, classes) probabilities, computed once after the last epoch; None without `partition.dev`.
        test: (test items, classes) probabilities, likewise; None without a test.
    """

    epoch: int
    weights: dict[str, Tensor]
    probabilities: Tensor
    dev: Tensor | None = None
    test: Tensor | None = None


@dataclass
class RunState:
    """Everything that a run continues from: the content of a checkpoint file.

    Attributes:
        network: network in training.
        optimiser: optimiser; None for a classifier that is not trained by epochs.
        order: random stream of the order of the batches.
        noise: random stream of everything else that is random in training.
        history: rows of the finished epochs.
        best, last, dev: snapshots of the best, of the last and of the best epoch by the held-out items, if the run
            keeps them.
        diverged_epoch: epoch in which a loss was not finite.
        machines: names of the hardware that computed the epochs.
        notes: numbers of the task's own, one for each epoch.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer | None
    order: torch.Generator
    noise: torch.Generator
    history: list[Epoch] = field(default_factory=list)
    best: Snapshot | None = None
    last: Snapshot | None = None
    dev: Snapshot | None = None
    diverged_epoch: int | None = None
    machines: list[str] = field(default_factory=list)
    notes: dict[str, list[float]] = field(default_factory=dict)

    def note_machine(self, machine: str) -> None:
        """Note the hardware that computes the next epochs, if it has changed."""
        if not self.machines or self.machines[-1] != machine:
            self.machines.append(machine)

    @property
    def snapshots(self) -> dict[str, Snapshot]:
        """The existing snapshots of `last`, `best` and `dev`."""
        taken = {"last": self.last, "best": self.best, "dev": self.dev}
        return {name: snapshot for name, snapshot in taken.items() if snapshot is not None}

    @property
    def status(self) -> Literal["done", "diverged"]:
        """Whether losses stayed finite."""
        return "done" if self.diverged_epoch is None else "diverged"

    @property
    def epoch(self) -> int:
        """The number of finished epochs."""
        return len(self.history)


def start_run(network: nn.Module, recipe: Recipe, seeds: tuple[int, int], device: torch.device) -> RunState:
    """A run before its first epoch; `seeds` are those of the order and of the noise."""
    # Convolutions of few channels are fastest with channels last, on CPU and GPU.
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    order = torch.Generator().manual_seed(seeds[0])
    noise = torch.Generator(device=device).manual_seed(seeds[1])
    parameters = list(network.parameters())
    return RunState(network, make_optimiser(parameters, recipe) if parameters else None, order, noise)


def copied_weights(network: nn.Module) -> dict[str, Tensor]:
    """The network's tensors by name, as copies on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def take_snapshot(state: RunState, epoch: int, probabilities: Tensor) -> Snapshot:
    """The network as it is now."""
    return Snapshot(epoch, copied_weights(state.network), probabilities)


def restored_optimiser_state(
    parameters: Iterable[nn.Parameter], tensors: dict[str, Tensor]
) -> dict[int, dict[str, Tensor]]:
    """An optimiser's state from tensors named `<parameter index>/<name>`."""
    listed = list(parameters)
    values: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split("/")
        # Moments in the memory layout of their parameter, so that the next step computes the same bits.
        like = listed[int(index)]
        restored = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        values.setdefault(int(index), {})[name] = restored
    return values
