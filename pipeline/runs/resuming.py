"""Checks before a checkpoint is used: folders that cannot be read, files of other names, forged headers.

`training.checkpoints` reads and writes checkpoints, and its code is part of the identity of every run. These checks are
not.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.core.errors import InputError
from pipeline.core.wording import printable
from pipeline.training.checkpoints import load_checkpoint
from pipeline.training.state import RunState

_NAME = re.compile(r"epoch([0-9]{6,9})-[0-9a-f]{16}\.safetensors")

_FORGED = (
    ArithmeticError, AssertionError, AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError
)  # fmt: skip
"""The exceptions that values of the wrong type or shape cause where they are used."""


def checkpoint_epochs(folder: Path) -> list[int]:
    """Epochs of the checkpoints in a folder, ascending; files with other names are left out.

    Raises:
        InputError: the folder cannot be read.
    """
    return sorted({int(match[1]) for name in _names(folder) if (match := _NAME.fullmatch(name))})


def restore(state: RunState, folder: Path, most_epochs: int) -> int:
    """Bring a fresh `state` to the newest sound checkpoint of at most `most_epochs` epochs.

    The lock of the run must be held: files that only have the name of a checkpoint are set aside.

    Returns:
        The number of epochs done; 0 when there is no checkpoint to continue from.

    Raises:
        InputError: the folder or a file in it cannot be read or set aside, or a checkpoint is not of this version.
    """
    _set_aside_other_files(folder)
    try:
        done = load_checkpoint(state, folder, most_epochs)
    except torch.OutOfMemoryError:
        raise
    except OSError as error:
        raise InputError(f"{error.filename or folder}: {error.strerror}; give yourself permission, run again") from None
    except _FORGED as error:
        raise InputError(_not_ours(folder, most_epochs, f"{type(error).__name__}: {error}")) from None
    mistake = next((text for holds, text in _EXPECTED if not _true(holds, state)), None)
    if done > most_epochs or mistake is not None:
        raise InputError(_not_ours(folder, most_epochs, mistake or f"it has {done} epochs"))
    return done


def refuse_unusable(folder: Path) -> None:
    """Make sure, before anything is trained, that a folder is one, and that this process may read and write it.

    Raises:
        InputError: it is something else, or may not be used.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{folder} is not a folder; move it away, and run again")
    _names(folder)
    if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise InputError(
            f"the run store cannot be written: {folder}: give yourself permission to read and write it, and run again"
        )


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(
            f"the run store cannot be read: {folder}: {error.strerror}; give yourself permission, and run again"
        ) from None


def _set_aside_other_files(folder: Path) -> None:
    """Rename `epoch 3.safetensors`, folders and pipes, which would else be read as checkpoints."""
    for name in _names(folder):
        path = folder / name
        if not (name.startswith("epoch") and name.endswith(".safetensors")):
            continue
        try:
            if _NAME.fullmatch(name) and stat.S_ISREG(path.lstat().st_mode):
                continue
            aside = next(one for one in _free_names(path) if not os.path.lexists(one))
            path.rename(aside)
        except OSError as error:
            raise InputError(f"{path} is no checkpoint and cannot be moved: {error.strerror}; move it away") from None
        print(f"{printable(name)} is not a checkpoint, set aside as {printable(str(aside))}", file=sys.stderr)


def _free_names(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}.aside{number or ''}") for number in range(1000)]


def _not_ours(folder: Path, most_epochs: int, reason: str) -> str:
    """The message about the checkpoint that was read: the newest that is allowed."""
    names = [name for name in _names(folder) if (match := _NAME.fullmatch(name)) and int(match[1]) <= most_epochs]
    path = folder / max(names, default="")
    return (
        f"{path} is not a checkpoint of this software ({printable(reason)[:300]}); move it away to continue from the "
        "one before"
    )


def _true(holds: Callable[[RunState], bool], state: RunState) -> bool:
    try:
        return holds(state)
    except _FORGED:
        return False


def _are(values: object, kind: type) -> bool:
    return isinstance(values, list) and all(type(value) is kind for value in values)


_EXPECTED: tuple[tuple[Callable[[RunState], bool], str], ...] = (
    (lambda state: [row.epoch for row in state.history] == list(range(1, state.epoch + 1)), "epochs are not 1, 2, ..."),
    (lambda state: _are(state.machines, str), "its machines are not names"),
    (lambda state: state.diverged_epoch is None or type(state.diverged_epoch) is int, "diverged_epoch is no number"),
    (
        lambda state: isinstance(state.notes, dict) and all(_are(value, float) for value in state.notes.values()),
        "its notes are not numbers",
    ),
    (
        lambda state: all(
            type(one.epoch) is int and one.weights.keys() == state.network.state_dict().keys()
            for one in state.snapshots.values()
        ),
        "its snapshots are not those of the network",
    ),
)  # fmt: skip
"""Conditions that every saved state meets, each with the message about a state that does not."""
