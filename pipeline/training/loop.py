"""One run: a model trained on all folds but one, scored on that one after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.models.collective import gathered, processes, rank, sum_gradients, summed
from pipeline.models.mixing import Mixing
from pipeline.models.normalisation import still_statistics
from pipeline.models.resnext import ResNeXt
from pipeline.models.variance_constancy import clip_gradients_by_layer, middle_frames
from pipeline.training.accuracy import unweighted_accuracy
from pipeline.training.batches import Batch, SegmentBank, ordered_batches, shuffled_batches
from pipeline.training.mixup import Mixup, draw_pairs, mixed_loss

SCORING_FRAMES = 1024
"""Model frames scored at once; scoring keeps no activations, so this is bounded by cache, not by memory."""


@dataclass(frozen=True)
class Recipe:
    """What a run needs beyond its network and data (section 5)."""

    epochs: int
    batch_segments: int
    learning_rate: float
    eval_train_every: int
    mixup: Mixup | None = None


@dataclass(frozen=True)
class Epoch:
    """One row of the history: losses are class-weighted means, accuracies percent; NaN where not measured."""

    epoch: int
    train_loss: float
    train_ua: float
    train_loss_eval: float
    train_ua_eval: float
    valid_loss: float
    valid_ua: float


@dataclass(frozen=True)
class Snapshot:
    """A network at the end of an epoch, and what it says of the validation fold.

    `probabilities` is (validation segments, classes) float32.
    """

    epoch: int
    weights: dict[str, Tensor]
    probabilities: Tensor


@dataclass
class RunState:
    """Everything that a run continues from; a checkpoint file holds just this."""

    network: ResNeXt
    optimiser: torch.optim.Adam
    order: torch.Generator
    noise: torch.Generator
    history: list[Epoch] = field(default_factory=list)
    best: Snapshot | None = None
    last: Snapshot | None = None
    diverged_epoch: int | None = None
    machines: list[str] = field(default_factory=list)

    def note_machine(self, machine: str) -> None:
        """Remember what the epochs to come are computed on, if it is another than before."""
        if not self.machines or self.machines[-1] != machine:
            self.machines.append(machine)

    @property
    def snapshots(self) -> dict[str, Snapshot]:
        """Those of `last` and `best` that are there."""
        taken = {"last": self.last, "best": self.best}
        return {name: snapshot for name, snapshot in taken.items() if snapshot is not None}

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.history)


def start_run(network: ResNeXt, learning_rate: float, seeds: tuple[int, int], device: torch.device) -> RunState:
    """A run before its first epoch; `seeds` are those of the batch order and of shaking and dropout."""
    # Channels last is what convolutions of few channels are fastest in, on CPU and GPU.
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    order = torch.Generator().manual_seed(seeds[0])
    noise = torch.Generator(device=device).manual_seed(seeds[1])
    return RunState(network, torch.optim.Adam(network.parameters(), lr=learning_rate), order, noise)


def train(
    state: RunState,
    bank: SegmentBank,
    train_segments: Tensor,
    valid_segments: Tensor,
    recipe: Recipe,
    after_epoch: Callable[[RunState], None] = lambda state: None,
) -> None:
    """Train until `recipe.epochs` epochs are done, or a loss is not finite; `state` holds the outcome.

    Args:
        state: a new run or one that continues; changed in place.
        bank: all segments.
        train_segments: positions in the bank of the training folds' segments.
        valid_segments: positions of the validation fold's segments.
        recipe: the rest.
        after_epoch: called after each epoch, to save and to show progress.
    """
    weights = class_weights(bank.emotions[train_segments], state.network.affine.out_features)
    while state.epoch < recipe.epochs and state.diverged_epoch is None:
        number = state.epoch + 1
        train_loss, train_ua = train_epoch(state, bank, train_segments, weights, recipe)
        valid_loss, valid_ua, chances = score(state.network, bank, valid_segments, weights)
        if not (np.isfinite(train_loss) and np.isfinite(valid_loss)):
            state.diverged_epoch = number
            break
        row = Epoch(number, train_loss, train_ua, np.nan, np.nan, valid_loss, valid_ua)
        best = state.best is None or valid_ua > state.history[state.best.epoch - 1].valid_ua
        # The epochs that may be reported are scored on the training folds too, for the Gap in eval mode.
        if best or number == recipe.epochs or number % recipe.eval_train_every == 0:
            row = _with_eval_mode(row, state.network, bank, train_segments, weights)
        state.history.append(row)
        if best:
            state.best = Snapshot(number, _copy_weights(state.network), chances)
        if number == recipe.epochs:
            state.last = Snapshot(number, _copy_weights(state.network), chances)
        after_epoch(state)
    if state.diverged_epoch is None and (state.last is None or state.last.epoch != state.epoch):
        # Continued from the middle of a longer run that took no notice of this epoch.
        chances = probabilities(state.network, bank, valid_segments)
        state.last = Snapshot(state.epoch, _copy_weights(state.network), chances)
        state.history[-1] = _with_eval_mode(state.history[-1], state.network, bank, train_segments, weights)


def reported_history(history: Sequence[Epoch], epochs: int, eval_train_every: int) -> list[Epoch]:
    """The first `epochs` rows as a run of just that length would have written them.

    A run that was first trained for fewer epochs has scored its training folds at that end too; a row keeps those
    figures only where a run of `epochs` epochs measures them.
    """
    rows: list[Epoch] = []
    best = -np.inf
    for row in history[:epochs]:
        measured = row.valid_ua > best or row.epoch == epochs or row.epoch % eval_train_every == 0
        best = max(best, row.valid_ua)
        rows.append(row if measured else replace(row, train_loss_eval=np.nan, train_ua_eval=np.nan))
    return rows


def class_weights(emotions: Tensor, num_classes: int) -> Tensor:
    """Weights inversely proportional to class size (section 5), of mean 1 over the segments given.

    Raises:
        ValueError: a class has no segment.
    """
    counts = torch.bincount(emotions, minlength=num_classes)
    if (counts == 0).any():
        raise ValueError(f"training segments by class are {counts.tolist()}; expected some of each")
    return len(emotions) / (num_classes * counts.float())


def score(network: ResNeXt, bank: SegmentBank, segments: Tensor, weights: Tensor) -> tuple[float, float, Tensor]:
    """Class-weighted loss, unweighted accuracy in percent, and (segments, classes) probabilities, in eval mode."""
    scores = _scores(network, bank, segments)
    emotions = bank.emotions[segments]
    loss = F.cross_entropy(scores, emotions, weight=weights).item()
    chances = scores.softmax(dim=1).cpu()
    ua = unweighted_accuracy(emotions.cpu().numpy(), chances.argmax(dim=1).numpy(), scores.shape[1])
    return loss, ua, chances


def probabilities(network: ResNeXt, bank: SegmentBank, segments: Tensor) -> Tensor:
    """(segments, classes) probabilities in eval mode."""
    return _scores(network, bank, segments).softmax(dim=1).cpu()


def _scores(network: ResNeXt, bank: SegmentBank, segments: Tensor) -> Tensor:
    """(segments, classes) unnormalised log-probabilities in eval mode, a bounded number of frames at a time."""
    network.eval()
    with torch.no_grad():
        batches = ordered_batches(bank, _share(segments), SCORING_FRAMES)
        return gathered(torch.cat([_scores_of(network, _channels_last(bank.gather(part))) for part in batches]))


def train_epoch(
    state: RunState, bank: SegmentBank, segments: Tensor, weights: Tensor, recipe: Recipe
) -> tuple[float, float]:
    """One pass over the training folds: the loss and unweighted accuracy of train mode, as the pass goes."""
    network, optimiser = state.network, state.optimiser
    network.train()
    loss_sum = torch.zeros((), device=weights.device)
    weight_sum = torch.zeros((), device=weights.device)
    emotions, predicted = [], []
    for positions in shuffled_batches(segments, recipe.batch_segments, state.order):
        batch = _channels_last(bank.gather(_share(positions)))
        target = batch.emotions
        with _constancy(network, batch) as penalty:
            if recipe.mixup is None:
                scores = _scores_of(network, batch, state.noise)
                loss, weight = F.cross_entropy(scores, target, weight=weights, reduction="sum"), weights[target].sum()
            else:
                scores = _unmixed_scores(network, batch, state.noise)
                loss, weight = _mixup_loss(network, batch, weights, recipe.mixup, state.noise)
        batch_weight = summed(weight)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss / batch_weight + penalty())
        sum_gradients(list(network.parameters()))
        if network.constancy is not None:
            clip_gradients_by_layer(network, network.constancy.settings.clip)
        optimiser.step()
        loss_sum += summed(loss.detach())
        weight_sum += batch_weight
        emotions.append(target)
        predicted.append(scores.detach().argmax(dim=1))
    ua = unweighted_accuracy(
        gathered(torch.cat(emotions)).cpu().numpy(),
        gathered(torch.cat(predicted)).cpu().numpy(),
        network.affine.out_features,
    )
    return (loss_sum / weight_sum).item(), ua


def _share(positions: Tensor) -> Tensor:
    """Of these, the part of this process: all of them when it trains alone."""
    return torch.tensor_split(positions, processes())[rank()]


def _channels_last(batch: Batch) -> Batch:
    return replace(batch, frames=batch.frames.contiguous(memory_format=torch.channels_last))


def _scores_of(
    network: ResNeXt, batch: Batch, noise: torch.Generator | None = None, mixing: Mixing | None = None
) -> Tensor:
    return network(batch.frames, batch.segment_of_frame, len(batch.emotions), noise, mixing)  # type: ignore[no-any-return]


def _unmixed_scores(network: ResNeXt, batch: Batch, noise: torch.Generator) -> Tensor:
    """Scores of a batch's own segments in train mode, for the training UA."""
    with torch.no_grad(), still_statistics(network):
        return _scores_of(network, batch, noise)


