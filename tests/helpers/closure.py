"""Whether a stage lists the rooms whose code it runs, and no others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

INERT = {"pipeline/__init__.py", "studies/__init__.py"}
"""Files that hold a docstring and the version alone, which change nothing that a stage computes."""

ROOMS = ("pipeline", "stages", "studies", "demo")
"""Folders of code that a stage may depend on."""


def check_deps(closure: Iterable[str], listed: Iterable[str]) -> list[str]:
    """What is wrong with the code that a stage lists, in both directions.

    Args:
        closure: the files that the stage executes.
        listed: its deps; those outside the folders of code (`data/...`, `params.yaml`) are left out.
    """
    closure = sorted(set(closure) - INERT)
    code = [path for path in listed if path.split("/")[0] in ROOMS and _is_code(path)]
    lacking = [file for file in closure if not any(_inside(file, path) for path in code)]
    unused = [path for path in code if not any(_inside(file, path) for file in closure)]
    twice = [path for path in code if any(_inside(path, other) for other in code if other != path)]
    return [
        *(f"it executes {file}, which lies in none of its deps" for file in lacking),
        *(f"it lists {path}, of which it executes nothing" for path in unused),
        *(f"it lists {path} inside another of its deps" for path in twice),
    ]


def _is_code(path: str) -> bool:
    """A Python file or a folder; not the params, data or results that studies and the demo have in their folders."""
    return Path(path).suffix in ("", ".py") and "/results" not in path


def _inside(file: str, path: str) -> bool:
    return file == path or file.startswith(f"{path}/")
