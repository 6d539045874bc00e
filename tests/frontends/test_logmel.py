from __future__ import annotations

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.frontends.kaldi import EPSILON, normalise
from pipeline.frontends.mel import mel_filters
from pipeline.frontends.registry import front_end_of
from tests.frontends.signals import matrices, noise, speech


def torchaudios(signal: torch.Tensor, **options: float) -> np.ndarray:
    return torchaudio.compliance.kaldi.fbank(signal[None], dither=0.0, energy_floor=0.0, **options).numpy()


def in_float64(signal: torch.Tensor, bands: int) -> np.ndarray:
    """The bands from torchaudio's spectrogram in float64, and triangles by interpolation."""
    spectrum = np.exp(torchaudio.compliance.kaldi.spectrogram(signal[None].double(), energy_floor=0.0).numpy())
    ends = 1127 * np.log(1 + np.array([20, 8000]) / 700)
    corners = np.linspace(*ends, bands + 2)
    mel = 1127 * np.log(1 + np.arange(257) * 31.25 / 700)
    triangles = [np.interp(mel, corners, np.eye(bands + 2)[band + 1]) for band in range(bands)]
    return np.log(np.maximum(spectrum @ np.array(triangles).T, EPSILON))


SIGNALS = pytest.mark.parametrize(
    "signal", [speech(), noise(40_000), noise(8000, scale=1)], ids=["speech", "noise", "quiet"]
)


@SIGNALS
@pytest.mark.parametrize("bands", [23, 40, 64, 80])
def test_bands_are_those_of_float64_to_the_rounding_of_float32(signal, bands):
    ours, expected = matrices(signal, kind="logmel", bands=bands)[0], in_float64(signal, bands)
    assert ours.dtype == np.float32
    # A Fourier transform in float32 rounds amplitudes to a share of the largest one of the frame.
    found, amplitude = np.exp(ours / 2), np.exp(expected / 2)
    assert (np.abs(found - amplitude) <= 5e-7 * amplitude.max(axis=1, keepdims=True) + 2e-6 * amplitude).all()
    assert np.median(np.abs(ours - expected)) < 2e-6


@SIGNALS
@pytest.mark.parametrize("bands", [23, 40, 64, 80])
def test_bands_are_torchaudios(signal, bands):
    ours, expected = matrices(signal, kind="logmel", bands=bands)[0], torchaudios(signal, num_mel_bins=bands)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=4e-3)
    # It computes its filters in float32, which shows where a band has little of the one bin it reads.
    assert (np.abs(ours - expected) < 5e-4).mean() > 0.99
    assert np.median(np.abs(ours - expected)) < 5e-6


@settings(deadline=None, max_examples=40)
@given(
    samples=st.integers(400, 20_000),
    seed=st.integers(0, 99),
    bands=st.integers(4, 40),
    low_freq=st.floats(0, 300),
    high_freq=st.one_of(st.floats(5000, 8000), st.floats(-2000, 0)),
)
def test_bands_in_any_range_are_torchaudios(samples, seed, bands, low_freq, high_freq):
    signal = noise(samples, seed=seed)
    ours = matrices(signal, kind="logmel", bands=bands, low_freq=low_freq, high_freq=high_freq)[0]
    expected = torchaudios(signal, num_mel_bins=bands, low_freq=low_freq, high_freq=high_freq)
    np.testing.assert_allclose(ours, expected, rtol=2e-4, atol=1e-3)


@pytest.mark.parametrize("bands", [4, 23, 64, 120])
def test_filters_are_torchaudios(bands):
    expected, _ = torchaudio.compliance.kaldi.get_mel_banks(bands, 512, 16_000.0, 20.0, 0.0, 100.0, -500.0, 1.0)
    filters = mel_filters(bands, 20.0, 0.0)
    assert filters.shape == (bands, 257)
    np.testing.assert_allclose(filters[:, :256], expected, atol=2e-5)
    # Neither the energy, which lies in bin 0, nor the highest frequency belongs to a filter.
    assert not filters[:, [0, 256]].any()


def test_the_defaults_are_64_bands_of_neighbouring_frequencies_without_normalisation():
    front_end = front_end_of({"kind": "logmel"})
    shape = front_end.shape
    assert (shape.dims, shape.framewise, shape.shift, shape.frequency_axis) == (64, True, 1, True)
    np.testing.assert_allclose(matrices(speech(), kind="logmel")[0], torchaudios(speech(), num_mel_bins=64), atol=4e-3)


@pytest.mark.parametrize("kind", ["logmel", "mfcc", "spectrogram"])
def test_cmvn_is_that_of_the_segment_or_of_the_utterance_or_left_out(kind):
    signal, bounds = noise(32_000) + torch.linspace(0, 3000, 32_000), [(0, 100), (70, 128)]
    whole = torch.from_numpy(matrices(signal, kind=kind, cmvn="none")[0])
    pieces = [whole[start : start + length] for start, length in bounds]
    for cmvn, expected in (
        ("none", pieces),
        ("segment", [normalise(piece) for piece in pieces]),
        ("utterance", [normalise(whole)[start : start + length] for start, length in bounds]),
    ):
        found = matrices(signal, bounds, kind=kind, cmvn=cmvn)
        assert all(np.array_equal(ours, piece.numpy()) for ours, piece in zip(found, expected, strict=True)), cmvn


@pytest.mark.parametrize(("cmvn", "expected"), [("none", 0), ("segment", 64)])
def test_constant_bands_are_counted_where_normalisation_leaves_them_0(cmvn, expected):
    front_end = front_end_of({"kind": "logmel", "cmvn": cmvn})
    silence = matrices(torch.zeros(4000), kind="logmel", cmvn=cmvn)[0]
    assert front_end.constant_columns(silence) == expected
    assert (silence == (np.log(np.float32(EPSILON)) if cmvn == "none" else 0)).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"bands": 128}, "bands: 128 from 20 to 8000 Hz are too many: 1 lie between two bins of the spectrum (31.25 Hz "
                         "apart) and would always be silent; expected fewer, or a wider range"),
        ({"low_freq": 9000.0}, "high_freq: 0 with low_freq 9000: expected 0 <= low_freq < high_freq <= 8000 Hz, where a "
                               "high_freq of 0 or below is counted from 8000"),
        ({"high_freq": 8001.0}, "high_freq: 8001 with low_freq 20: expected"),
        ({"high_freq": -8000.0}, "high_freq: -8000 with low_freq 20: expected"),
    ],
)  # fmt: skip
def test_bands_that_cannot_be_are_refused(options, expected):
    with pytest.raises(InputError) as caught:
        front_end_of({"kind": "logmel", **options})
    assert str(caught.value).startswith(expected)
