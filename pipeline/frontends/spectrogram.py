"""The paper's front end: Kaldi's log power spectrogram, 257 bins every 10 ms, normalised by bin (section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.audio.frames import FFT_BINS
from pipeline.frontends.base import Cmvn, FrontEndOptions
from pipeline.frontends.normalised import NormalisedFrontEnd, NormalisedOptions

if TYPE_CHECKING:
    from torch import Tensor


class SpectrogramOptions(NormalisedOptions):
    """Options of the spectrogram.

    Attributes:
        cmvn: frames over which mean and variance are computed; default: `features.cmvn`.
    """

    def completed(self, cmvn: Cmvn, entries: Mapping[str, FrontEndOptions]) -> SpectrogramOptions:
        """See `FrontEndOptions.completed`."""
        return self if self.cmvn is not None else self.model_copy(update={"cmvn": cmvn})


class Spectrogram(NormalisedFrontEnd[SpectrogramOptions]):
    """The features of Kaldi's `compute-spectrogram-feats --dither=0` and `apply-cmvn --norm-vars=true`."""

    options_class = SpectrogramOptions
    frequency_axis = True
    dims = FFT_BINS
    column = "bin"
    constant_note = "with constant spectrogram bins, which stay 0, since scaling them would turn rounding into input"

    def frames(self, samples: Tensor) -> Tensor:
        """See `NormalisedFrontEnd.frames`; 257 columns."""
        from pipeline.frontends.kaldi import spectrogram

        return spectrogram(samples)


FRONT_END = Spectrogram
