from __future__ import annotations

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.frontends.kaldi import with_deltas
from pipeline.frontends.registry import front_end_of
from tests.frontends.signals import matrices, noise, speech


@pytest.mark.parametrize("signal", [speech(), noise(40_000)], ids=["speech", "noise"])
@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({}, {"use_energy": True}),
        ({"use_energy": False}, {}),
        ({"coefficients": 20, "bands": 30, "lifter": 0.0, "use_energy": False},
         {"num_ceps": 20, "num_mel_bins": 30, "cepstral_lifter": 0.0}),
        ({"low_freq": 100.0, "high_freq": -400.0}, {"use_energy": True, "low_freq": 100.0, "high_freq": -400.0}),
    ],
)  # fmt: skip
def test_coefficients_are_torchaudios_to_the_rounding_of_float32(signal, options, theirs):
    ours = matrices(signal, kind="mfcc", deltas=0, **options)[0]
    expected = torchaudio.compliance.kaldi.mfcc(signal[None], dither=0.0, energy_floor=0.0, **theirs).numpy()
    # It computes filters, cosines and lifter in float32, and the lifter makes their rounding up to 12 times as large.
    np.testing.assert_allclose(ours, expected, rtol=0, atol=5e-3)
    assert (np.abs(ours - expected) < 1e-3).mean() > 0.98
    assert np.median(np.abs(ours - expected)) < 1e-4


def test_coefficients_are_the_liftered_cosine_transform_of_log_bands():
    signal = speech()
    bands = matrices(signal, kind="logmel", bands=23)[0].astype(np.float64)
    order = np.arange(13)
    cosines = np.cos(np.pi / 23 * (np.arange(23)[:, None] + 0.5) * order) * np.where(
        order, np.sqrt(2 / 23), np.sqrt(1 / 23)
    )
    expected = bands @ cosines * (1 + 11 * np.sin(np.pi * order / 22))
    np.testing.assert_allclose(matrices(signal, kind="mfcc", deltas=0, use_energy=False)[0], expected, atol=2e-4)


def kaldis(features: np.ndarray, order: int) -> np.ndarray:
    """`add-deltas` as `feature-functions.cc` does it: a sum over clamped positions for each frame and order."""
    scales = [np.ones(1)]
    for _ in range(order):
        before = scales[-1]
        after = np.zeros(len(before) + 4)
        for i in range(-2, 3):
            for j, scale in enumerate(before):
                after[i + j + 2] += i * scale / 10
        scales.append(after)
    rows = []
    for frame in range(len(features)):
        row = []
        for scale in scales:
            reach = len(scale) // 2
            positions = np.clip(np.arange(frame - reach, frame + reach + 1), 0, len(features) - 1)
            row.append(scale @ features[positions])
        rows.append(np.concatenate(row))
    return np.array(rows)


@settings(deadline=None, max_examples=40)
@given(frames=st.integers(1, 30), columns=st.integers(1, 4), order=st.integers(0, 3), seed=st.integers(0, 99))
def test_deltas_are_kaldis(frames, columns, order, seed):
    features = torch.randn(frames, columns, generator=torch.Generator().manual_seed(seed))
    expected = kaldis(features.numpy().astype(np.float64), order)
    np.testing.assert_allclose(with_deltas(features, order).numpy(), expected, atol=1e-6)


def test_first_deltas_are_torchaudios_and_second_ones_too_away_from_the_edges():
    signal = speech()
    ours = matrices(signal, kind="mfcc")[0]
    static = torch.from_numpy(ours[:, :13]).T
    first = torchaudio.functional.compute_deltas(static, win_length=5, mode="replicate")
    second = torchaudio.functional.compute_deltas(first, win_length=5, mode="replicate")
    np.testing.assert_allclose(ours[:, 13:26], first.T, atol=2e-5)
    np.testing.assert_allclose(ours[2:-2, 26:], second.T[2:-2], atol=2e-5)
    assert np.abs(ours[:2, 26:] - second.T[:2].numpy()).max() > 1e-3


def test_columns_are_no_neighbouring_frequencies():
    shape = front_end_of({"kind": "mfcc"}).shape
    assert (shape.dims, shape.framewise, shape.shift, shape.frequency_axis) == (39, True, 1, False)
    assert front_end_of({"kind": "mfcc", "coefficients": 20, "deltas": 1}).dims == 40


def test_deltas_of_a_segment_look_at_the_utterance_around_it():
    signal = noise(20_000)
    whole = matrices(signal, kind="mfcc")[0]
    assert np.array_equal(matrices(signal, [(30, 40)], kind="mfcc")[0], whole[30:70])


def test_more_coefficients_than_bands_are_refused():
    with pytest.raises(InputError, match=r"^coefficients: 24 of 23 bands; expected at most one for each band$"):
        front_end_of({"kind": "mfcc", "coefficients": 24})
