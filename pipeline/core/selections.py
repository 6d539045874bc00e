"""The epochs of a run that are reported, see `runs.selection`; all come from one training."""

from __future__ import annotations

from typing import Literal, get_args

Selection = Literal["last", "best", "crossval"]

SELECTIONS: tuple[Selection, ...] = get_args(Selection)
