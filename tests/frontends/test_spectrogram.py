from __future__ import annotations

from pathlib import Path

import kaldi_io
import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.features.segmentation import num_frames
from pipeline.frontends.kaldi import EPSILON, normalise, spectrogram
from pipeline.training.splicing import pad_edges, splice, splice_view

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"
"""What the Kaldi binaries make of three recordings."""


def recording(name: str) -> torch.Tensor:
    samples, rate = soundfile.read(GOLDEN / f"{name}.wav", dtype="int16")
    assert rate == 16_000
    return torch.from_numpy(samples.astype(np.float32))


def golden(table: str, name: str) -> torch.Tensor:
    with (GOLDEN / f"{table}.ark").open("rb") as stream:
        return torch.from_numpy({key: matrix.copy() for key, matrix in kaldi_io.read_mat_ark(stream)}[name])


def share_within(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> float:
    assert actual.shape == expected.shape
    return float(((actual - expected).abs() <= tolerance).float().mean())


def noise(samples: int, *, seed: int = 0, scale: float = 3000) -> torch.Tensor:
    return (torch.randn(samples, generator=torch.Generator().manual_seed(seed)) * scale).round()


@pytest.mark.parametrize("name", ["speech", "sweep", "burst"])
def test_spectrogram_is_kaldis(name: str) -> None:
    assert share_within(spectrogram(recording(name)), golden("spectrogram", name), 0.05) >= 0.999


@pytest.mark.parametrize("name", ["speech", "sweep", "burst"])
def test_energy_is_kaldis(name: str) -> None:
    torch.testing.assert_close(spectrogram(recording(name))[:, 0], golden("spectrogram", name)[:, 0])


def test_digital_silence_is_kaldis() -> None:
    expected = golden("spectrogram", "burst")
    silent = (expected == expected.min()).all(1)
    assert silent.any()
    assert torch.equal(spectrogram(recording("burst"))[silent], expected[silent])


@pytest.mark.parametrize("level", [0, 1, -32768, 32767])
def test_a_constant_signal_is_silence(level: int) -> None:
    values = spectrogram(torch.full((1000,), float(level)))
    assert torch.equal(values, torch.full((4, 257), EPSILON).log())


@pytest.mark.parametrize("name", ["speech", "sweep", "burst"])
def test_model_input_is_kaldis(name: str) -> None:
    actual = splice(normalise(spectrogram(recording(name))), left=10, right=5, every=8)
    assert share_within(actual.flatten(1), golden("input", name), 0.05) >= 0.995


@settings(deadline=None, max_examples=30)
@given(samples=st.integers(400, 60_000), seed=st.integers(0, 99), offset=st.sampled_from([0, 5000]))
def test_spectrogram_agrees_with_torchaudio(samples: int, seed: int, offset: int) -> None:
    signal = noise(samples, seed=seed) + offset
    expected = torchaudio.compliance.kaldi.spectrogram(signal[None], energy_floor=0.0)
    assert share_within(spectrogram(signal), expected, 0.05) >= 0.999


@settings(deadline=None, max_examples=50)
@given(samples=st.integers(0, 30_000))
def test_rows_are_the_frames_of_the_segment_table(samples: int) -> None:
    assert spectrogram(noise(samples)).shape == (num_frames(samples, 16_000), 257)


def test_a_frame_does_not_depend_on_its_neighbours() -> None:
    signal = noise(16_000 * 4)
    torch.testing.assert_close(spectrogram(signal)[200:], spectrogram(signal[200 * 160 :]), rtol=0, atol=1e-3)


def test_samples_must_be_one_channel_of_float32() -> None:
    with pytest.raises(ValueError, match=r"samples are \(2, 800\) of torch.float32; expected one channel"):
        spectrogram(torch.zeros(2, 800))
    with pytest.raises(ValueError, match=r"samples are \(800,\) of torch.int16"):
        spectrogram(torch.zeros(800, dtype=torch.int16))


def test_normalised_bins_have_mean_0_and_variance_1() -> None:
    values = normalise(spectrogram(recording("speech"))).double()
    torch.testing.assert_close(values.mean(0), torch.zeros(257).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(values.var(0, correction=0), torch.ones(257).double(), atol=1e-5, rtol=0)


def test_normalisation_leaves_its_argument_alone() -> None:
    values = spectrogram(noise(4000))
    before = values.clone()
    normalise(values)
    assert torch.equal(values, before)


@pytest.mark.parametrize("level", [0.1, -15.942385, 20.7, 1e-3])
def test_a_constant_bin_is_zero(level: float) -> None:
    values = torch.randn(700, 3, generator=torch.Generator().manual_seed(1))
    values[:, 1] = level
    values[::3, 1] *= 1 + 2 * EPSILON  # rounding, not signal
    assert torch.equal(normalise(values)[:, 1], torch.zeros(700))
    assert normalise(values)[:, 0].abs().max() > 1


def test_a_small_change_is_signal() -> None:
    values = torch.full((600, 1), 12.0)
    values[300:] += 1e-3
    torch.testing.assert_close(normalise(values)[:, 0].abs(), torch.ones(600), rtol=0.01, atol=0)


def test_one_frame_and_silence_are_zero() -> None:
    assert torch.equal(normalise(spectrogram(noise(400))), torch.zeros(1, 257))
    assert torch.equal(normalise(spectrogram(torch.zeros(4000))), torch.zeros(23, 257))


@settings(deadline=None, max_examples=50)
@given(
    frames=st.integers(1, 60), left=st.integers(0, 12), right=st.integers(0, 12), every=st.integers(1, 40)
)  # fmt: skip
def test_splicing(frames: int, left: int, right: int, every: int) -> None:
    features = torch.arange(frames * 3, dtype=torch.float32).reshape(frames, 3)
    spliced = splice(features, left, right, every)
    assert spliced.shape == (-(-frames // every), left + 1 + right, 3)
    for i, window in enumerate(spliced):
        for j, frame in enumerate(window):
            source = min(max(i * every + j - left, 0), frames - 1)
            assert torch.equal(frame, features[source])


def test_splicing_copies_nothing() -> None:
    padded = pad_edges(torch.randn(640, 257), 10, 5)
    view = splice_view(padded, 16, 8)
    assert view.shape == (80, 16, 257)
    assert view.untyped_storage().data_ptr() == padded.untyped_storage().data_ptr()
