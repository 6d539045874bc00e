"""Means and deviations of the columns over training folds, corpora or speakers; see `models.standardising`."""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor

from pipeline.models.options import Standardisation
from pipeline.training.batches import SegmentBank, ordered_batches

BATCH_FRAMES = 4096
"""Model frames whose sums are computed at once."""


def groups_of(segments: pd.DataFrame, by: Standardisation) -> Tensor | None:
    """(segments,) number of the group of each segment; None if all are one group."""
    if by == "speaker":
        return speakers_of(segments)
    if by == "corpus":
        return torch.from_numpy(segments.groupby("corpus").ngroup().to_numpy(copy=True))
    return None


def speakers_of(segments: pd.DataFrame) -> Tensor:
    """(segments,) number of the speaker of each segment.

    Args:
        segments: rows with `corpus` and `actor`, which name a speaker; `person`, where it is there, tells which of
            them are one person in several corpora. The numbers do not depend on it where each person is in one.
    """
    actors = segments.groupby(["corpus", "actor"]).ngroup().to_numpy(copy=True)
    if "person" not in segments:
        return torch.from_numpy(actors)
    first = segments["person"].groupby(actors).first()
    return torch.from_numpy(pd.factorize(first)[0].astype("int64")[actors])


def group_statistics(
    bank: SegmentBank, train: Tensor, by: Standardisation, hidden: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The mean and the standard deviation of every column, in double.

    A corpus is described by its training segments; one that is validated without being trained on, by all of its
    segments, without their labels, as a speaker always is. A group without such segments has the numbers of all
    training segments.

    Args:
        bank: all segments, with their groups.
        train: positions of the training segments.
        by: recordings that a group consists of.
        hidden: positions of segments that are set apart; they describe only speakers of whom there are no others, and
            no corpus.

    Returns:
        (1 + groups, dims) means, and deviations, which are 1 for constant columns; row 0 is that of all training
        segments.
    """
    together = bank.num_frames.new_zeros(len(bank.num_frames))
    overall = _statistics(bank, train, together, 1)
    if bank.groups is None:
        return overall
    number = int(bank.groups.max()) + 1
    used = _of_speakers(bank.groups, hidden) if by == "speaker" else _of_corpora(bank.groups, train, hidden)
    mean, deviation = _statistics(bank, used, bank.groups, number)
    unknown = torch.bincount(bank.groups[used], minlength=number) == 0
    mean[unknown], deviation[unknown] = overall[0][0], overall[1][0]
    return torch.cat([overall[0], mean]), torch.cat([overall[1], deviation])


def _of_corpora(groups: Tensor, train: Tensor, hidden: Tensor | None) -> Tensor:
    """Positions of the training segments, and of all others of corpora without any, but for those set apart."""
    untrained = torch.bincount(groups[train], minlength=int(groups.max()) + 1) == 0
    wanted = untrained[groups]
    if hidden is not None:
        wanted[hidden] = False
    wanted[train] = True
    return torch.arange(len(groups), device=groups.device)[wanted]


def _of_speakers(groups: Tensor, hidden: Tensor | None) -> Tensor:
    """Positions of all segments, without those set apart of speakers who have others."""
    everything = torch.arange(len(groups), device=groups.device)
    if hidden is None or not len(hidden):
        return everything
    seen = torch.ones_like(groups, dtype=torch.bool)
    seen[hidden] = False
    with_others = torch.bincount(groups[seen], minlength=int(groups.max()) + 1) > 0
    return everything[seen | ~with_others[groups]]


def _statistics(bank: SegmentBank, segments: Tensor, groups: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """(number, dims) mean and deviation of each group; the mean first, since sums of squares lose digits."""

    def mean_of(centre: Tensor | None) -> Tensor:
        total = torch.zeros(number, bank.dims, dtype=torch.float64, device=bank.device)
        count = torch.zeros(number, 1, dtype=torch.float64, device=bank.device)
        for part in ordered_batches(bank, segments, BATCH_FRAMES):
            batch = bank.gather(part)
            row = groups[part][batch.segment_of_frame]
            values = batch.frames[:, 0].double()
            if centre is not None:
                values = (values - centre[row, None]).square()
            total.index_add_(0, row, values.mean(1))
            count.index_add_(0, row, torch.ones(len(row), 1, dtype=torch.float64, device=bank.device))
        return total / count.clamp_min(1)

    mean = mean_of(None)
    deviation = mean_of(mean).sqrt()
    # A constant column is 0 after its mean is subtracted, except for rounding, which is relative to the mean.
    constant = deviation <= 1e-6 * mean.abs()
    return mean, torch.where(constant, 1.0, deviation)
