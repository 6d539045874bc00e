"""Mel-frequency cepstral coefficients and their differences over time: Kaldi's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.core.errors import InputError
from pipeline.core.settings import Count
from pipeline.frontends.base import Cmvn
from pipeline.frontends.logmel import Bands, Hertz
from pipeline.frontends.mel import cosine_transform, mel_filters
from pipeline.frontends.normalised import NormalisedFrontEnd, NormalisedOptions

if TYPE_CHECKING:
    from torch import Tensor


class MfccOptions(NormalisedOptions):
    """Options of cepstral coefficients; names, meaning and defaults are Kaldi's where it has them.

    Attributes:
        coefficients: number of coefficients, `--num-ceps`.
        bands: number of mel bands, `--num-mel-bins`.
        low_freq: lower end of the first band in Hz.
        high_freq: upper end of the last band in Hz; 0 and below: distance from 8000 Hz.
        lifter: `--cepstral-lifter`, which brings the coefficients to similar sizes; 0: none.
        use_energy: whether the log energy of the frame takes the place of coefficient 0.
        deltas: highest order of the differences over time (`add-deltas`); 0: none.
        cmvn: frames over which mean and variance of a column, differences included, are computed.
    """

    coefficients: Count = 13
    bands: Bands = 23
    low_freq: Hertz = 20.0
    high_freq: float = 0.0
    lifter: Annotated[float, Field(ge=0)] = 22.0
    use_energy: bool = True
    deltas: Annotated[int, Field(ge=0, le=3)] = 2
    cmvn: Cmvn = "none"


class Mfcc(NormalisedFrontEnd[MfccOptions]):
    """The features of Kaldi's `compute-mfcc-feats --dither=0` and `add-deltas`."""

    options_class = MfccOptions
    column = "coefficient"
    constant_note = "with constant coefficients, which stay 0, since scaling them would turn rounding into input"

    def __init__(self, options: MfccOptions) -> None:
        super().__init__(options)
        if options.coefficients > options.bands:
            raise InputError(
                f"coefficients: {options.coefficients} of {options.bands} bands; expected at most one for each band"
            )
        self._filters = mel_filters(options.bands, options.low_freq, options.high_freq)

    @property
    def dims(self) -> int:
        """See `FrontEnd`."""
        return self.options.coefficients * (1 + self.options.deltas)

    def frames(self, samples: Tensor) -> Tensor:
        """See `NormalisedFrontEnd.frames`; the coefficients, their first differences, and so on."""
        import torch

        from pipeline.frontends.kaldi import cepstra, with_deltas

        options = self.options
        transform = torch.from_numpy(cosine_transform(options.coefficients, options.bands, options.lifter))
        values = cepstra(samples, torch.from_numpy(self._filters), transform, options.use_energy)
        return with_deltas(values, options.deltas)


FRONT_END = Mfcc
