"""Files in a corpus folder that DVC cannot track, with the remedy. DVC reads the folder before any stage runs.

DVC leaves out the files of a project inside its own project (a folder with `.dvc` in it) and the files that a
`.dvcignore` names, without a message: a changed label would go unnoticed. So ingestion refuses such folders. DVC does
not follow linked folders inside a corpus either; ingestion warns of them. Everything else stops DVC with a message of
its own, or makes it wait for ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, listed, printable
from pipeline.corpora.base import AUDIO_ENDINGS, Folder, is_system_file

_ADVICE = "so a changed label or recording would go unnoticed; move the recordings out of it, or remove its .dvc"

LABELS = frozenset((".csv", ".json", ".parquet", ".pkl", ".txt", ".xls", ".xlsx", ".yaml"))
"""Endings of files that readers may read labels from."""


def refuse_untracked(folder: Folder, project: Path | None = None) -> None:
    """Make sure that DVC sees the files of a corpus.

    Args:
        folder: the listing of the corpus.
        project: a folder inside the DVC project; the current folder by default.

    Raises:
        InputError: the corpus, or a part of it, belongs to a DVC project inside this one, or `.dvcignore` hides it.
    """
    if message := _unseen(folder, project or Path.cwd()):
        raise InputError(message)


def linked_folders(folder: Folder) -> list[str]:
    """A warning of linked folders inside a corpus, which are read and which DVC does not follow."""
    folders = {above.as_posix() for path in folder.files for above in list(PurePosixPath(path).parents)[:-1]}
    if not (links := sorted(path for path in folders if (folder.root / path).is_symlink())):
        return []
    number, verb = counted(len(links), "linked folder"), "is" if len(links) == 1 else "are"
    return [
        f"warning: {number} inside the corpus, which {verb} read and DVC does not follow: "
        f"{listed(map(printable, links), most=3)}; after a change of labels or recordings there, run dvc repro with "
        "--force, or put the files themselves into the corpus folder"
    ]


def obstacles(folder: Folder, project: Path | None = None) -> list[str]:
    """Warnings about what DVC cannot track, one line for each kind.

    Args:
        folder: the listing of the corpus.
        project: a folder inside the DVC project; the current folder by default.
    """
    unseen = _unseen(folder, project or Path.cwd())
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
    return [*([f"warning: {unseen}"] if unseen else []), *linked_folders(folder), *found]


def _unseen(folder: Folder, inside: Path) -> str | None:
    """The reason why DVC does not see files of the corpus, other than links; None where it sees all."""
    # Links are kept, as DVC keeps them.
    corpus = Path(os.path.abspath(inside / folder.root))  # noqa: PTH100
    top = next((path for path in (inside.absolute(), *inside.absolute().parents) if (path / ".dvc").is_dir()), None)
    if top is None or not corpus.is_relative_to(top) or corpus == top:
        return None  # DVC takes the files of a folder outside its project as they are
    above = (corpus, *(path for path in corpus.parents if path != top and path.is_relative_to(top)))
    # A file of this name counts as a folder does.
    if project := next((path for path in above if _exists(path / ".dvc")), None):
        place = "is" if project == corpus else f"lies in {project},"
        return (
            f"the corpus folder {folder.root} {place} a DVC project inside this one, of which DVC sees no file, "
            f"{_ADVICE}"
        )
    if folder.projects:
        named = listed(printable(str(folder.root / path)) for path in folder.projects)
        return f"{named} in the corpus is a DVC project inside this one, of which DVC sees no file, {_ADVICE}"
    if hidden := _ignored(folder, corpus, top):
        return (
            f"a .dvcignore of this project hides {counted(len(hidden), 'file')} of the corpus {folder.root} from DVC, "
            "so a changed label or recording would go unnoticed; expected none of a recording or of labels; correct "
            f"the .dvcignore: {listed(map(printable, hidden), most=3)}"
        )
    return None


def _ignored(folder: Folder, corpus: Path, top: Path) -> list[str]:
    """Recordings and labels that patterns in a `.dvcignore` above the corpus hide, as DVC itself applies them."""
    above = [path for path in corpus.parents if path.is_relative_to(top)]
    files = [path / ".dvcignore" for path in above if (path / ".dvcignore").is_file()]
    patterns = {line.strip().rstrip("/") for file in files for line in file.read_text("utf-8", "replace").splitlines()}
    patterns -= {""}
    named: Iterable[str] = folder.files
    # A plain name can only hide what has it in its path. Most corpora need no more; DVC's own answer takes longer.
    if not any(set(pattern) & set("*?[!\\/#") for pattern in patterns) and patterns.isdisjoint(
        corpus.relative_to(top).parts
    ):
        named = (path for path in named if not patterns.isdisjoint(path.split("/")))
    candidates = [
        path
        for path in named
        if not is_system_file(name := PurePosixPath(path)) and name.suffix.lower() in AUDIO_ENDINGS | LABELS
    ]
    if not files or not candidates:
        return []
    from dvc.fs import localfs
    from dvc.ignore import DvcIgnoreFilter

    ignored = DvcIgnoreFilter(localfs, str(top))
    return [path for path in candidates if ignored.is_ignored_file(str(corpus / path))]


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
