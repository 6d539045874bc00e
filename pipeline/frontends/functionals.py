"""Statistics over time of another front end's rows: one row a segment, which classic classifiers read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializeAsAny, field_validator

from pipeline.core.errors import InputError
from pipeline.core.features import Matrix, Utterance
from pipeline.core.settings import Key, Variants, repeated
from pipeline.core.wording import did_you_mean
from pipeline.frontends.base import Cmvn, FrontEnd, FrontEndOptions

Statistic = Literal[
    "mean", "deviation", "p05", "p25", "p50", "p75", "p95", "slope", "change_mean", "change_deviation"
]  # fmt: skip

STATISTICS: tuple[Statistic, ...] = (
    "mean", "deviation", "p05", "p25", "p50", "p75", "p95", "slope", "change_mean", "change_deviation",
)  # fmt: skip


def _registry() -> ModuleType:
    # By a computed name, so that the code of this front end, on which its features depend, is not that of all others.
    return import_module("pipeline.frontends.registry")


Other = Annotated[
    Key | SerializeAsAny[FrontEndOptions],
    Variants("kind", lambda kind: _registry().front_end_class(kind).options_class),
]
"""A key of `frontends`, or an entry as the class of its kind."""


class FunctionalsOptions(FrontEndOptions):
    """Options of functionals.

    Attributes:
        of: the front end whose rows are described: a key of `frontends`, or its options.
        statistics: what is computed of each of its columns; one block of columns each, in this order.
    """

    of: Other
    statistics: Annotated[tuple[Statistic, ...], Field(min_length=1)] = STATISTICS

    @field_validator("statistics")
    @classmethod
    def _each_once(cls, statistics: tuple[Statistic, ...]) -> tuple[Statistic, ...]:
        if mistakes := repeated("statistics", statistics):
            raise ValueError(mistakes[0].removeprefix("statistics: "))
        return statistics

    def completed(self, cmvn: Cmvn, entries: Mapping[str, FrontEndOptions]) -> FunctionalsOptions:
        """See `FrontEndOptions.completed`; `of` becomes the completed options of the other front end."""
        others = {key: entry for key, entry in entries.items() if entry is not self}
        if isinstance(self.of, str):
            name = repr(self.of)
            if self.of in entries and self.of not in others:
                raise InputError(f"of: {name} is this front end itself; expected one of {', '.join(others)}")
            if self.of not in others:
                hint = did_you_mean(self.of, others)
                raise InputError(f"of: {name} is not a front end; {hint}expected one of {', '.join(others)}")
            other = others[self.of]
        else:
            name, other = f"an entry of kind {self.of.kind!r}", self.of
        # Functionals are not completed first, so that entries that name each other end here too.
        framewise = False
        if not isinstance(other, FunctionalsOptions):
            try:
                other = other.completed(cmvn, others)
                framewise = _registry().make_front_end(other).framewise
            except InputError as error:
                raise InputError(f"of: {name} cannot be used: {error}") from None
        if not framewise:
            raise InputError(
                f"of: {name} gives one row a segment, which has no statistics over time; expected a front end with a "
                "row for each frame, such as spectrogram or logmel"
            )
        return self.model_copy(update={"of": other})


class Functionals(FrontEnd[FunctionalsOptions]):
    """Statistics of every column over the rows of a segment."""

    options_class = FunctionalsOptions
    framewise = False

    def __init__(self, options: FunctionalsOptions) -> None:
        super().__init__(options)
        assert isinstance(options.of, FrontEndOptions)  # noqa: S101 (completed where params are read)
        self._other: FrontEnd[Any] = _registry().make_front_end(options.of)
        self.reads_audio = self._other.reads_audio
        self.fills_non_finite = self._other.fills_non_finite
        self.needs, self.install, self.notice = self._other.needs, self._other.install, self._other.notice

    @property
    def dims(self) -> int:
        """See `FrontEnd`."""
        return len(self.options.statistics) * self._other.dims

    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """See `FrontEnd.matrices`; (1, statistics * columns) each: the first statistic of all columns, and so on."""
        return [functionals(rows, self.options.statistics) for rows in self._other.matrices(utterance)]

    @property
    def memory(self) -> int:  # type: ignore[override]
        """See `FrontEnd`."""
        return self._other.memory

    @property
    def files(self) -> tuple[str, ...]:
        """See `FrontEnd`."""
        return self._other.files

    def account(self, recordings: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        """See `FrontEnd`."""
        return self._other.account(recordings)

    def identity(self) -> dict[str, Any]:
        """See `FrontEnd.identity`; the whole description of the other front end, its code included."""
        described: dict[str, Any] = _registry().description(self._other)
        return {"of": described}

    def refuse_if_not_installed(self) -> None:
        """See `FrontEnd`."""
        self._other.refuse_if_not_installed()


def functionals(rows: Matrix, statistics: Iterable[Statistic] = STATISTICS) -> Matrix:
    """Statistics of every column over time.

    Args:
        rows: (rows, columns) float32, at least one row.
        statistics: which; `deviation` is that of the population, `p05` to `p95` are percentiles between ranks
            (NumPy's `linear`), `slope` is that of the least-squares line for each row, and `change_mean` and
            `change_deviation` are taken over differences between neighbouring rows. Of a single row the slope and all
            deviations and changes are 0.

    Returns:
        (1, statistics * columns) float32; sums are in float64. A column with values that are not finite has statistics
        that are not finite.
    """
    with np.errstate(invalid="ignore"):
        computed = _Statistics(rows)
        return np.concatenate([computed.value(name) for name in statistics])[None].astype(np.float32)


class _Statistics:
    """Intermediate results that several statistics share, computed when the first of them needs it."""

    def __init__(self, rows: Matrix) -> None:
        self._rows = rows
        self._mean: NDArray[np.float64] = rows.mean(axis=0, dtype=np.float64)
        self._sorted: Matrix | None = None

    def value(self, name: Statistic) -> NDArray[np.float64]:
        """(columns,) values."""
        if name == "mean":
            return self._mean
        if name == "deviation":
            return _deviation(self._rows, self._mean)
        if name == "slope":
            return self._slope()
        if name in ("change_mean", "change_deviation"):
            changes = np.diff(self._rows, axis=0) if len(self._rows) > 1 else np.zeros_like(self._rows)
            mean = changes.mean(axis=0, dtype=np.float64)
            return mean if name == "change_mean" else _deviation(changes, mean)
        return self._percentile(int(name[1:]))

    def _slope(self) -> NDArray[np.float64]:
        if len(self._rows) == 1:
            return np.zeros_like(self._mean)
        times = np.arange(len(self._rows)) - (len(self._rows) - 1) / 2
        slope: NDArray[np.float64] = times @ (self._rows - self._mean) / (times @ times)
        return slope

    def _percentile(self, percent: int) -> NDArray[np.float64]:
        # One sort for all percentiles, which NumPy vectorises over columns: seven times as fast as `np.percentile`.
        if self._sorted is None:
            self._sorted = np.sort(self._rows, axis=0)
        rank = percent / 100 * (len(self._rows) - 1)
        below = int(rank)
        low, high = self._sorted[[below, min(below + 1, len(self._rows) - 1)]].astype(np.float64)
        between: NDArray[np.float64] = low + (rank - below) * (high - low)
        return between


def _deviation(rows: Matrix, mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """(columns,) population standard deviation."""
    deviation: NDArray[np.float64] = np.sqrt(np.square(rows - mean).mean(axis=0))
    return deviation


FRONT_END = Functionals
