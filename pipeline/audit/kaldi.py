"""Kaldi's lists: `utt2spk`, and `text`, `spk2gender`, `wav.scp` and `utt2emo` beside it; or plain paths."""

from __future__ import annotations

from pathlib import Path

from pipeline.audit.entries import Entry, Listing
from pipeline.audit.files import read_text, refuse_controls, shown
from pipeline.core.errors import InputError
from pipeline.core.wording import counted
from pipeline.corpora.tabular import GENDERS

SPEAKERS = "utt2spk"
LABELS = ("utt2emo", "utt2emotion", "utt2label")


def read_kaldi(path: Path, text: str) -> Listing:
    """Read `utt2spk`, with what lies beside it where the file has Kaldi's name.

    Raises:
        InputError: a line does not have two fields; an utterance is there twice; a file beside it cannot be read.
    """
    pairs = _pairs(path, text)
    beside = path.parent if path.name == SPEAKERS else None
    texts = _beside(beside, "text")
    genders = _beside(beside, "spk2gender")
    labels = next((found for name in LABELS if (found := _beside(beside, name))), {})
    sources = _beside(beside, "wav.scp")
    commands = sum(source.endswith("|") for source in sources.values())
    files = {key: source for key, source in sources.items() if not source.endswith("|")}
    notes = []
    if commands:
        notes.append(f"{counted(commands, 'line')} of wav.scp are commands, which the audit does not run")
    found = {"utterance": "name", "speaker": "speaker"}
    found |= {name: role for name, role, table in (("text", "text", texts), ("spk2gender", "gender", genders), ("utt2emo", "label", labels)) if table}  # fmt: skip  # noqa: E501
    entries = tuple(
        Entry(
            name=key, speaker=speaker, gender=GENDERS.get(genders.get(speaker, "").lower(), ""),
            text=texts.get(key, ""), label=labels.get(key, ""),
        )
        for key, speaker in pairs.items()
    )  # fmt: skip
    return Listing(path, "Kaldi's utt2spk", entries, found, (), tuple(notes), files)


def read_paths(path: Path, text: str) -> Listing:
    """Read a list of one path a line."""
    names = [line.strip() for line in text.split("\n") if line.strip()]
    for number, name in enumerate(names, start=1):
        refuse_controls(name, f"{shown(path)} line {number}")
    return Listing(path, "a list of paths", tuple(Entry(name=name) for name in names), {"path": "name"})


def is_pairs(text: str) -> bool:
    """Whether every line has two fields with blanks between them and no comma or semicolon, as `utt2spk` has."""
    lines = [line for line in text.split("\n") if line.strip()][:1000]
    return all(len(line.split()) == 2 and "," not in line and ";" not in line for line in lines)


def is_paths(text: str) -> bool:
    """Whether the first line is a path and no header: it has an ending or a folder, and nothing between cells."""
    first = text.strip().split("\n", 1)[0].strip()
    return not any(mark in first for mark in ",;\t") and ("/" in first or "." in first)


def _pairs(path: Path, text: str) -> dict[str, str]:
    where, found = shown(path), dict[str, str]()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        fields = line.split(None, 1)
        if len(fields) != 2:
            raise InputError(f"{where} line {number} has one field; expected an utterance and what belongs to it")
        key, value = fields[0], fields[1].strip()
        for field in (key, value):
            refuse_controls(field, f"{where} line {number}")
        if key in found:
            raise InputError(f"{where} line {number}: {key} is there a second time; expected each utterance once")
        found[key] = value
    return found


def _beside(folder: Path | None, name: str) -> dict[str, str]:
    if folder is None or not (folder / name).is_file():
        return {}
    return _pairs(folder / name, read_text(folder / name))