def _mixup_loss(
    network: ResNeXt, batch: Batch, weights: Tensor, mixup: Mixup, noise: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Sum of the weighted losses of a batch's mixtures, and the sum of weights that its mean is taken by."""
    pairs = draw_pairs(mixup, batch.segment_of_frame, len(batch.emotions), network.mixing_layers, noise)
    return mixed_loss(_scores_of(network, batch, noise, pairs.mixing), batch.emotions, pairs, weights)


@contextmanager
def _constancy(network: ResNeXt, batch: Batch) -> Iterator[Callable[[], Tensor]]:
    """Yields a function that gives the variance constancy penalty of what the network computes inside, 0 without."""
    if network.constancy is None:
        yield lambda: batch.frames.new_zeros((), dtype=torch.float32)
    else:
        # Frames of one segment are alike: one of each is a sample.
        rows = middle_frames(batch.segment_of_frame, len(batch.emotions))
        with network.constancy.watching(network, rows) as penalty:
            yield penalty


def _with_eval_mode(row: Epoch, network: ResNeXt, bank: SegmentBank, segments: Tensor, weights: Tensor) -> Epoch:
    loss, ua, _ = score(network, bank, segments, weights)
    return replace(row, train_loss_eval=loss, train_ua_eval=ua)


def _copy_weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
