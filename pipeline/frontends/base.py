"""The interface of a front end: from the samples of an utterance to one float32 matrix for each of its segments.

The file of a front end (`frontends/<kind>.py`) holds its options and a subclass of `FrontEnd` named `FRONT_END`.
Modules that take long to import are imported where they are used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import InputError
from pipeline.core.settings import Key, Strict

Matrix = NDArray[np.float32]
Cmvn = Literal["segment", "utterance"]
"""The frames over which mean and variance are computed."""


class FrontEndOptions(Strict):
    """One entry of `frontends`: its kind; a front end adds options of its own, each with a default."""

    kind: Key

    def completed(self, cmvn: Cmvn) -> FrontEndOptions:
        """The same options, with `features.cmvn` for front ends that use it and have no value of their own."""
        return self


Options = TypeVar("Options", bound=FrontEndOptions)


class FrontEnd(ABC, Generic[Options]):
    """A configured front end.

    Attributes:
        options_class: class of its entry in `frontends`.
        framewise: whether a matrix has a row for each frame of 10 ms; else it has one row.
        needs: import names of packages that it needs beyond those of every installation.
        install: command that installs them.
        column: name of a column in messages: `bin`, `feature`.
        constant_note: meaning of a constant column and what is done about it, for messages.
    """

    options_class: ClassVar[type[FrontEndOptions]]
    framewise: ClassVar[bool]
    needs: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""
    column: ClassVar[str] = "column"
    constant_note: ClassVar[str] = ""

    def __init__(self, options: Options) -> None:
        self.options = options

    @property
    @abstractmethod
    def dims(self) -> int:
        """The number of columns of a matrix."""

    @abstractmethod
    def matrices(self, samples: NDArray[np.float32], bounds: Sequence[tuple[int, int]]) -> list[Matrix]:
        """The features of an utterance's segments.

        Args:
            samples: (num_samples,) samples at 16 kHz on the int16 scale (-32768 to 32767).
            bounds: (start frame, number of frames) of each segment, in frames of 10 ms.

        Returns:
            One matrix for each segment: (number of frames, dims), or (1, dims) if the front end is not framewise.
        """

    def constant_columns(self, matrix: Matrix) -> int:
        """The number of constant columns of a matrix, which the user is warned about."""
        return 0

    def identity(self) -> dict[str, Any]:
        """Values that the features depend on beside options and code: versions of libraries, content of weights."""
        return {}

    def refuse_if_not_installed(self) -> None:
        """Make sure that the packages it needs are installed.

        Raises:
            InputError: a package is missing; the message has the command that installs it.
        """
        if missing := [name for name in self.needs if find_spec(name) is None]:
            raise InputError(
                f"the front end {self.options.kind} needs {', '.join(missing)}, which is not installed; "
                f"`{self.install}` installs it"
            )
