"""Options that families of frames share; free of torch."""

from __future__ import annotations

from typing import Literal

from pipeline.core.features import Shape


def frames_from_one_to_the_next(every: int | Literal["auto"], shape: Shape) -> int:
    """The option `every`: with `auto`, every second frame of 10 ms, and every frame of a longer shift."""
    if every == "auto":
        return 2 if shape.shift == 1 else 1
    return every


def refuse_more_halvings(halvings: int, blocks: int) -> None:
    """Refuse more halvings of time than there are blocks of convolutions.

    Raises:
        ValueError: there are more.
    """
    if halvings > blocks:
        raise ValueError(
            f"halvings is {halvings}, and there are {blocks} blocks of convolutions, each of which halves time at most "
            "once; expected at most that"
        )
