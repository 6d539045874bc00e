from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from pipeline.core.errors import InputError
from pipeline.core.workers import available_cores
from pipeline.features import extraction
from pipeline.features.archive import read_archive
from pipeline.features.extraction import constant_bins, extract, features, plan
from pipeline.features.segmentation import segment
from pipeline.frontends.spectrogram import normalise, spectrogram

ARK, SCP = Path("data/features/emodb.ark"), Path("data/features/emodb.scp")


class Recorded:
    """A pool that works in this process and counts what is in flight."""

    most = 0

    def __init__(self, workers: int, **_: Any) -> None:
        self.in_flight = 0

    def submit(self, task: Any, *arguments: Any) -> Any:
        self.in_flight += 1
        Recorded.most = max(Recorded.most, self.in_flight)
        pool = self

        class Result:
            def result(self) -> Any:
                pool.in_flight -= 1
                return task(*arguments)

        return Result()

    def shutdown(self, **_: Any) -> None:
        pass


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in this process, which needs no seconds to start."""
    monkeypatch.setattr(Recorded, "most", 0)
    monkeypatch.setattr(extraction, "ProcessPoolExecutor", Recorded)


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
    extract(corpus, segment(corpus, 640), Path("corpus"), ARK, SCP, options.pop("cmvn", "segment"), workers)
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
    monkeypatch.setattr(extraction, "ProcessPoolExecutor", Recorded)
    run(corpus)
    assert (ARK.read_bytes(), SCP.read_bytes()) == spawned


def test_normalisation_over_the_utterance(corpus: pd.DataFrame) -> None:
    (recording,) = plan(corpus.iloc[1:2], segment(corpus.iloc[1:2], 640), Path("corpus"))
    first, second = (matrix for _, matrix in features(recording, "utterance"))
    whole = normalise(expected(1, 120_000)).numpy()
    np.testing.assert_allclose(first, whole[:640], atol=1e-5)
    np.testing.assert_allclose(second, whole[108:], atol=1e-5)
    assert abs(second.mean(0)).max() > 1e-3


@pytest.mark.usefixtures("in_process")
@pytest.mark.usefixtures("in_process")
def test_recordings_with_constant_bins_are_told_and_those_bins_are_0(corpus: pd.DataFrame) -> None:
    pulses = np.zeros(int(corpus["num_samples"].iloc[1]), np.int16)
    pulses[::160] = 9000  # every frame is the same
    soundfile.write(Path("corpus") / corpus["path"].iloc[1], pulses, 16000)
    messages = extract(corpus, segment(corpus, 640), Path("corpus"), ARK, SCP, "segment")
    assert messages == (
        f"warning: 1 of {len(corpus)} recordings with constant spectrogram bins, which stay 0, since scaling them would "
        f"turn rounding into input: {corpus['path'].iloc[1]} (257 bins)",
    )
    matrices = dict(read_archive(SCP))
    assert not matrices[f"{corpus['utterance'].iloc[1]}-1"].any()
    assert extract(corpus.iloc[:1], segment(corpus.iloc[:1], 640), Path("corpus"), ARK, SCP, "segment") == ()


def test_constant_bins_are_counted_whatever_a_matrix_begins_with() -> None:
    matrix = np.ones((5, 4), np.float32)
    matrix[:, 1] = 0
    matrix[0, 3] = 0
    assert constant_bins(matrix) == 1


def test_no_recordings_give_empty_files(corpus: pd.DataFrame) -> None:
    assert run(corpus.iloc[:0]) == {}
    assert ARK.read_bytes() == SCP.read_bytes() == b""


@pytest.mark.usefixtures("in_process")
def test_a_recording_that_vanished_is_named_and_nothing_written(corpus: pd.DataFrame) -> None:
    Path("corpus/u2.wav").unlink()
    with pytest.raises(InputError, match=r"corpus/u2.wav of utterance u2 could be read when .* Put the recording back"):
        run(corpus)
    assert list(ARK.parent.iterdir()) == []


def test_a_recording_that_changed_its_length_is_named(corpus: pd.DataFrame) -> None:
    (recording,) = plan(corpus.iloc[:1], segment(corpus.iloc[:1], 640), Path("corpus"))
    soundfile.write("corpus/u0.wav", voice(8_160, 0), 16_000)
    with pytest.raises(InputError, match=r"u0.wav of utterance u0 has 49 frames of 10 ms; expected the 48"):
        features(recording, "segment")


def test_tables_that_disagree(corpus: pd.DataFrame) -> None:
    segments = segment(corpus, 640)
    with pytest.raises(InputError, match=r"segment u0-1 belongs to the utterance u0, which the table .* lacks"):
        plan(corpus.iloc[1:], segments, Path("corpus"))
    with pytest.raises(InputError, match=r"2 utterances have no segment, the first is u1; run `dvc repro`"):
        plan(corpus, segments.iloc[:1], Path("corpus"))


class Dying(ProcessPoolExecutor):
    """Its second task kills its process, as the kernel does when memory runs out."""

    def submit(self, task: Any, *arguments: Any) -> Future[Any]:  # type: ignore[override]
        if arguments[0].utterance == "u1":
            return super().submit(os._exit, 9)
        return super().submit(task, *arguments)


def test_the_death_of_a_worker_is_explained(corpus: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "ProcessPoolExecutor", Dying)
    with pytest.raises(InputError, match=r"a worker process died at or soon after corpus/u[01].wav .* to fewer"):
        run(corpus)
    assert list(ARK.parent.iterdir()) == []


@pytest.mark.usefixtures("in_process")
def test_memory_does_not_grow_with_the_corpus(corpus: pd.DataFrame) -> None:
    many = pd.concat([corpus.iloc[:1].assign(utterance=f"v{i}") for i in range(50)])
    assert len(run(many, workers=2)) == 50
    assert Recorded.most <= 8


def test_cores_are_those_of_this_process() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_a_killed_parent_leaves_no_worker_behind(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        "import multiprocessing, os, signal\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from pipeline.features.extraction import _prepare_worker\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    pool = ProcessPoolExecutor(1, mp_context=context, initializer=_prepare_worker)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n",
        encoding="utf-8",
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    worker = int(done.stdout)
    for _ in range(100):
        if not alive(worker):
            return
        time.sleep(0.05)
    pytest.fail(f"worker {worker} outlived its parent")


def alive(process: int) -> bool:
    try:
        # A zombie is over, whoever collects it.
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
