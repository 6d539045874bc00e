import numpy as np
import pytest
import soundfile

from pipeline.audio.decoding import examine, load
from pipeline.audio.recording import AudioError
from tests.helpers.sounds import RATE, noise


def written(tmp_path, *channels):
    soundfile.write(tmp_path / "a.wav", np.stack(channels, axis=1).astype(np.float32) / 32768, RATE, subtype="FLOAT")
    return tmp_path / "a.wav"


@pytest.mark.parametrize("faint", [0, 3, 300])
def test_channels_in_opposite_phase_give_the_first_of_them(tmp_path, faint):
    left = noise()
    path = written(tmp_path, left, -left + faint * np.random.default_rng(5).standard_normal(len(left)))
    np.testing.assert_allclose(load(path), left, atol=0.01)
    assert examine(path).note == "its 2 channels cancel each other (opposite phase), so channel 1 is taken alone"
    assert examine(path).notes[0].kind == "channels"


def test_the_stronger_channel_is_taken(tmp_path):
    path = written(tmp_path, 0.85 * noise(), -noise())
    np.testing.assert_allclose(load(path), -noise(), atol=0.01)


def test_the_hash_is_that_of_the_channel_that_is_taken(tmp_path):
    both = examine(written(tmp_path, noise(), -noise())).digest
    assert both == examine(written(tmp_path, noise())).digest


@pytest.mark.parametrize("share", [0.5, 0.0, -0.5])
def test_other_channels_are_averaged_without_a_word(tmp_path, share):
    left, right = noise(), share * noise() + 3000 * np.random.default_rng(3).standard_normal(48_000)
    path = written(tmp_path, left, right)
    np.testing.assert_allclose(load(path), (left + right) / 2, atol=0.01)
    assert examine(path).note == ""


@pytest.mark.parametrize(("dead", "note"), [
    ([1], "of its 2 channels, 2 is silent"), ([0], "of its 2 channels, 1 is silent"),
    ([1, 2], "of its 3 channels, 2 and 3 are silent"),
])  # fmt: skip
@pytest.mark.parametrize("offset", [0, 500])
def test_a_dead_channel_is_said(tmp_path, dead, note, offset):
    channels = [offset + 3 * np.random.default_rng(n).standard_normal(48_000) if n in dead else noise() for n in range(
        len(dead) + 1)]  # fmt: skip
    path = written(tmp_path, *channels)
    assert examine(path).note == note
    np.testing.assert_allclose(load(path), np.mean(channels, axis=0), atol=0.01)


def test_all_channels_silent(tmp_path):
    with pytest.raises(AudioError, match="^silent$"):
        examine(written(tmp_path, np.zeros(4000), np.zeros(4000)))


def test_an_enormous_sample_is_refused_where_it_is_read(tmp_path):
    samples = noise().astype(np.float64)
    samples[1000] = 1e15 * 32768
    with pytest.raises(AudioError, match=r"not finite: a sample of 1e\+15 times full scale has no finite spectrum"):
        load(written(tmp_path, samples))
