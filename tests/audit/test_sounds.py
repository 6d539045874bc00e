"""Identical sound and near-duplicates, on tones with a melody of their own."""

import numpy as np
import pytest
import soundfile

from pipeline.audit.audit import audit
from pipeline.audit.sounds import Files, picture
from pipeline.core.errors import InputError
from tests.audit.test_audit import shared

RATE = 16000


def melody(seed, seconds=1.2):
    """A voice-like sound: harmonics of a moving pitch, with syllables."""
    draw = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    knots = np.linspace(0, seconds, 7)
    pitch = np.interp(time, knots, draw.uniform(90, 260, 7))
    loud = np.interp(time, np.linspace(0, seconds, 13), draw.uniform(0.02, 1, 13))
    tilt = np.interp(time, knots, draw.uniform(0.3, 2, 7))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    return loud * sum(np.sin(n * phase) / n**tilt for n in range(1, 14)) / 8


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "audio" / "deep"
    folder.mkdir(parents=True)
    draw = np.random.default_rng(0)
    first = melody(1)
    sounds = {
        "a.wav": first, "b.wav": melody(2), "same.wav": first, "quiet.wav": first / 5,
        "noisy.wav": first + draw.normal(0, 10 ** (-30 / 20) * first.std(), len(first)), "other.wav": melody(3),
    }  # fmt: skip
    for name, samples in sounds.items():
        soundfile.write(folder / name, samples, RATE, subtype="PCM_24" if name == "quiet.wav" else "PCM_16")
    soundfile.write(folder / "coded.ogg", first, RATE)
    rows = [f"list/deep/{name},ann,train" for name in ("a.wav", "b.wav")]
    rows += [
        f"list/deep/{name},bob,test"
        for name in ("same.wav", "quiet.wav", "noisy.wav", "coded.ogg", "other.wav", "gone.wav")
    ]
    (tmp_path / "split.csv").write_text("file,speaker,split\n" + "\n".join(rows))
    return tmp_path


def test_identical_sound_and_changed_copies_are_found(recordings):
    found = audit([recordings / "split.csv"], sounds=recordings / "audio")
    assert shared(found, "sounds") == {"list/deep/a.wav = list/deep/same.wav"}
    pairs = {one.split(" (")[0] for one in shared(found, "alike")}
    assert pairs == {f"list/deep/a.wav ~ list/deep/{name}" for name in ("quiet.wav", "noisy.wav", "coded.ogg")}
    assert found.verdict == "leaks"
    assert found.by_sound.missing == ("list/deep/gone.wav",)
    assert audit([recordings / "split.csv"]).verdict == "clean"


def test_files_that_cannot_be_decoded_are_named(recordings):
    (recordings / "audio/deep/other.wav").write_bytes(b"RIFF")
    found = audit([recordings / "split.csv"], sounds=recordings / "audio")
    assert [one.split(" (")[0] for one in found.by_sound.unreadable] == ["list/deep/other.wav"]


def test_a_folder_without_the_recordings_is_refused(recordings):
    (recordings / "empty").mkdir()
    with pytest.raises(InputError, match="holds none of the 8 files"):
        audit([recordings / "split.csv"], sounds=recordings / "empty")
    with pytest.raises(InputError, match="is no folder"):
        audit([recordings / "split.csv"], sounds=recordings / "nothing")


def test_a_file_is_found_by_the_longest_end_of_its_path(tmp_path):
    for name in ("DC/a01.wav", "JE/a01.wav", "JE/b.wav", "x/JE/c.wav", "y/JE/c.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    files = Files(tmp_path)
    assert files.find("downloads/savee/JE/a01.wav") == "JE/a01.wav"
    assert files.find("a01.wav") is None
    assert files.find("JE/c.wav") is None
    assert files.find("C:\\data\\b.wav") == "JE/b.wav"
    assert files.find("../secret.wav") is None


def test_the_picture_knows_no_gain():
    samples = (melody(5) * 8000).astype(np.float32)
    assert np.allclose(picture(samples), picture(samples / 3), atol=2e-3)
    assert float(picture(samples) @ picture((melody(6) * 8000).astype(np.float32))) < 0.9
