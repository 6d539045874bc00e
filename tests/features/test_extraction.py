from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from pipeline.core import workers
from pipeline.core.errors import InputError
from pipeline.features import extraction
from pipeline.features.archive import read_archive
from pipeline.features.extraction import Recording, extract, features, plan
from pipeline.features.segmentation import segment
from pipeline.frontends.kaldi import normalise, spectrogram
from pipeline.frontends.spectrogram import Spectrogram, SpectrogramOptions

ARK, SCP = Path("data/features/emodb.ark"), Path("data/features/emodb.scp")


def front_end(cmvn="segment"):
    return Spectrogram(SpectrogramOptions(kind="spectrogram", cmvn=cmvn))


def voice(samples: int, seed: int) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=samples) * 3000).astype(np.int16)


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Three recordings under corpus/, the second of two segments; the test runs in the repository root."""
    monkeypatch.chdir(tmp_path)
    Path("corpus").mkdir()
    rows = []
    for i, samples in enumerate((8_000, 120_000, 16_001)):
        soundfile.write(f"corpus/u{i}.wav", voice(samples, i), 16_000, subtype="PCM_16")
        rows.append({
            "utterance": f"u{i}", "corpus": "emodb", "path": f"u{i}.wav", "emotion": "joy", "actor": "s03",
            "gender": "M", "duration_s": samples / 16_000, "group": "s03", "sample_rate": 16_000,
            "num_samples": samples,
        })  # fmt: skip
    return pd.DataFrame(rows)


def expected(seed: int, samples: int) -> torch.Tensor:
    return spectrogram(torch.from_numpy(voice(samples, seed).astype(np.float32)))


def run(corpus: pd.DataFrame, workers: int = 1, **options: Any) -> dict[str, np.ndarray]:
    extract(corpus, segment(corpus, 640), Path("corpus"), ARK, SCP, front_end(options.pop("cmvn", "segment")), workers)
    return dict(read_archive(SCP))


def test_archive(corpus: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    read = run(corpus, workers=2)
    spawned = ARK.read_bytes(), SCP.read_bytes()
    assert list(read) == ["u0-1", "u1-1", "u1-2", "u2-1"]
    assert [len(matrix) for matrix in read.values()] == [48, 640, 640, 98]
    whole = expected(1, 120_000)
    assert len(whole) == 748
    np.testing.assert_allclose(read["u1-2"], normalise(whole[108:]).numpy(), atol=1e-5)
    np.testing.assert_allclose(read["u2-1"], normalise(expected(2, 16_001)).numpy(), atol=1e-5)
    assert "3/3" in capsys.readouterr().err
    monkeypatch.setattr(workers, "WorkerPool", None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    run(corpus)
    assert (ARK.read_bytes(), SCP.read_bytes()) == spawned
    assert threads == [1, 3], "one worker is this process, which gets its threads back"


def test_normalisation_over_the_utterance(corpus: pd.DataFrame) -> None:
    (recording,) = plan(corpus.iloc[1:2], segment(corpus.iloc[1:2], 640), Path("corpus"))
    found, _ = features(recording, front_end("utterance"))
    first, second = (matrix for _, matrix in found)
    whole = normalise(expected(1, 120_000)).numpy()
    np.testing.assert_allclose(first, whole[:640], atol=1e-5)
    np.testing.assert_allclose(second, whole[108:], atol=1e-5)
    assert abs(second.mean(0)).max() > 1e-3


def test_recordings_with_constant_bins_are_reported_and_those_bins_are_0(corpus: pd.DataFrame) -> None:
    pulses = np.zeros(int(corpus["num_samples"].iloc[1]), np.int16)
    pulses[::160] = 9000  # every frame is the same
    soundfile.write(Path("corpus") / corpus["path"].iloc[1], pulses, 16000)
    messages = extract(corpus, segment(corpus, 640), Path("corpus"), ARK, SCP, front_end())
    assert messages == (
        f"warning: 1 of {len(corpus)} recordings with constant spectrogram bins, which stay 0, since scaling them would "
        f"turn rounding into input: {corpus['path'].iloc[1]} (257 bins)",
    )
    matrices = dict(read_archive(SCP))
    assert not matrices[f"{corpus['utterance'].iloc[1]}-1"].any()
    assert extract(corpus.iloc[:1], segment(corpus.iloc[:1], 640), Path("corpus"), ARK, SCP, front_end()) == ()


def test_constant_bins_are_counted_whatever_a_matrix_begins_with() -> None:
    matrix = np.ones((5, 4), np.float32)
    matrix[:, 1] = 0
    matrix[0, 3] = 0
    assert front_end().constant_columns(matrix) == 1


def test_no_recordings_give_empty_files(corpus: pd.DataFrame) -> None:
    assert run(corpus.iloc[:0]) == {}
    assert ARK.read_bytes() == SCP.read_bytes() == b""


def test_a_recording_that_vanished_is_named_and_nothing_written(corpus: pd.DataFrame) -> None:
    Path("corpus/u2.wav").unlink()
    with pytest.raises(InputError, match=r"corpus/u2.wav of utterance u2 could be read when .* Put the recording back"):
        run(corpus)
    assert list(ARK.parent.iterdir()) == []


def test_a_recording_that_changed_its_length_is_named(corpus: pd.DataFrame) -> None:
    (recording,) = plan(corpus.iloc[:1], segment(corpus.iloc[:1], 640), Path("corpus"))
    soundfile.write("corpus/u0.wav", voice(8_160, 0), 16_000)
    with pytest.raises(InputError, match=r"u0.wav of utterance u0 has 49 frames of 10 ms; expected the 48"):
        features(recording, front_end("segment"))


def test_tables_that_disagree(corpus: pd.DataFrame) -> None:
    segments = segment(corpus, 640)
    with pytest.raises(
        InputError,
        match=r"segment u0-1 belongs to the utterance u0, which is not in the table of utterances; run `dvc repro`",
    ):
        plan(corpus.iloc[1:], segments, Path("corpus"))
    with pytest.raises(InputError, match=r"2 utterances have no segment, the first is u1; run `dvc repro`"):
        plan(corpus, segments.iloc[:1], Path("corpus"))


def deadly(recording: Recording, front_end: Spectrogram) -> list[tuple[str, np.ndarray]]:
    """As the kernel does when memory runs out."""
    if recording.utterance == "u1":
        os.kill(os.getpid(), signal.SIGKILL)
    return features(recording, front_end)


def test_the_death_of_a_worker_is_explained(corpus: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "features", deadly)
    with pytest.raises(
        InputError,
        match=r"died \(killed by SIGKILL\) at corpus/u1.wav of utterance u1 \(1 of 3 were done\).* to fewer than 2 ",
    ):
        run(corpus, workers=2)
    assert list(ARK.parent.iterdir()) == []
