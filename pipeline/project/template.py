"""The files of a user's own project: stages and pipeline of this software, first params, and the version of the code.

In such a project the code is that of the installed package, which DVC does not watch. So `code/<room>.txt` holds a hash
of each room, the stages depend on these files in place of the rooms, and a stage refuses to run with other code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.files import write_text
from pipeline.core.source import ROOT, code_hashes
from pipeline.core.wording import counted, printable

SHARE = Path("share/shaking-emotions")
"""The folder with `dvc.yaml` and `stages/` of an installation, below the prefix that it was installed to."""

KEPT = ("params.yaml", "README.md")
"""Files that a user edits, so that an update leaves them alone."""

_DVC = "[core]\n    analytics = false\n    autostage = false\n    check_update = false\n"
_IGNORED = {
    ".gitignore": "/.runs/\n__pycache__/\n/data/\n/results/\n",
    ".dvcignore": ".venv\n.runs\n__pycache__/\n",
    ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n",
}
_EXTERNAL = "Files that front ends read beside recordings: encoders, tables of features. DVC watches this folder.\n"


def sources() -> Path:
    """The folder with `dvc.yaml` and `stages/`: the checkout, or a folder of the installation.

    Raises:
        InputError: there is none.
    """
    # The prefix is above the packages: that of an environment, of a user (`pip install --user`), or of the system.
    for folder in (ROOT, *(one / SHARE for one in (Path(sys.prefix), ROOT, *ROOT.parents))):
        if (folder / "dvc.yaml").is_file() and (folder / "stages/train.py").is_file():
            return folder
    raise InputError(
        f"the installation lacks dvc.yaml and stages/; expected them in {Path(sys.prefix) / SHARE}: install it again"
    )


def write_project(folder: Path, *, update: bool) -> list[str]:
    """Write a project, or with `update` all but the files that a user edits.

    Returns:
        The paths that were written, relative to the folder.

    Raises:
        InputError: the folder has such files and `update` is not given, or is a checkout of this software.
    """
    shown, files = printable(str(folder)), dict(project_files(folder))
    if (folder / "pipeline/__init__.py").exists():
        raise InputError(f"{shown} is a checkout of this software, which is a project already; expected another folder")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{shown} is a file; expected a folder")
    if update and not (folder / "dvc.yaml").is_file():
        raise InputError(f"{shown} has no dvc.yaml, so there is no project to update; leave --update out")
    if not update and (there := sorted(name for name in files if (folder / name).exists())):
        raise InputError(
            f"{shown} has {there[0]} already ({counted(len(there), 'such file')}); expected one without a project, or "
            f"--update, which keeps {' and '.join(KEPT)} and what you made, and replaces the rest"
        )
    written = {name: text for name, text in files.items() if not (update and name in KEPT)}
    try:
        for name, text in written.items():
            write_text(folder / name, text)
    except OSError as error:
        raise InputError(f"{shown} cannot be written: {error.strerror}; name another folder") from None
    return sorted(written)


def project_files(folder: Path) -> Iterator[tuple[str, str]]:
    """The path and the text of every file of a project in a folder."""
    own, source = Path(__file__).parent, sources()
    for name in KEPT:
        yield name, (own / name).read_text("utf-8")
    yield "dvc.yaml", _with_code_of_package((source / "dvc.yaml").read_text("utf-8"))
    for path in sorted((source / "stages").glob("*.py")):
        yield f"stages/{path.name}", path.read_text("utf-8")
    for name, digest in code_hashes().items():
        yield f"code/{name}.txt", f"{digest}\n"
    yield "external/README.md", _EXTERNAL
    yield from _IGNORED.items()
    yield ".dvc/config", _DVC if _in_git(folder) else f"{_DVC}    no_scm = true\n"


def _with_code_of_package(dvc: str) -> str:
    """`dvc.yaml` whose stages depend on hashes of rooms where ours depend on the rooms."""
    for name in sorted(code_hashes(), key=len, reverse=True):
        dvc = dvc.replace(f"pipeline/{name}", f"code/{name}.txt")
    return dvc


def _in_git(folder: Path) -> bool:
    return any((one / ".git").exists() for one in (folder.absolute(), *folder.absolute().parents))
