"""Runs of the studies of shaking: which there are, and how one is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.training.device import resolve_device
from studies.datasets.images import ImageSet
from studies.datasets.registry import load_images
from studies.networks.architectures import ARCHITECTURES, build_architecture
from studies.networks.images import ImageResNeXt
from studies.params import ExecutionParams, ShakeNetworkParams
from studies.shake_models import MODELS
from studies.training.checkpoints import checkpoint_path, load_checkpoint, saver
from studies.training.fit import Fit, cross_entropy, fit, start_fit
from studies.training.mixup import mixup_loss


@dataclass(frozen=True)
class ShakeSpec:
    """One run: a model by its name in `MODELS`, and everything else that it depends on."""

    model: str
    seed: int
    params: ShakeNetworkParams
    execution: ExecutionParams

    @property
    def depth(self) -> int:
        """Of the network that is built: architecture C is cut."""
        return ARCHITECTURES[MODELS[self.model].architecture].depth(self.params.depth)

    def description(self) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code."""
        # Of a setting, what its other models are does not matter.
        fields = set(ShakeNetworkParams.model_fields)
        return {"model": self.model, "seed": self.seed, **self.params.model_dump(mode="json", include=fields)}


def train_network(spec: ShakeSpec) -> tuple[ImageResNeXt, Fit, ImageSet]:
    """The network of a run, trained or taken from its checkpoint; its state; and its data.

    Both studies keep their runs in one place, so that a run that both ask for is trained once.
    """
    device = resolve_device(spec.execution.device)
    data = load_images(spec.params.data)
    model, recipe = MODELS[spec.model], spec.params.recipe
    network = build_architecture(
        model.architecture,
        spec.params.width,
        depth=spec.params.depth,
        in_channels=data.image_shape[0],
        num_classes=data.num_classes,
        shaking=model.shaking,
        shakedrop=model.shakedrop,
        seed=spec.seed,
    )
    state = start_fit(network, recipe, spec.seed, device)
    path = checkpoint_path("shaking", spec.description())
    load_checkpoint(state, path)
    fit(
        state,
        data.train.to(device),
        data.test.to(device),
        recipe,
        loss=cross_entropy if model.mixup is None else mixup_loss(model.mixup),
        after_epoch=saver(path, recipe.epochs, spec.execution.checkpoint_seconds),
    )
    return network, state, data
