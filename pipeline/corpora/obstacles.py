"""What in a corpus folder DVC cannot track, with the remedy: DVC looks at the folder before any stage runs.

DVC sees no file of a project inside its own (a folder with `.dvc` in it), and does not say so: a changed label would go
unnoticed, so ingestion refuses. Everything else stops DVC with a message of its own, or makes it wait for ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, listed, printable
from pipeline.corpora.base import Folder

_ADVICE = "so a changed label or recording would go unnoticed; move the recordings out of it, or remove its folder .dvc"


def refuse_untracked(folder: Folder, project: Path | None = None) -> None:
    """Make sure that DVC sees the files of a corpus.

    Args:
        folder: the listing of the corpus.
        project: a folder inside the DVC project; the current folder by default.

    Raises:
        InputError: the corpus, or a part of it, belongs to a DVC project inside this one.
    """
    if message := _nested(folder, project or Path.cwd()):
        raise InputError(message)


def obstacles(folder: Folder, project: Path | None = None) -> list[str]:
    """Warnings about what DVC cannot track, one line for each kind.

    Args:
        folder: the listing of the corpus.
        project: a folder inside the DVC project; the current folder by default.
    """
    nested = _nested(folder, project or Path.cwd())
    kinds = [
        ("whose name is not UTF-8, at which DVC stops; rename", _not_utf8(folder.files)),
        ("named .dvcignore inside the corpus, at which DVC stops; remove", _ignore_files(folder.files)),
        ("linked to nothing or to itself, at which DVC stops; remove", _broken_links(folder)),
        ("that can only be waited for (a pipe, a socket or a device), as DVC does for ever; remove", _special(folder)),
    ]
    found = [
        f"warning: {counted(len(names), 'file')} {text} {'it' if len(names) == 1 else 'them'}: "
        f"{listed(map(printable, names), most=3)}"
        for text, all_of in kinds
        if (names := list(all_of))
    ]
    return [*([f"warning: {nested}"] if nested else []), *found]


def _nested(folder: Folder, inside: Path) -> str | None:
    """Description of a DVC project that hides the corpus or a part of it; None without one."""
    # Links are kept, as DVC keeps them.
    corpus = Path(os.path.abspath(inside / folder.root))  # noqa: PTH100
    top = next((path for path in (inside.absolute(), *inside.absolute().parents) if (path / ".dvc").is_dir()), inside)
    if not corpus.is_relative_to(top) or corpus == top:
        return None  # DVC takes the files of a folder outside its project as they are
    for above in corpus.parents:
        if above == top:
            break
        if (above / ".dvc").is_dir():
            return (
                f"the corpus folder {folder.root} lies in {above}, a DVC project inside this one, of which DVC sees no "
                f"file, {_ADVICE}"
            )
    if folder.projects:
        named = listed(printable(str(folder.root / path)) for path in folder.projects)
        return f"{named} in the corpus is a DVC project inside this one, of which DVC sees no file, {_ADVICE}"
    return None


def _not_utf8(files: Iterable[str]) -> Iterator[str]:
    return (path for path in files if not path.isascii() and any(0xDC80 <= ord(one) <= 0xDCFF for one in path))


def _ignore_files(files: Iterable[str]) -> Iterator[str]:
    return (path for path in files if path.rpartition("/")[2] == ".dvcignore")


def _broken_links(folder: Folder) -> Iterator[str]:
    for path in folder.files:
        full = folder.root / path
        if full.is_symlink() and not _exists(full):
            yield path


def _special(folder: Folder) -> Iterator[str]:
    for path in folder.files:
        full = folder.root / path
        if _exists(full) and not full.is_file():
            yield path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a link that points at itself
        return False
