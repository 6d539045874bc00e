"""The epochs of a run that are reported, see `runs.selection`; all come from one training."""

from __future__ import annotations

from typing import Literal, get_args

Selection = Literal["last", "best", "crossval", "dev"]

ALL_SELECTIONS: tuple[Selection, ...] = get_args(Selection)

SELECTIONS: tuple[Selection, ...] = ("last", "best", "crossval")
"""Those that every run has; `dev` needs a fold that is held out (`partition.dev`)."""

PREDICTED: tuple[Selection, ...] = ("last", "best", "dev")
"""Those with predictions; `crossval` has accuracies alone."""


def selections(*, dev: bool) -> tuple[Selection, ...]:
    """The selections of runs with or without a fold that is held out."""
    return ALL_SELECTIONS if dev else SELECTIONS
