"""The files of this repository that a script needs: itself and every module it imports, directly or not.

`make deps` brings the code deps of every stage in every `dvc.yaml` up to date.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PACKAGES = ("pipeline", "studies")
"""What a script may import of this repository."""


def import_closure(script: Path) -> set[str]:
    """Paths relative to the repository root; imports inside functions count too."""
    found: set[Path] = set()
    queue = [script]
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue += _imported(path)
    # A script that is run by its dotted name runs the packages around it too.
    found |= {
        init for parent in script.parents if ROOT in parent.parents and (init := parent / "__init__.py").is_file()
    }
    return {path.relative_to(ROOT).as_posix() for path in found}


def _imported(path: Path) -> list[Path]:
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports are not followed"
            names += [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [file for name in names if name.split(".")[0] in PACKAGES for file in _files(name)]


def _files(name: str) -> list[Path]:
    """The module of a dotted name, if it is one, and the packages around it."""
    parts = name.split(".")
    candidates = [ROOT.joinpath(*parts).with_suffix(".py"), ROOT.joinpath(*parts, "__init__.py")]
    candidates += [ROOT.joinpath(*parts[:end], "__init__.py") for end in range(1, len(parts))]
    return [path for path in candidates if path.is_file()]


def script_of(command: str) -> Path:
    """The file that `python stages/x.py ...` or `python -m studies.stages.x` runs."""
    words = command.split()
    return ROOT.joinpath(*words[2].split(".")).with_suffix(".py") if words[1] == "-m" else ROOT / words[1]


def with_code_deps(definitions: str) -> str:
    """The text of a `dvc.yaml` whose stages depend on just the code that their scripts import; the rest stays."""
    lines = []
    code: list[str] = []
    for line in definitions.splitlines():
        if command := re.match(r"(\s+)cmd: (python \S.*)", line):
            code = [f"{command[1]}  - {path}" for path in sorted(import_closure(script_of(command[2])))]
        if code and not re.match(r"\s+(cmd:|deps:|- )", line):
            # The deps of a stage end where its next key begins.
            lines += code
            code = []
        if not re.match(r"\s+- \S+\.py$", line):
            lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for path in (ROOT / "dvc.yaml", *ROOT.glob("*/dvc.yaml")):
        path.write_text(with_code_deps(path.read_text("utf-8")), "utf-8")
