"""The files of this repository that a script needs: itself and every module it imports, directly or not."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def import_closure(script: Path) -> set[str]:
    """Paths relative to the repository root; imports inside functions count too."""
    found: set[Path] = set()
    queue = [script]
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue += _imported(path)
    return {path.relative_to(ROOT).as_posix() for path in found}


def _imported(path: Path) -> list[Path]:
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not followed"
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [file for name in names if name.split(".")[0] == "pipeline" for file in _files(name)]


def _files(name: str) -> list[Path]:
    """The module of a dotted name, if it is one, and the packages around it."""
    parts = name.split(".")
    candidates = [ROOT.joinpath(*parts).with_suffix(".py"), ROOT.joinpath(*parts, "__init__.py")]
    candidates += [ROOT.joinpath(*parts[:end], "__init__.py") for end in range(1, len(parts))]
    return [path for path in candidates if path.is_file()]
