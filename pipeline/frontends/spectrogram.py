"""The paper's front end: Kaldi's log power spectrogram, 257 bins every 10 ms, normalised by bin (section 5)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.audio.frames import FFT_BINS
from pipeline.core.features import Matrix, Utterance
from pipeline.frontends.base import Cmvn, FrontEnd, FrontEndOptions


class SpectrogramOptions(FrontEndOptions):
    """Options of the spectrogram.

    Attributes:
        cmvn: frames over which mean and variance are computed; default: `features.cmvn`.
    """

    cmvn: Cmvn | None = None

    def completed(self, cmvn: Cmvn, entries: Mapping[str, FrontEndOptions]) -> SpectrogramOptions:
        """See `FrontEndOptions.completed`."""
        return self if self.cmvn is not None else self.model_copy(update={"cmvn": cmvn})


class Spectrogram(FrontEnd[SpectrogramOptions]):
    """The features of Kaldi's `compute-spectrogram-feats --dither=0` and `apply-cmvn --norm-vars=true`."""

    options_class = SpectrogramOptions
    framewise = True
    frequency_axis = True
    dims = FFT_BINS
    column = "bin"
    constant_note = "with constant spectrogram bins, which stay 0, since scaling them would turn rounding into input"

    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """See `FrontEnd.matrices`; (num_frames, 257) each."""
        import torch

        from pipeline.frontends.kaldi import normalised_segments, spectrogram

        assert self.options.cmvn is not None  # noqa: S101 (completed where params are read)
        features = spectrogram(torch.from_numpy(utterance.samples))
        pieces = normalised_segments(features, utterance.bounds, self.options.cmvn)
        return [piece.numpy() for piece in pieces]

    def constant_columns(self, matrix: Matrix) -> int:
        """Bins that do not change, which `kaldi.normalise` leaves 0."""
        # Few bins begin with 0, so few columns are compared.
        candidates = np.flatnonzero(matrix[0] == 0)
        return int((~matrix[:, candidates].any(0)).sum())


FRONT_END = Spectrogram
