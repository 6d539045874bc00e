"""The task of the studies: images or rows of a table in memory, scored by their error in percent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.models.normalisation import still_statistics
from pipeline.training.loop import Scores, Step
from pipeline.training.order import shuffled_batches
from studies.core.augmentation import augmented
from studies.core.recipe import ImageRecipe
from studies.datasets.images import Images

SCORED_AT_ONCE = 512
"""Number of images that are scored at once; scoring keeps no activations."""

BatchLoss = Callable[[nn.Module, Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""(network, pixels, labels, generator) to the loss to minimise and the (images, classes) scores of the unmixed images;
the generator is the run's source of shaking and of anything else that is random."""


def cross_entropy(
    network: nn.Module, pixels: Tensor, labels: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The loss of an ordinary run, and the scores."""
    scores = network(pixels, generator)
    return F.cross_entropy(scores, labels), scores


@dataclass(frozen=True)
class ImageTask:
    """Images for training and for testing, on the device of the run; see `pipeline.training.loop.Task`.

    Attributes:
        train: the training images.
        test: the test images.
        recipe: batches and augmentation.
        loss: the loss that is minimised.
        clip: function of the network that clips its gradients before a step.
    """

    train: Images
    test: Images
    recipe: ImageRecipe
    loss: BatchLoss = cross_entropy
    clip: Callable[[nn.Module], None] = lambda network: None

    def batches(self, order: torch.Generator) -> Sequence[Tensor]:
        """See `Task`."""
        return list(shuffled_batches(torch.arange(len(self.train)), self.recipe.batch_size, order))

    def step(self, network: nn.Module, positions: Tensor, noise: torch.Generator) -> Step:
        """See `Task`; the training error is that of the augmented images."""
        chosen = positions.to(self.train.labels.device)
        labels = self.train.labels[chosen]
        pixels = augmented(self.train.pixels[chosen], self.recipe, noise)
        value, scores = self._loss_in_parts(network, _dense(pixels), labels, noise)
        count = value.new_tensor(float(len(positions)))
        return Step(value, value.detach() * count, count, labels, scores.detach().argmax(dim=1))

    def _loss_in_parts(
        self, network: nn.Module, pixels: Tensor, labels: Tensor, noise: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """The loss of a batch and its scores, part by part where the recipe normalises over parts."""
        count, over = len(pixels), self.recipe.normalise_over
        if over is None or count <= over:
            return self.loss(network, pixels, labels, noise)
        results = []
        # Parts of nearly equal size: a last part of one image could not be normalised.
        for number, rows in enumerate(torch.arange(count, device=pixels.device).chunk(-(-count // over))):
            with nullcontext() if number == 0 else still_statistics(network):
                results.append(self.loss(network, pixels[rows], labels[rows], noise))
        values = torch.stack([value * len(scores) for value, scores in results])
        return values.sum() / count, torch.cat([scores for _, scores in results])

    def before_step(self, network: nn.Module) -> None:
        """See `Task`."""
        self.clip(network)

    def measure(self, truth: Tensor, predicted: Tensor) -> float:
        """Error in percent."""
        return 100 * int((truth != predicted).sum()) / len(truth)

    def score_valid(self, network: nn.Module) -> Scores:
        """See `Task`."""
        return score(network, self.test)

    def score_train(self, network: nn.Module) -> Scores:
        """See `Task`."""
        return score(network, self.train)


def score(network: nn.Module, images: Images) -> Scores:
    """Mean cross-entropy, error in percent and probabilities, in eval mode."""
    scores = evaluated(network, images)
    loss = F.cross_entropy(scores, images.labels).item()
    error = 100 * (scores.argmax(dim=1) != images.labels).double().mean().item()
    return Scores(loss, error, scores.softmax(dim=1).cpu())


def evaluated(network: nn.Module, images: Images) -> Tensor:
    """(images, classes) scores in eval mode."""
    network.eval()
    with torch.no_grad():
        return torch.cat([network(_dense(pixels)) for pixels in torch.split(images.pixels, SCORED_AT_ONCE)])


def _dense(pixels: Tensor) -> Tensor:
    """In the memory layout that convolutions of few channels are fastest in."""
    return pixels.contiguous(memory_format=torch.channels_last) if pixels.dim() == 4 else pixels
