"""Split lists as others publish them, of recordings with names made by the rules of the known corpora."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from tests.helpers import corpus_trees as trees


def stem(file: str) -> str:
    return PurePosixPath(file).stem


def folder_number(file: str) -> str:
    found = re.search(r"subject (\d+)/", file)
    assert found
    return found[1]


TREES: Mapping[str, Callable[[], list[str]]] = {
    "enterface": trees.enterface, "ravdess": trees.ravdess, "iemocap": lambda: trees.iemocap()[0],
    "emodb": trees.emodb, "emovo": trees.emovo, "savee": trees.savee, "cremad": trees.cremad, "nemo": trees.nemo,
    "tess": trees.tess, "subesco": trees.subesco, "esd": trees.esd, "cafe": trees.cafe,
}  # fmt: skip
"""All known corpora whose recordings have names."""

SPEAKERS: Mapping[str, Callable[[str], str]] = {
    "enterface": folder_number,
    "ravdess": lambda file: stem(file)[-2:],
    "iemocap": lambda file: stem(file)[:5] + stem(file).rsplit("_", 1)[1][0],
    "emodb": lambda file: stem(file)[:2],
    "emovo": lambda file: stem(file).split("-")[1],
    "savee": lambda file: PurePosixPath(file).parent.name,
    "cremad": lambda file: stem(file)[:4],
    "nemo": lambda file: stem(file)[:3],
    "tess": lambda file: stem(file)[0],
    "subesco": lambda file: stem(file)[:4],
    "esd": lambda file: stem(file)[:4],
    "cafe": lambda file: stem(file)[:2],
}
"""Who speaks, cut from the names by hand and not by the readers."""


@cache
def by_speaker(corpus: str, most: int = 12) -> dict[str, list[str]]:
    """Recordings of each speaker of a corpus, at most `most` of each, spread over the list."""
    found: dict[str, list[str]] = {}
    for file in TREES[corpus]():
        found.setdefault(SPEAKERS[corpus](file), []).append(file)
    return {speaker: files[:: max(1, len(files) // most)][:most] for speaker, files in found.items()}


def emobox(path: Path, corpus: str, files: Iterable[str]) -> Path:
    """An EmoBox list: no speaker, no text, a label of the corpus's own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "key": f"{corpus}-{stem(file)}", "dataset": corpus, "wav": f"downloads/{corpus}/{file}", "type": "raw",
            "sample_rate": 16000, "num_frame": 33978.0, "task": "category", "length": 2.123625, "emo": "x",
            "channel": 1,
        }
        for file in files
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def emo_superb(path: Path, parts: Mapping[str, Sequence[tuple[str, str, str]]]) -> Path:
    """An EMO-SUPERB partition: file, speaker's number and gender by part, and shares of listeners."""
    lines = ["FileName,angry,sad,neutral,EmoAct,SpkrID,Gender,Split_Set"]
    for part, rows in parts.items():
        for number, (file, speaker, gender) in enumerate(rows):
            shares = ("0.95,0.03,0.02", "0.02,0.95,0.03", "0.03,0.02,0.95")[number % 3]
            lines.append(f"{file},{shares},3.3333,{speaker},{gender},{part}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def kaldi(folder: Path, speakers: Mapping[str, str], texts: Mapping[str, str] | None = None) -> Path:
    """A folder of Kaldi's with `utt2spk` and, if there are any, `text` and `spk2gender`."""
    folder.mkdir(parents=True)
    (folder / "utt2spk").write_text("".join(f"{key} {speaker}\n" for key, speaker in speakers.items()))
    if texts:
        (folder / "text").write_text("".join(f"{key} {said}\n" for key, said in texts.items()))
    (folder / "spk2gender").write_text("".join(f"{speaker} f\n" for speaker in sorted(set(speakers.values()))))
    return folder
