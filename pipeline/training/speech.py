"""The task of the speech models: class-weighted segments, scored by unweighted accuracy (section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.models.base import Batch, Classifier
from pipeline.models.collective import gathered, processes, rank, summed
from pipeline.models.normalisation import still_statistics
from pipeline.models.options import Mixup
from pipeline.training.accuracy import unweighted_accuracy
from pipeline.training.augmenting import draw_masks, masked
from pipeline.training.batches import SegmentBank, ordered_batches
from pipeline.training.loop import Scores, Step
from pipeline.training.mixup import draw_pairs, mixed_loss
from pipeline.training.order import balanced_batches, shuffled_batches
from pipeline.training.params import Augment, Sampling
from pipeline.training.variants import draw


@dataclass(frozen=True)
class SpeechTask:
    """Segments to learn from, and segments to be validated on; see `loop.Task`.

    Attributes:
        bank: all segments.
        train_segments: positions in the bank of the training folds' segments.
        valid_segments: positions of the validation fold's segments.
        num_classes: number of classes.
        batch_segments: number of segments in a batch.
        sampling: see `TrainParams`.
        gamma: exponent of the focal loss; 0 for the cross-entropy.
        augment: masks on training segments; None for none.
        variants: the same segments as other front ends give them; in training each stands for a segment of `bank` at
            random.
    """

    bank: SegmentBank
    train_segments: Tensor
    valid_segments: Tensor
    num_classes: int
    batch_segments: int
    sampling: Sampling = "shuffled"
    gamma: float = 0.0
    augment: Augment | None = None
    variants: tuple[SegmentBank, ...] = ()

    @cached_property
    def weights(self) -> Tensor:
        """(classes,) weights of the loss, from the training segments."""
        return class_weights(self.bank.emotions[self.train_segments], self.num_classes)

    @cached_property
    def step_weights(self) -> Tensor:
        """(classes,) weights of the loss in training, where balanced sampling stands for them."""
        return self.weights if self.sampling == "shuffled" else torch.ones_like(self.weights)

    def batches(self, order: torch.Generator) -> Sequence[Tensor]:
        """See `Task`."""
        if self.sampling == "balanced":
            classes = self.bank.emotions[self.train_segments]
            return list(balanced_batches(self.train_segments, classes, self.batch_segments, order))
        return list(shuffled_batches(self.train_segments, self.batch_segments, order))

    def step(self, network: Classifier, positions: Tensor, noise: torch.Generator) -> Step:
        """See `Task`."""
        # Every process draws for the whole batch and keeps its share.
        drawn = draw((self.bank, *self.variants), positions, noise)
        batch = arranged(network, drawn.share(processes(), rank()).gather())
        if self.augment is not None:
            masks = draw_masks(self.augment, drawn.rows(), self.bank.dims, noise)
            batch = masked(batch, masks.share(processes(), rank()), self.bank.every)
        target, weights = batch.emotions, self.step_weights
        with network.penalty(batch) as penalty:
            if network.mixup is None:
                scores = network.scores(batch, noise)
                loss, weight = _loss(scores, target, weights, self.gamma), weights[target].sum()
            else:
                scores = _unmixed_scores(network, batch, noise)
                loss, weight = _mixup_loss(network, batch, weights, network.mixup, noise)
        batch_weight = summed(weight)
        predicted = scores.detach().argmax(dim=1)
        return Step(loss / batch_weight + penalty(), summed(loss.detach()), batch_weight, target, predicted)

    def before_step(self, network: Classifier) -> None:
        """See `Task`."""
        network.before_step()

    def measure(self, truth: Tensor, predicted: Tensor) -> float:
        """Unweighted accuracy in percent."""
        return unweighted_accuracy(truth.numpy(), predicted.numpy(), self.num_classes)

    def score_valid(self, network: Classifier) -> Scores:
        """See `Task`."""
        return score(network, self.bank, self.valid_segments, self.weights)

    def score_train(self, network: Classifier) -> Scores:
        """See `Task`."""
        return score(network, self.bank, self.train_segments, self.weights)


def _loss(scores: Tensor, target: Tensor, weights: Tensor, gamma: float) -> Tensor:
    """The sum of the weighted cross-entropies, or of focal losses where `gamma` is above 0."""
    if gamma == 0:
        return F.cross_entropy(scores, target, weight=weights, reduction="sum")
    losses = F.cross_entropy(scores, target, reduction="none")
    # 1 - p, exact where p is close to 1; its power has no finite gradient at 0 if gamma is below 1.
    missing = (-torch.expm1(-losses)).clamp_min(torch.finfo(losses.dtype).tiny)
    return (weights[target] * missing**gamma * losses).sum()


def class_weights(emotions: Tensor, num_classes: int) -> Tensor:
    """Weights inversely proportional to class size (section 5), of mean 1 over the segments given.

    A class without segments, which a corpus may lack that is trained on alone, has weight 0.
    """
    counts = torch.bincount(emotions, minlength=num_classes)
    present = counts > 0
    weights = len(emotions) / (present.sum() * counts.clamp_min(1).float())
    return torch.where(present, weights, torch.zeros_like(weights))


def score(network: Classifier, bank: SegmentBank, segments: Tensor, weights: Tensor) -> Scores:
    """Class-weighted loss, unweighted accuracy in percent, and (segments, classes) probabilities, in eval mode."""
    scores = _scores(network, bank, segments)
    emotions = bank.emotions[segments]
    loss = F.cross_entropy(scores, emotions, weight=weights.to(scores.dtype)).item()
    probabilities = scores.softmax(dim=1).cpu()
    ua = unweighted_accuracy(emotions.cpu().numpy(), probabilities.argmax(dim=1).numpy(), scores.shape[1])
    return Scores(loss, ua, probabilities)


def probabilities(network: Classifier, bank: SegmentBank, segments: Tensor) -> Tensor:
    """(segments, classes) probabilities in eval mode."""
    return _scores(network, bank, segments).softmax(dim=1).cpu()


def gathered_batch(network: Classifier, bank: SegmentBank, segments: Tensor) -> Batch:
    """The batch of the given segments as a classifier takes it."""
    return arranged(network, bank.gather(segments))


def arranged(network: Classifier, batch: Batch) -> Batch:
    """A batch as a classifier takes it, in the memory layout that is fastest to convolve."""
    batch = network.prepared(batch)
    return replace(batch, frames=batch.frames.contiguous(memory_format=torch.channels_last))


def _scores(network: Classifier, bank: SegmentBank, segments: Tensor) -> Tensor:
    """(segments, classes) unnormalised log-probabilities in eval mode, a bounded number of frames at a time."""
    network.eval()
    with torch.no_grad():
        batches = ordered_batches(bank, _share(segments), network.scoring_frames)
        return gathered(torch.cat([network.scores(gathered_batch(network, bank, part)) for part in batches]))


def _share(positions: Tensor) -> Tensor:
    """The part of the positions for this process: all of them when it trains alone."""
    return torch.tensor_split(positions, processes())[rank()]


def _unmixed_scores(network: Classifier, batch: Batch, noise: torch.Generator) -> Tensor:
    """Scores of a batch's own segments in train mode, for the training UA."""
    with torch.no_grad(), still_statistics(network):
        return network.scores(batch, noise)


def _mixup_loss(
    network: Classifier, batch: Batch, weights: Tensor, mixup: Mixup, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The sum of the weighted losses of a batch's mixtures, and the sum of the weights."""
    pairs = draw_pairs(mixup, batch.segment_of_frame, len(batch.emotions), network.mixing_layers, noise)
    return mixed_loss(network.scores(batch, noise, pairs.mixing), batch.emotions, pairs, weights)
