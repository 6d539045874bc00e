"""The runs of the study of shaking rules, and how one is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pipeline.core.errors import InputError
from pipeline.core.wording import did_you_mean
from pipeline.models.base import count_parameters
from pipeline.models.options import ShakeDrop, Shaking
from pipeline.training.device import resolve_device
from pipeline.training.state import RunState
from studies.core.params import ExecutionParams
from studies.core.recipe import ImageRecipe
from studies.core.run import final_error, final_train_error, train_run
from studies.core.task import ImageTask, cross_entropy
from studies.datasets.registry import load_images
from studies.networks.bottleneck import bottleneck_resnext
from studies.networks.cifar import STAGES, STEM, blocks_per_stage, initialise
from studies.networks.images import ImageResNeXt, image_resnext
from studies.networks.mixup import mixup_loss
from studies.shake_rules.params import RulesExperimentParams, ShakeRulesParams
from studies.shake_rules.variants import ARCHITECTURES, BY_NAME, DRAWN, Variant

DEPTH_WITHOUT_NORM = 14
"""Largest depth of architecture C, which does not train when deeper (section 3.3)."""


@dataclass(frozen=True)
class Spec:
    """One run."""

    variant: Variant
    seed: int
    params: RulesExperimentParams
    execution: ExecutionParams

    def description(self) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code."""
        params = self.params.model_dump(
            mode="json", exclude={"settings": True, "recipe_without_norm": True, "data": {"path"}}
        )
        return {
            "variant": self.variant.name, "seed": self.seed, **params, "recipe": self.recipe.model_dump(mode="json"),
        }  # fmt: skip

    @property
    def recipe(self) -> ImageRecipe:
        """The recipe by which it is trained."""
        other = None if ARCHITECTURES[self.variant.architecture].norm else self.params.recipe_without_norm
        return other or self.params.recipe

    @property
    def depth(self) -> int:
        """Layers with weights along a path."""
        return depth_of(self.variant.architecture, self.params.depth)


@dataclass(frozen=True)
class Outcome:
    """The result of a run.

    Attributes:
        spec: the run.
        parameters: number of parameters of its network.
        error: test error in percent; NaN after a divergence.
        diverged_epoch: the epoch in which a loss was no longer finite, or None.
        train_error: training error of the last epoch in percent, in train mode; NaN after a divergence.
        guessing: test error of guessing in percent.
        curve: (training error, test error) of each epoch in percent, for the settings of `DRAWN`; else empty.
    """

    spec: Spec
    parameters: int
    error: float
    diverged_epoch: int | None
    train_error: float = np.nan
    guessing: float = 90.0
    curve: tuple[tuple[float, float], ...] = ()

    @property
    def failed(self) -> bool:
        """Whether it diverged, or learned next to nothing: it errs on more than nine tenths of what guessing does."""
        return self.diverged_epoch is not None or self.error > FAILED * self.guessing


FAILED = 0.9


def specs(params: ShakeRulesParams, execution: ExecutionParams) -> list[Spec]:
    """All runs of the study.

    Raises:
        InputError: an experiment names a setting that does not exist, or one that its network does not have.
    """
    return [
        Spec(variant, seed, experiment, execution)
        for experiment in params.experiments
        for variant in _chosen(experiment)
        for seed in params.seeds
    ]


def _chosen(experiment: RulesExperimentParams) -> list[Variant]:
    names = list(BY_NAME) if experiment.settings is None else experiment.settings
    for name in names:
        if name not in BY_NAME:
            raise InputError(
                f"shake_rules.experiments.settings: {name!r} is not one of Gastaldi's settings; "
                f"{did_you_mean(name, BY_NAME)}expected some of {'; '.join(BY_NAME)}"
            )
        if experiment.groups is not None and BY_NAME[name].architecture != "skip":
            raise InputError(
                f"shake_rules.experiments: the setting {name!r} is not one of a network with groups; expected settings "
                "without A, B and C, as `settings` of the experiment"
            )
    return [BY_NAME[name] for name in names]


def build(spec: Spec, in_channels: int, num_classes: int) -> ImageResNeXt:
    """The network of a run; variants of one architecture and seed start from the same weights."""
    variant, params = spec.variant, spec.params
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        if params.groups is not None:
            network = bottleneck_resnext(
                params.width, params.groups, depth=params.depth, in_channels=in_channels, num_classes=num_classes,
                shaking=variant.shaking, shakedrop=variant.shakedrop,
            )  # fmt: skip
        else:
            network = build_network(
                variant.architecture, spec.depth, params.width, in_channels=in_channels, num_classes=num_classes,
                shaking=variant.shaking, shakedrop=variant.shakedrop,
            )  # fmt: skip
        initialise(network)
    return network


def build_network(
    name: str,
    depth: int,
    width: int,
    *,
    in_channels: int,
    num_classes: int,
    shaking: Shaking | None = None,
    shakedrop: ShakeDrop | None = None,
) -> ImageResNeXt:
    """The network of an architecture of `ARCHITECTURES`, with PyTorch's initialisation."""
    architecture = ARCHITECTURES[name]
    blocks = architecture.blocks_factor * blocks_per_stage(depth_of(name, depth))
    return image_resnext(
        architecture.layout,
        in_channels=in_channels,
        stem=STEM,
        widths=[[width * 2**stage] * blocks for stage in range(STAGES)],
        num_classes=num_classes,
        shaking=shaking,
        shakedrop=shakedrop,
        shortcut=architecture.shortcut,
        stem_norm=architecture.norm,
        final_relu=True,
        bias=False,
    )


def train_network(spec: Spec) -> RunState:
    """Train a network, or take it from its checkpoint."""
    device = resolve_device(spec.execution.device)
    data = load_images(spec.params.data)
    mixup = spec.variant.mixup
    loss = cross_entropy if mixup is None else mixup_loss(mixup)
    task = ImageTask(data.train.to(device), data.test.to(device), spec.recipe, loss)
    network = build(spec, data.image_shape[0], data.num_classes)
    every = 1 if spec.variant.name in DRAWN else 0
    return train_run("shake_rules", spec.description(), network, task, spec.seed, spec.execution, score_every=every)


def train(spec: Spec) -> Outcome:
    """Train a run, or take it from its checkpoint."""
    state = train_network(spec)
    network = state.network
    assert isinstance(network, ImageResNeXt)  # noqa: S101 (as it was built)
    curve = tuple((row.train_score, row.valid_score) for row in state.history) if spec.variant.name in DRAWN else ()
    return Outcome(
        spec, count_parameters(network), final_error(state), state.diverged_epoch, final_train_error(state),
        100 * (1 - 1 / network.affine.out_features), curve,
    )  # fmt: skip


def depth_of(architecture: str, depth: int) -> int:
    """The depth that a network of an architecture is built with, for the depth of the params."""
    return min(depth, DEPTH_WITHOUT_NORM) if architecture == "C" else depth
