import numpy as np
import pytest
import soundfile

from pipeline.audio.channels import Levels, mix
from pipeline.audio.decoding import examine, load, survey
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
    assert [note.kind for note in examine(path).notes] == ["channels"]
    assert survey(path).notes == examine(path).notes


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


def flipped(samples, start_s, end_s):
    """The samples with their sign changed in a part."""
    other = samples.astype(np.float64)
    other[int(start_s * RATE) : int(end_s * RATE)] *= -1
    return other


@pytest.mark.parametrize(("seconds", "start_s", "end_s", "said"), [
    (3, 2, 2.5, "0.5"), (20, 10, 11.5, "1.5"), (20, 0, 19, "19.0"),
])  # fmt: skip
def test_channels_in_opposite_phase_in_a_part_give_one_of_them(tmp_path, seconds, start_s, end_s, said):
    samples = noise(seconds * RATE)
    path = written(tmp_path, samples, flipped(samples, start_s, end_s))
    np.testing.assert_allclose(load(path), samples, atol=0.01)
    found = examine(path)
    assert found.note == (
        f"its 2 channels cancel each other (opposite phase) in {said} s of it; channel 1 is taken alone"
    )
    assert found.digest == examine(written(tmp_path, samples)).digest


def test_a_moment_in_opposite_phase_is_averaged_without_a_word(tmp_path):
    samples = noise(20 * RATE)
    path = written(tmp_path, samples, flipped(samples, 10, 10.9))
    assert examine(path).note == ""
    np.testing.assert_allclose(load(path)[: 10 * RATE], samples[: 10 * RATE], atol=0.01)


def test_the_channel_that_is_never_missing_is_taken(tmp_path):
    """A plug with a bad contact: channel 1 is opposite at first and then dead."""
    samples = noise(6 * RATE).astype(np.float64)
    path = written(tmp_path, np.concatenate([-samples[: 2 * RATE], 0 * samples[2 * RATE :]]), samples)
    np.testing.assert_allclose(load(path), samples, atol=0.01)
    assert "in 2.0 s of it; channel 2 is taken alone" in examine(path).note


def test_speakers_on_different_channels_stay_in_the_mean(tmp_path):
    first, both, second = (noise(4 * RATE, seed) for seed in (1, 2, 3))
    left, right = np.concatenate([first, both, 0 * second]), np.concatenate([0 * first, -both, second])
    path = written(tmp_path, left, right)
    np.testing.assert_allclose(load(path), (left.astype(float) + right) / 2, atol=0.01)
    assert "in 4.0 s of it; no channel is better than their mean" in examine(path).note


def test_opposite_hum_in_the_pauses_counts_as_nothing(tmp_path):
    speech = np.where(np.arange(10 * RATE) % (2 * RATE) < RATE, noise(10 * RATE), 0).astype(np.float64)
    hum = 100 * np.sin(2 * np.pi * 50 / RATE * np.arange(10 * RATE))
    assert examine(written(tmp_path, speech + hum, speech - hum)).note == ""


@pytest.mark.parametrize("late", [1, 7, 40])
def test_microphones_at_different_distances_are_averaged_without_a_word(tmp_path, late):
    samples = noise(5 * RATE)
    assert examine(written(tmp_path, samples, 0.7 * np.roll(samples, late))).note == ""


def test_one_of_many_channels_is_no_opposite_phase(tmp_path):
    channels = [np.zeros(RATE)] * 15
    assert "of its 16 channels, 1 and 2 and 3 and 12 more are silent" in examine(
        written(tmp_path, *channels, noise(RATE))).note  # fmt: skip
    opposite = examine(written(tmp_path, *channels[:-1], noise(RATE), -noise(RATE))).note
    assert "its 16 channels cancel each other" in opposite


@pytest.mark.parametrize("rate", [8000, 48_000])
def test_a_part_is_found_whatever_the_blocks(tmp_path, rate):
    """FFmpeg gives short blocks, libsndfile long ones."""
    samples = noise(4 * rate)
    for block in (100, 1024, len(samples)):
        levels = Levels(2, rate)
        pair = np.stack([samples, np.where(np.arange(len(samples)) < 2 * rate, samples, -samples)], 1)
        for start in range(0, len(pair), block):
            piece = pair[start : start + block].astype(np.float32)
            levels.add(piece, mix(piece))
        assert [note.text for note in levels.notes()] == [
            "its 2 channels cancel each other (opposite phase) in 2.0 s of it; channel 1 is taken alone"
        ]
