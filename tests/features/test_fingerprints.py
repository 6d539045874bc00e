from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import InputError
from pipeline.core.tables import SEGMENTS, write_table
from pipeline.features.archive import ArchiveWriter
from pipeline.features.fingerprints import Fingerprint, fingerprints

FEATURES, SEGMENT_TABLES = Path("data/features"), Path("data/segments")
SPECTROGRAMS = FEATURES / "spectrogram"


@pytest.fixture(autouse=True)
def _two_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make("savee", 2)
    make("emodb", 3)


def make(corpus: str, number: int, frontend: str = "spectrogram") -> None:
    keys = [f"{corpus}-{i}" for i in range(number)]
    folder = FEATURES / frontend
    with ArchiveWriter(folder / f"{corpus}.ark", folder / f"{corpus}.scp") as archive:
        for i, key in enumerate(keys):
            archive.write(key, np.full((2, 257), i, np.float32))
    rows = [(key, key, corpus, "joy", "DC", "M", "DC", 0, 2) for key in keys]
    write_table(pd.DataFrame(rows, columns=list(SEGMENTS.columns)), SEGMENT_TABLES / f"{corpus}.csv", SEGMENTS)


def of(*corpora: str, frontends: tuple[str, ...] = ("spectrogram",)) -> dict[str, Fingerprint]:
    return fingerprints(corpora, frontends, FEATURES, SEGMENT_TABLES)


def test_hashes_are_those_of_the_files() -> None:
    found = of("emodb")["emodb"]
    assert found["num_segments"] == 3
    assert found["segments"] == sha256(SEGMENT_TABLES / "emodb.csv")
    assert found["features"] == {
        "spectrogram": {name: sha256(SPECTROGRAMS / f"emodb.{name}") for name in ("ark", "scp")}
    }


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_another_front_end_adds_its_own_hashes_alone() -> None:
    before = of("emodb")["emodb"]
    make("emodb", 3, "other")
    assert of("emodb")["emodb"] == before, "a front end that is not configured counts for nothing"
    both = of("emodb", frontends=("spectrogram", "other"))["emodb"]
    assert list(both["features"]) == ["other", "spectrogram"]
    assert both["features"]["spectrogram"] == before["features"]["spectrogram"]


def test_only_configured_corpora_count_in_any_order() -> None:
    assert list(of("savee", "emodb")) == ["emodb", "savee"]
    assert of("savee", "emodb") == of("emodb", "savee")
    before = of("emodb")
    make("savee", 5)
    assert of("emodb") == before


def test_a_change_of_one_value_is_seen() -> None:
    before = of("emodb")["emodb"]
    content = bytearray((SPECTROGRAMS / "emodb.ark").read_bytes())
    content[-1] ^= 1
    (SPECTROGRAMS / "emodb.ark").write_bytes(content)
    assert of("emodb")["emodb"]["features"] != before["features"]


def test_features_of_other_segments_are_refused() -> None:
    lines = (SPECTROGRAMS / "emodb.scp").read_text(encoding="ascii").splitlines()
    (SPECTROGRAMS / "emodb.scp").write_text("\n".join(lines[:2]) + "\n", encoding="ascii")
    with pytest.raises(
        InputError, match=r"emodb.scp does not hold .* of .*emodb.csv .* `dvc repro extract@spectrogram-emodb`"
    ):
        of("emodb")


@pytest.mark.parametrize(
    "name", ["features/spectrogram/emodb.ark", "features/spectrogram/emodb.scp", "segments/emodb.csv"]
)
def test_a_missing_file_is_named(name: str) -> None:
    (Path("data") / name).unlink()
    with pytest.raises(InputError, match=f"data/{name} does not exist; `dvc repro` makes it"):
        of("emodb")
