"""openSMILE's feature sets (Eyben, Wöllmer & Schuller 2010): eGeMAPS, ComParE and their like.

Its licence allows research and private use, not commercial use, so it is an extra; see `OpenSmile.notice`.
"""

from __future__ import annotations

import functools
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from pipeline.audio.frames import SAMPLE_RATE
from pipeline.core.features import Matrix, Utterance
from pipeline.core.wording import did_you_mean
from pipeline.frontends.base import FrontEnd, FrontEndOptions
from pipeline.frontends.cutting import segment_samples

if TYPE_CHECKING:
    from opensmile import Smile

DIMS: dict[str, tuple[int, int]] = {
    "eGeMAPSv02": (88, 25),
    "eGeMAPSv01b": (88, 23),
    "eGeMAPSv01a": (88, 23),
    "GeMAPSv01b": (62, 18),
    "GeMAPSv01a": (62, 18),
    "ComParE_2016": (6373, 65),
    "emobase": (988, 26),
    "IS09": (384, 16),
    "IS10": (1582, 38),
    "IS11": (4368, 59),
    "IS12": (6125, 64),
    "IS13": (6373, 65),
}
"""The feature sets of the package, by its names: numbers of functionals and of low-level descriptors."""

_FULL_SCALE = 32768  # samples are on the int16 scale, openSMILE expects -1 to 1


def _known(name: str) -> str:
    if name in DIMS:
        return name
    other_case = {known.lower(): known for known in DIMS}.get(name.lower())
    hint = did_you_mean(other_case or name, DIMS)
    raise ValueError(f"{name!r} is not a feature set of openSMILE; {hint}expected one of {', '.join(DIMS)}")


class OpenSmileOptions(FrontEndOptions):
    """Options of openSMILE.

    Attributes:
        feature_set: name of a feature set; docs/frontends.md lists them.
        level: `functionals`, one row a segment; or `low_level_descriptors`, a row every 10 ms.
    """

    feature_set: Annotated[str, AfterValidator(_known)] = "eGeMAPSv02"
    level: Literal["functionals", "low_level_descriptors"] = "functionals"


class OpenSmile(FrontEnd[OpenSmileOptions]):
    """The features that the Python package `opensmile` computes, from each segment alone.

    openSMILE's own frames are 20 to 60 ms long, so it gives some rows of low-level descriptors fewer than a segment has
    frames of 25 ms (3 with eGeMAPS), or some more (1 with IS09). The matrix has exactly a row for each frame: the last
    row is repeated, or rows at the end are cut. A segment that is too short for openSMILE (under 65 ms; 75 ms with
    IS10 to IS12) has no values; they are NaN here, and so counted and replaced as all values that are not finite.
    """

    options_class = OpenSmileOptions
    fills_non_finite = True
    needs = ("opensmile",)
    install = "pip install -c constraints.txt -e '.[opensmile]'"
    column = "feature"
    notice = (
        "openSMILE is under the audEERING research licence: free for research and private use, not for commercial use; "
        "see https://github.com/audeering/opensmile-python"
    )

    def __init__(self, options: OpenSmileOptions) -> None:
        super().__init__(options)
        self.framewise = options.level == "low_level_descriptors"

    @property
    def dims(self) -> int:
        """See `FrontEnd.dims`; known without the package."""
        functionals, descriptors = DIMS[self.options.feature_set]
        return descriptors if self.framewise else functionals

    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """See `FrontEnd.matrices`."""
        pieces = segment_samples(utterance)
        lengths = [length for _, length in utterance.bounds]
        return [self._matrix(samples, length) for samples, length in zip(pieces, lengths, strict=True)]

    def identity(self) -> dict[str, Any]:
        """The version of openSMILE."""
        return {"opensmile": version("opensmile")}

    def _matrix(self, samples: NDArray[np.float32], length: int) -> Matrix:
        """(length, dims) descriptors or (1, dims) functionals of the samples of one segment."""
        extractor = _extractor(self.options.feature_set, self.options.level)
        # Resampled speech may exceed the int16 range, in which openSMILE computes, by a little.
        scaled = np.clip(samples, -_FULL_SCALE, _FULL_SCALE - 1) / _FULL_SCALE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of segments that are too short: extraction counts the missing values
            rows = extractor(scaled, SAMPLE_RATE)[0].T
        matrix = np.array(rows, dtype=np.float32, order="C")
        return matrix[np.minimum(np.arange(length), len(matrix) - 1)] if self.framewise else matrix


@functools.cache
def _extractor(feature_set: str, level: str) -> Smile:
    """The extractor of a feature set, made once in each process: front ends are sent to worker processes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of older versions of a set, which studies that are compared with used
        import opensmile

        levels = {
            "functionals": opensmile.FeatureLevel.Functionals,
            "low_level_descriptors": opensmile.FeatureLevel.LowLevelDescriptors,
        }
        return opensmile.Smile(opensmile.FeatureSet[feature_set], levels[level])


FRONT_END = OpenSmile
