import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio.frames import resampled_length
from pipeline.audio.resampling import resample


def resampled(samples, rate, block=1 << 15):
    return np.concatenate(list(resample((samples[i : i + block] for i in range(0, len(samples), block)), rate)))


def tone(hertz, rate, seconds=1.0):
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30_000), st.integers(4000, 768_000), st.integers(100, 9000))
def test_the_length_is_the_exact_ceiling_for_any_rate_and_any_blocks(number, rate, block):
    samples = np.random.default_rng(number).standard_normal(number).astype(np.float32)
    found = resampled(samples, rate, block)
    assert found.dtype == np.float32
    assert len(found) == resampled_length(number, rate)
    np.testing.assert_array_equal(found, resampled(samples, rate))


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_aliases_are_under_120_db(rate):
    for hertz in (8500, 9000, 10_000):
        level = resampled(tone(hertz, rate), rate)[1000:-1000].std() / np.sqrt(0.5)
        assert 20 * np.log10(level) < -120


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 48_000, 96_000])
def test_what_is_below_the_limit_keeps_its_level_and_its_time(rate):
    for hertz in (300, 1000, 3000, 7000):
        if hertz < 0.45 * rate:
            found, expected = resampled(tone(hertz, rate), rate), tone(hertz, 16_000)
            np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=1e-3)


def test_16_khz_passes_as_it_is():
    samples = np.arange(1000, dtype=np.float32)
    np.testing.assert_array_equal(resampled(samples, 16_000), samples)
