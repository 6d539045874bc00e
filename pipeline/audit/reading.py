"""Any list to entries: the format is detected from the content, and Kaldi's folders from what lies in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.audit.columns import NAMES, plain
from pipeline.audit.delimited import DELIMITERS, read_delimited
from pipeline.audit.entries import Listing
from pipeline.audit.files import read_text, shown
from pipeline.audit.jsonl import read_jsonl
from pipeline.audit.kaldi import SPEAKERS, is_pairs, is_paths, read_kaldi, read_paths
from pipeline.core.errors import InputError


def read_list(path: Path, named: Mapping[str, str]) -> Listing:
    """Read a split list of any known format.

    Args:
        path: a file, or a folder with Kaldi's `utt2spk`.
        named: column of each role (`entries.ROLES`) that the user names.

    Raises:
        InputError: it is missing, unreadable or of no known format; see also the readers of the formats.
    """
    if _is_folder(path):
        if not (path / SPEAKERS).is_file():
            raise InputError(f"{shown(path)} is a folder without {SPEAKERS}; expected a list, or a folder of Kaldi's")
        path = path / SPEAKERS
    text = read_text(path)
    if text.lstrip()[0] in "{[":
        return read_jsonl(path, text, named)
    if path.name == SPEAKERS or (is_pairs(text) and not _has_header(text)):
        return read_kaldi(path, text)
    if is_paths(text) and not _has_header(text):
        return read_paths(path, text)
    return read_delimited(path, text, named)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _has_header(text: str) -> bool:
    """Whether the first line names a column that the audit knows."""
    first = text.lstrip().split("\n", 1)[0]
    cells = first.split(max(DELIMITERS, key=first.count))
    return any(plain(cell) in names for cell in cells for names in NAMES.values())
