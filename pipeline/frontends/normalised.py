"""The base of Kaldi's front ends: a row for every 10 ms of a recording, mean and variance normalisation, segments."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pipeline.core.features import Matrix, Utterance
from pipeline.frontends.base import Cmvn, FrontEnd, FrontEndOptions

if TYPE_CHECKING:
    from torch import Tensor


class NormalisedOptions(FrontEndOptions):
    """Options of every front end with Kaldi's normalisation.

    Attributes:
        cmvn: frames over which mean and variance of a column are computed: those of a `segment` or of an `utterance`;
            `none`: features stay as they are. None stands for the value of `features.cmvn`.
    """

    cmvn: Cmvn | None = None


Options = TypeVar("Options", bound=NormalisedOptions)


class NormalisedFrontEnd(FrontEnd[Options]):
    """A front end that computes rows from a whole recording, and then normalises and cuts them."""

    framewise = True

    @abstractmethod
    def frames(self, samples: Tensor) -> Tensor:
        """The rows of a recording before normalisation.

        Args:
            samples: (num_samples,) float32 on the int16 scale.

        Returns:
            (num_frames, dims) float32.
        """

    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """See `FrontEnd.matrices`; (num_frames, dims) each."""
        import torch

        from pipeline.frontends.kaldi import normalised_segments

        assert self.options.cmvn is not None  # noqa: S101 (completed where params are read)
        frames = self.frames(torch.from_numpy(utterance.samples))
        return [piece.numpy() for piece in normalised_segments(frames, utterance.bounds, self.options.cmvn)]

    def constant_columns(self, matrix: Matrix) -> int:
        """Columns that do not change, which `kaldi.normalise` leaves 0; none without normalisation."""
        if self.options.cmvn == "none":
            return 0
        # Few columns begin with 0, so few are compared.
        candidates = np.flatnonzero(matrix[0] == 0)
        return int((~matrix[:, candidates].any(0)).sum())
