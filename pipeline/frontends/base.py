"""The interface of a front end: from an utterance to one float32 matrix for each of its segments.

The file of a front end (`frontends/<kind>.py`) holds its options and a subclass of `FrontEnd` named `FRONT_END`.
Modules that take long to import are imported where they are used.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field, field_validator

from pipeline.core.errors import InputError
from pipeline.core.features import Matrix, Shape, Utterance
from pipeline.core.settings import Key, Strict

Cmvn = Literal["none", "segment", "utterance"]
"""The frames over which mean and variance are computed; `none`: features are not normalised."""


class FrontEndOptions(Strict):
    """One entry of `frontends`; a front end adds options of its own, each with a default.

    Attributes:
        kind: kind of front end.
        speed: factor by which recordings are made faster and higher before the front end reads them; in hundredths.
        noise_snr: decibels from white noise, which is added to recordings, up to the recording; None: none is added.
    """

    kind: Key
    speed: Annotated[float, Field(ge=0.5, le=2, exclude_if=lambda value: value == 1)] = 1.0
    noise_snr: Annotated[float | None, Field(exclude_if=lambda value: value is None)] = None

    @field_validator("speed")
    @classmethod
    def _in_hundredths(cls, speed: float) -> float:
        if round(speed, 2) != speed:
            raise ValueError(f"{speed} is not in hundredths; expected a factor such as 0.9 or 1.05")
        return speed

    @property
    def varied(self) -> bool:
        """Whether recordings are changed before the front end reads them (`variation.py`)."""
        return self.speed != 1 or self.noise_snr is not None

    def completed(self, cmvn: Cmvn, entries: Mapping[str, FrontEndOptions]) -> FrontEndOptions:
        """The same options with everything that they take from elsewhere in params.yaml.

        Args:
            cmvn: value of `features.cmvn`, for front ends that use it and have no value of their own.
            entries: all entries of `frontends` by key, for front ends that are made of another one.

        Raises:
            InputError: an entry that it names does not exist, or cannot be used.
        """
        return self


Options = TypeVar("Options", bound=FrontEndOptions)


class FrontEnd(ABC, Generic[Options]):
    """A configured front end.

    Attributes:
        options_class: class of its entry in `frontends`.
        framewise, shift, frequency_axis, layers, exact: see `Shape`.
        reads_audio: whether it needs the samples; else recordings are not decoded for it.
        memory: bytes that a process needs to extract, with its libraries.
        fills_non_finite: whether values that are not finite are replaced by 0, counted and reported; else they are
            refused.
        needs: import names of packages that it needs beyond those of every installation.
        install: command that installs them.
        notice: what the user is told on stderr where it is used, such as a licence; empty for none.
        column: name of a column in messages: `bin`, `feature`.
        constant_note: meaning of a constant column and what is done about it, for messages.
    """

    options_class: ClassVar[type[FrontEndOptions]]
    framewise: bool
    shift: int | None = 1
    frequency_axis: bool = False
    layers: int = 1
    exact: bool = True
    reads_audio: bool = True
    memory: int = 600 << 20
    fills_non_finite: bool = False
    needs: tuple[str, ...] = ()
    install: str = ""
    notice: str = ""
    column: str = "column"
    constant_note: str = ""

    def __init__(self, options: Options) -> None:
        self.options = options

    @property
    @abstractmethod
    def dims(self) -> int:
        """The number of columns of a matrix."""

    @abstractmethod
    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """The features of an utterance's segments.

        Returns:
            One matrix for each segment: (`shape.rows` of its number of frames, dims).
        """

    @property
    def files(self) -> tuple[str, ...]:
        """The files and folders that it reads beside recordings, as params.yaml names them."""
        return ()

    @property
    def shape(self) -> Shape:
        """The shape of its matrices."""
        return Shape(self.dims, self.framewise, self.shift, self.frequency_axis, self.layers, self.exact)

    def account(self, recordings: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """Compare what it has with the recordings of a corpus, before the first one is extracted.

        Args:
            recordings: key and path of each utterance, as in `Utterance`.

        Returns:
            Messages for the user, one line each.

        Raises:
            InputError: it cannot give features of all of them.
        """
        return ()

    def constant_columns(self, matrix: Matrix) -> int:
        """The number of constant columns of a matrix, which the user is warned about."""
        return 0

    def identity(self) -> dict[str, Any]:
        """Values that the features depend on beside options and code: versions of libraries, content of weights."""
        return {}

    def refuse_if_not_installed(self) -> None:
        """Make sure, before anything long starts, that what it needs is there: packages, and files such as weights.

        Raises:
            InputError: a package is missing, and the message has the command that installs it; or a file is missing or
                cannot be used.
        """
        if missing := [name for name in self.needs if find_spec(name) is None]:
            raise InputError(
                f"the front end {self.options.kind} needs {', '.join(missing)}, which is not installed; "
                f"`{self.install}` installs it"
            )


EXTERNAL = Path("external")
"""The folder of files that front ends read beside recordings; DVC watches it, as `dvc.yaml` says."""


def say_notices(front_ends: Iterable[FrontEnd[Any]]) -> None:
    """Print the notices of front ends on stderr, each once, and which of their files DVC does not watch."""
    front_ends = list(front_ends)
    for notice in sorted({front_end.notice for front_end in front_ends} - {""}):
        print(notice, file=sys.stderr)
    for name in sorted({name for front_end in front_ends for name in front_end.files}):
        if not Path(name).expanduser().absolute().is_relative_to(EXTERNAL.absolute()):
            print(
                f"{name} is not in the folder {EXTERNAL}/, so DVC does not see when it changes: put it there and "
                "change its path in params.yaml, or run `dvc repro -f check` after every change of it",
                file=sys.stderr,
            )
