from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import InputError
from pipeline.core.tables import SEGMENTS, write_table
from pipeline.features.archive import ArchiveWriter
from pipeline.features.fingerprints import fingerprints

FEATURES, SEGMENT_TABLES = Path("data/features"), Path("data/segments")


@pytest.fixture(autouse=True)
def _two_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make("savee", 2)
    make("emodb", 3)


def make(corpus: str, number: int) -> None:
    keys = [f"{corpus}-{i}" for i in range(number)]
    with ArchiveWriter(FEATURES / f"{corpus}.ark", FEATURES / f"{corpus}.scp") as archive:
        for i, key in enumerate(keys):
            archive.write(key, np.full((2, 257), i, np.float32))
    rows = [(key, key, corpus, "joy", "DC", "M", "DC", 0, 2) for key in keys]
    write_table(pd.DataFrame(rows, columns=list(SEGMENTS.columns)), SEGMENT_TABLES / f"{corpus}.csv", SEGMENTS)


def of(*corpora: str) -> dict[str, dict[str, str | int]]:
    return fingerprints(corpora, FEATURES, SEGMENT_TABLES)


def test_hashes_are_those_of_the_files() -> None:
    found = of("emodb")["emodb"]
    assert found["num_segments"] == 3
    for part, path in (("ark", FEATURES / "emodb.ark"), ("scp", FEATURES / "emodb.scp"),
                       ("segments", SEGMENT_TABLES / "emodb.csv")):  # fmt: skip
        assert found[part] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_only_configured_corpora_count_in_any_order() -> None:
    assert list(of("savee", "emodb")) == ["emodb", "savee"]
    assert of("savee", "emodb") == of("emodb", "savee")
    before = of("emodb")
    make("savee", 5)
    assert of("emodb") == before


def test_a_change_of_one_value_is_seen() -> None:
    before = of("emodb")["emodb"]
    content = bytearray((FEATURES / "emodb.ark").read_bytes())
    content[-1] ^= 1
    (FEATURES / "emodb.ark").write_bytes(content)
    assert of("emodb")["emodb"]["ark"] != before["ark"]


def test_features_of_other_segments_are_refused() -> None:
    lines = (FEATURES / "emodb.scp").read_text(encoding="ascii").splitlines()
    (FEATURES / "emodb.scp").write_text("\n".join(lines[:2]) + "\n", encoding="ascii")
    with pytest.raises(InputError, match=r"emodb.scp does not hold the segments of .*emodb.csv"):
        of("emodb")


@pytest.mark.parametrize("name", ["features/emodb.ark", "features/emodb.scp", "segments/emodb.csv"])
def test_a_missing_file_is_named(name: str) -> None:
    (Path("data") / name).unlink()
    with pytest.raises(InputError, match=f"data/{name} does not exist; `dvc repro` makes it"):
        of("emodb")
