"""The part of every recording in the runs of one repeat and fold, for each scheme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.folds.people import Integers

Parts = NDArray[np.str_]
"""(recordings,) `train`, `valid`, `dev`, `test` or `unused`."""

Mask = NDArray[np.bool_]

TRAIN, VALID, DEV, TEST, UNUSED = "train", "valid", "dev", "test", "unused"

STRICTER = (TEST, VALID, DEV, TRAIN)
"""Parts in the order in which they keep recordings: a recording of a later part that shares something with an earlier
part is left out."""


@dataclass(frozen=True)
class Places:
    """The folds and blocks of the recordings of one repeat; the parts of all folds follow from them.

    Attributes:
        fold_of: (recordings,) fold that validates a recording, from 1.
        folds: number of folds.
        block: of the scheme `actors+texts`: (recordings,) block of the sentence, from 0.
        blocks: (recordings,) number of blocks of its reader.
        alone: (recordings,) whether people of one unit alone speak the sentence.
    """

    fold_of: Integers
    folds: int
    block: Integers = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    blocks: Integers = field(default_factory=lambda: np.ones(0, dtype=np.int64))
    alone: Mask = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def validated(self, fold: int) -> Mask:
        """(recordings,) whether the fold would validate a recording."""
        return self._in_block(fold, fold - 1)

    def held_out(self, fold: int) -> Mask:
        """(recordings,) whether a recording is in the `dev` of the fold: it is of the next fold, and of the next block.

        A reader may have fewer blocks than folds, so its next block may be another one than that of the next fold.
        """
        return self._in_block(fold % self.folds + 1, fold)

    def _in_block(self, fold: int, block: int) -> Mask:
        here = np.asarray(self.fold_of == fold)
        if not len(self.block):
            return here
        return np.asarray(here & (self.alone | (self.block == block % self.blocks)))


def parts_of(places: Places, fold: int, *, dev: bool, inverted: bool = False) -> Parts:
    """The parts of one fold.

    Args:
        places: where recordings stand.
        fold: the fold that is validated, from 1.
        dev: whether the next fold is held out too; that of the last is the first.
        inverted: whether the fold alone is trained on, and all others are validated (`cross_corpus`).
    """
    here = places.validated(fold)
    parts = np.where(here, TRAIN if inverted else VALID, VALID if inverted else TRAIN).astype("<U6")
    if dev:
        parts[places.held_out(fold) & ~here] = DEV
    return parts


def separated(parts: Parts, keys: Sequence[Integers]) -> Parts:
    """Parts of which no two share a key: what a later part shares with an earlier one of `STRICTER` becomes `unused`.

    Args:
        parts: the wanted parts.
        keys: (recordings,) numbers, such as those of people and of sentences; a negative one is not known and shared
            with nothing.
    """
    found = parts.copy()
    for key in keys:
        held: Integers = np.zeros(0, dtype=np.int64)
        for part in STRICTER:
            here = found == part
            shared = here & np.isin(key, held) & (key >= 0)
            found[shared] = UNUSED
            held = np.union1d(held, key[here & ~shared])
    return found


def numbered(names: pd.Series[str]) -> Integers:
    """Numbers of the names, -1 for an empty one."""
    return np.asarray(pd.factorize(names.astype(object).where(names != "", None))[0], dtype=np.int64)
