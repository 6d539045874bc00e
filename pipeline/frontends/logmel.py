"""Log energies of mel bands every 10 ms: Kaldi's filter bank, what most networks on speech read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.frontends.base import Cmvn
from pipeline.frontends.mel import mel_filters
from pipeline.frontends.normalised import NormalisedFrontEnd, NormalisedOptions

if TYPE_CHECKING:
    from torch import Tensor

Bands = Annotated[int, Field(ge=4)]
"""A number of mel bands; Kaldi takes no fewer."""

Hertz = Annotated[float, Field(ge=0)]


class LogMelOptions(NormalisedOptions):
    """Options of log-mel bands; names and meaning are Kaldi's, with `bands` for `--num-mel-bins`.

    Attributes:
        bands: number of mel bands.
        low_freq: lower end of the first band in Hz.
        high_freq: upper end of the last band in Hz; 0 and below: distance from 8000 Hz.
        cmvn: frames over which mean and variance of a band are computed.
    """

    bands: Bands = 64
    low_freq: Hertz = 20.0
    high_freq: float = 0.0
    cmvn: Cmvn = "none"


class LogMel(NormalisedFrontEnd[LogMelOptions]):
    """The features of Kaldi's `compute-fbank-feats --dither=0`."""

    options_class = LogMelOptions
    frequency_axis = True
    column = "band"
    constant_note = "with constant mel bands, which stay 0, since scaling them would turn rounding into input"

    def __init__(self, options: LogMelOptions) -> None:
        super().__init__(options)
        self._filters = mel_filters(options.bands, options.low_freq, options.high_freq)

    @property
    def dims(self) -> int:
        """See `FrontEnd`."""
        return self.options.bands

    def frames(self, samples: Tensor) -> Tensor:
        """See `NormalisedFrontEnd.frames`; a column for each band."""
        import torch

        from pipeline.frontends.kaldi import log_mel

        return log_mel(samples, torch.from_numpy(self._filters))


FRONT_END = LogMel
