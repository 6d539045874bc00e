"""Content of the page besides the tables: the figures as they were written, and the hashes of the data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.params import Params


@dataclass(frozen=True)
class PageFigure:
    """A figure and its texts; `svg` is the content of a whole file."""

    key: str
    title: str
    caption: str
    alt: str
    svg: str


def load_figures(folder: Path) -> list[PageFigure]:
    """The figures that `figures.drawing` wrote, in its order.

    Raises:
        InputError: the folder does not hold what the figures stage wrote.
    """
    index = folder / "index.json"
    try:
        entries = json.loads(index.read_text(encoding="utf-8"))
        return [
            PageFigure(one["key"], one["title"], one["caption"], one["alt"], _text(folder / f"{one['key']}.svg"))
            for one in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} is not what the figures stage wrote ({type(error).__name__}: {error}); "
            "`dvc repro --force figures` makes it again"
        ) from None


def load_hashes(inputs: Path, folds: Path, params: Params) -> dict[str, str]:
    """SHA-256 of the features and segments of every configured corpus, and of the folds, by file.

    Raises:
        InputError: `inputs` is missing or not what the inputs stage wrote, or lacks a corpus.
    """
    try:
        known = json.loads(inputs.read_text(encoding="utf-8"))
        hashes = {}
        for corpus in params.corpora:
            for frontend, archive in known[corpus]["features"].items():
                hashes[f"data/features/{frontend}/{corpus}.ark"] = str(archive["ark"])
            hashes[f"data/segments/{corpus}.csv"] = str(known[corpus]["segments"])
        return {**hashes, "data/folds.csv": hashlib.sha256(folds.read_bytes()).hexdigest()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{inputs} is not what the inputs stage wrote ({type(error).__name__}: {error}); "
            "`dvc repro --force inputs` makes it again"
        ) from None


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
