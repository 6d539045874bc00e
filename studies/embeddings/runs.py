"""The runs of the embeddings, and how one is trained."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.models.layouts import LAYOUTS
from pipeline.models.options import Shaking
from pipeline.training.device import resolve_device
from studies.core.params import ExecutionParams
from studies.core.run import final_error, train_run
from studies.core.task import SCORED_AT_ONCE, ImageTask, score
from studies.datasets.images import Images
from studies.datasets.registry import load_images
from studies.embeddings.params import EmbeddingsParams
from studies.networks.images import ImageResNeXt, image_resnext

Points = NDArray[np.float64]
Labels = NDArray[np.int64]

DIMENSIONS = 2
"""Number of channels of the last block, which are the embedding."""

MODELS: tuple[tuple[str, bool], ...] = (("PreAct", False), ("PreAct", True), ("PreActBN", False), ("PreActBN", True))
"""Layout, and whether it is shaken: the columns of Figure 4."""

Sample = Literal["train, train mode", "train, eval mode", "test, eval mode"]


@dataclass(frozen=True)
class Spec:
    """One run."""

    layout: str
    shaken: bool
    seed: int
    params: EmbeddingsParams
    execution: ExecutionParams

    def description(self) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code."""
        params = self.params.model_dump(mode="json", exclude={"seeds": True, "data": {"path"}})
        return {"layout": self.layout, "shaken": self.shaken, "seed": self.seed, **params}


@dataclass(frozen=True)
class Outcome:
    """The result of a run: errors in percent, and embeddings, which are empty after a divergence.

    Attributes:
        spec: the run.
        status: whether losses stayed finite.
        train_error: error of the training images in eval mode.
        test_error: error of the test images in eval mode.
        points: (samples, 2) embeddings of each kind.
        labels: (samples,) classes of each kind.
    """

    spec: Spec
    status: Literal["done", "diverged"]
    train_error: float
    test_error: float
    points: dict[Sample, Points]
    labels: dict[Sample, Labels]


def specs(params: EmbeddingsParams, execution: ExecutionParams) -> list[Spec]:
    """All runs of the study."""
    return [Spec(layout, shaken, seed, params, execution) for seed in params.seeds for layout, shaken in MODELS]


def build(spec: Spec, in_channels: int, num_classes: int) -> ImageResNeXt:
    """ResNeXt(20, 2x4d) with two channels in its last block, or as the params say; PyTorch's initialisation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return image_resnext(
            LAYOUTS[spec.layout],
            in_channels=in_channels,
            stem=spec.params.stem,
            widths=[*spec.params.widths[:-1], (*spec.params.widths[-1], DIMENSIONS)],
            num_classes=num_classes,
            shaking=Shaking() if spec.shaken else None,
        )


def train(spec: Spec) -> Outcome:
    """Train a run, or take it from its checkpoint, and extract its embeddings."""
    device = resolve_device(spec.execution.device)
    data = load_images(spec.params.data)
    images, test = data.train.to(device), data.test.to(device)
    recipe = spec.params.recipe
    network = build(spec, data.image_shape[0], data.num_classes)
    task = ImageTask(images, test, recipe)
    state = train_run("embeddings", spec.description(), network, task, spec.seed, spec.execution)
    if state.status == "diverged":
        return Outcome(spec, "diverged", np.nan, np.nan, {}, {})
    points: dict[Sample, Points] = {
        "train, train mode": train_mode_embeddings(network, images, recipe.batch_size, spec.seed),
        "train, eval mode": eval_mode_embeddings(network, images),
        "test, eval mode": eval_mode_embeddings(network, test),
    }
    labels = {sample: _numpy((test if sample.startswith("test") else images).labels) for sample in points}
    return Outcome(spec, "done", score(network, images).score, final_error(state), points, labels)


def eval_mode_embeddings(network: ImageResNeXt, images: Images) -> Points:
    """(images, 2) embeddings with running statistics and the same weight for every branch."""
    network.eval()
    with torch.no_grad():
        parts = [network.embed(pixels) for pixels in torch.split(images.pixels, SCORED_AT_ONCE)]
    return _numpy(torch.cat(parts)).astype(np.float64)


def train_mode_embeddings(network: ImageResNeXt, images: Images, batch_size: int, seed: int) -> Points:
    """(images, 2) shaken embeddings with the statistics of random batches; the network is left as it was.

    Args:
        network: a trained network.
        images: the images to embed.
        batch_size: number of images that are normalised together, as in training.
        seed: seed of batches and shaking.
    """
    network = copy.deepcopy(network).train()
    device = images.pixels.device
    noise = torch.Generator(device=device).manual_seed(seed)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).to(device)
    batches = torch.tensor_split(order, max(1, len(order) // batch_size))
    embedded = torch.empty(len(images), network.affine.in_features, device=device)
    with torch.no_grad():
        for batch in batches:
            embedded[batch] = network.embed(images.pixels[batch], noise)
    return _numpy(embedded).astype(np.float64)


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.cpu().numpy()
    return array
