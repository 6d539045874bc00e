import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio import ffmpeg
from pipeline.audio.decoding import examine, load, probe
from pipeline.audio.frames import resampled_length
from pipeline.audio.recording import AudioError, Probe
from tests.helpers.corpus_trees import wav_bytes, write_avi

RATE = 16000


def noise(samples: int = 4000, channels: int = 1) -> np.ndarray:
    shape = (samples, channels) if channels > 1 else (samples,)
    return np.random.default_rng(1).integers(-9000, 9000, shape).astype(np.int16)


def reason(path: Path) -> str:
    with pytest.raises(AudioError) as caught:
        load(path)
    with pytest.raises(AudioError) as again:
        examine(path)
    assert caught.value.reason == again.value.reason
    return caught.value.reason


def test_16_bit_samples_arrive_unchanged(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(), RATE, subtype="PCM_16")
    samples = load(tmp_path / "a.wav")
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples, noise())


@pytest.mark.parametrize(
    ("subtype", "tolerance"),
    [("PCM_U8", 256), ("PCM_24", 0), ("PCM_32", 0), ("FLOAT", 0), ("DOUBLE", 0), ("ALAW", 280), ("ULAW", 280)],
)
def test_every_coding_comes_on_the_int16_scale(tmp_path, subtype, tolerance):
    soundfile.write(tmp_path / "a.wav", noise() / 32768, RATE, subtype=subtype)
    np.testing.assert_allclose(load(tmp_path / "a.wav"), noise(), atol=tolerance + 1e-3)
    assert probe(tmp_path / "a.wav") == Probe(4000, RATE, 1)


@pytest.mark.parametrize("container", ["FLAC", "AIFF", "W64", "RF64", "WAVEX", "CAF"])
def test_the_content_decides_and_not_the_ending(tmp_path, container):
    soundfile.write(tmp_path / "a.wav", noise(), RATE, format=container, subtype="PCM_16")
    np.testing.assert_array_equal(load(tmp_path / "a.wav"), noise())
    assert probe(tmp_path / "a.wav").num_samples == 4000


def test_a_wav_called_avi_and_an_avi_called_wav(tmp_path):
    (tmp_path / "a.avi").write_bytes(wav_bytes("x"))
    write_avi(tmp_path / "v.avi")
    (tmp_path / "v.avi").rename(tmp_path / "v.wav")
    assert probe(tmp_path / "a.avi") == Probe(480, RATE, 1)
    assert probe(tmp_path / "v.wav") == Probe(4800, 48000, 2)


def test_an_ending_that_libraries_take_for_a_format(tmp_path):
    (tmp_path / "a.raw").write_bytes(wav_bytes("x"))
    (tmp_path / "b.raw").write_bytes(declared(wav_bytes("x"), 100))
    assert probe(tmp_path / "a.raw") == examine(tmp_path / "b.raw").probe == Probe(480, RATE, 1)


def test_channels_are_averaged(tmp_path):
    stereo = noise(channels=2)
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype="PCM_16")
    np.testing.assert_array_equal(load(tmp_path / "a.wav"), stereo.mean(axis=1))


def test_the_sound_of_a_video_is_read_without_its_pictures(tmp_path, monkeypatch):
    write_avi(tmp_path / "a.avi", "seed", samples=9600)
    opened, containers, decoders = av.open, [], []
    blocks = ffmpeg._blocks

    def open_and_keep(*args, **options):
        containers.append(opened(*args, **options))
        return containers[-1]

    def decode_and_look(*args):
        yield from blocks(*args)
        decoders.append({stream.type: stream.codec_context.is_open for stream in containers[-1].streams})

    monkeypatch.setattr(av, "open", open_and_keep)
    monkeypatch.setattr(ffmpeg, "_blocks", decode_and_look)
    assert probe(tmp_path / "a.avi") == Probe(9600, 48000, 2)
    assert len(load(tmp_path / "a.avi")) == 3200
    assert examine(tmp_path / "a.avi").note == ""
    assert decoders == 3 * [{"video": False, "audio": True}]


@pytest.mark.parametrize(("name", "codec", "layout"), [("a.mp4", "aac", "stereo"), ("a.mkv", "ac3", "mono")])
def test_compressed_tracks_are_decoded(tmp_path, name, codec, layout):
    channels = 1 if layout == "mono" else 2
    tone = (9000 * np.sin(np.arange(48000) * 2 * np.pi * 440 / 48000)).astype(np.int16)
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=48000, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.repeat(tone, channels)[None], format="s16", layout=layout)
        frame.sample_rate = 48000
        resampler = av.AudioResampler(stream.format, layout, 48000, frame_size=stream.codec_context.frame_size or 1024)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode())
    size = probe(tmp_path / name)
    assert (size.sample_rate, size.channels) == (48000, channels)
    assert size.num_samples == pytest.approx(48000, abs=3000)
    assert load(tmp_path / name)[4000:12000].std() == pytest.approx(9000 / np.sqrt(2), rel=0.05)


def test_a_video_cut_short_says_so(tmp_path):
    write_avi(tmp_path / "a.avi", samples=48000)
    content = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "a.avi").write_bytes(content[: len(content) // 2])
    found = examine(tmp_path / "a.avi")
    assert found.probe.num_samples == probe(tmp_path / "a.avi").num_samples < 48000
    assert found.note == f"its container declares 48000 samples and holds {found.probe.num_samples}"


def test_a_video_without_sound(tmp_path):
    write_avi(tmp_path / "a.avi", sound=False)
    assert reason(tmp_path / "a.avi") == "unreadable: it has no audio track"


@given(st.integers(1, 10**9), st.integers(1000, 400_000))
def test_resampled_length_is_an_exact_ceiling(num_samples, rate):
    length = resampled_length(num_samples, rate)
    assert (length - 1) * rate < RATE * num_samples <= length * rate


@settings(deadline=None, max_examples=30)
@given(st.integers(7000, 60000), st.sampled_from([8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 44099]))
def test_loaded_length_is_resampled_length(tmp_path_factory, num_samples, rate):
    path = tmp_path_factory.mktemp("rate") / "a.wav"
    path.write_bytes(wav_bytes("x", samples=num_samples, rate=rate))
    assert len(load(path)) == resampled_length(num_samples, rate)
    assert probe(path).num_samples == examine(path).probe.num_samples == num_samples


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_resampling_keeps_what_is_below_8_khz_and_drops_what_is_above(tmp_path, rate):
    time = np.arange(rate) / rate
    for hertz, least, most in ((1000, 0.99, 1.01), (3000, 0.99, 1.01), (11000, 0.0, 0.001)):
        if hertz < rate / 2:
            soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * hertz * time), rate, subtype="FLOAT")
            level = load(tmp_path / "a.wav")[1000:-1000].std() / (0.5 * 32768 / np.sqrt(2))
            assert least <= level <= most


def declared(content: bytes, length: int, *, outer: int | None = None) -> bytes:
    place = content.index(b"data") + 4
    content = content[:place] + struct.pack("<I", length) + content[place + 4 :]
    return content if outer is None else content[:4] + struct.pack("<I", outer) + content[8:]


@pytest.mark.parametrize("length", [0, 100, 956, 957, 958, 959, 2000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wrong_length_field_loses_no_sample(tmp_path, length):
    right = tmp_path / "right.wav"
    right.write_bytes(wav_bytes("x"))
    wrong = tmp_path / "wrong.wav"
    expected = load(right)
    wrong.write_bytes(declared(right.read_bytes(), length))
    np.testing.assert_array_equal(load(wrong), expected)
    assert probe(wrong).num_samples == len(expected)
    told = length not in (0, 0x7FFFFFFF, 0xFFFFFFFF)
    assert examine(wrong).note == (f"its header declares {length} bytes of samples and 960 follow" if told else "")


def test_chunks_before_and_behind_the_samples_are_no_samples(tmp_path):
    content = wav_bytes("x")
    place = content.index(b"data")
    filler = b"FLLR" + struct.pack("<I", 5) + b"x" * 6
    tail = b"LIST" + struct.pack("<I", 4) + b"INFO" + b"bext" + struct.pack("<I", 3) + b"abc"
    (tmp_path / "a.wav").write_bytes(content[:place] + filler + content[place:] + tail)
    (tmp_path / "b.wav").write_bytes(content)
    np.testing.assert_array_equal(load(tmp_path / "a.wav"), load(tmp_path / "b.wav"))
    assert examine(tmp_path / "a.wav").note == ""


def riff(samples: bytes, length: int, *, outer: int | None = None, behind: bytes = b"") -> bytes:
    """A WAV file of these samples that declares other lengths."""
    content = wav_bytes("x")
    content = content[: content.index(b"data") + 8] + samples + behind
    return declared(content, length, outer=len(content) - 8 if outer is None else outer)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(420, 600), st.integers(0, 8), st.sampled_from([-9, -4, -3, -2, -1, 0, 1, 2, 100, None, 0xFFFFFFFF]),
    st.sampled_from([b"", b"LIST" + struct.pack("<I", 4) + b"INFO", b"LIST" + struct.pack("<I", 5) + b"INFOx",
                     b"bext" + struct.pack("<I", 2) + b"ab" + b"id3 " + struct.pack("<I", 4) + b"abcd"]),
)  # fmt: skip
def test_no_length_field_loses_a_sample_or_makes_a_chunk_sound(tmp_path_factory, count, zeros, wrong, behind):
    """Whatever it declares, ends of silence and chunks included; `wrong` None stands for 0."""
    samples = np.concatenate([noise(count), np.zeros(zeros, np.int16)])
    length = 0 if wrong is None else wrong if wrong > 1000 else 2 * len(samples) + wrong
    path = tmp_path_factory.mktemp("riff") / "a.wav"
    path.write_bytes(riff(samples.tobytes(), length, behind=behind))
    found = examine(path)
    np.testing.assert_array_equal(load(path), samples)
    assert found.probe == probe(path) == Probe(len(samples), RATE, 1)
    assert found.note == ("" if length in (0, 0xFFFFFFFF, 2 * len(samples)) else (
        f"its header declares {length} bytes of samples and {2 * len(samples)} follow"
    ))  # fmt: skip


def test_padding_behind_the_declared_end_is_no_sample(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes("x") + bytes(3))
    assert examine(tmp_path / "a.wav").probe.num_samples == 480
    assert examine(tmp_path / "a.wav").note == ""


def test_chunks_behind_no_samples_are_no_sound(tmp_path):
    content = wav_bytes("x")
    place = content.index(b"data")
    tail = b"LIST" + struct.pack("<I", 2000) + bytes(2000)
    (tmp_path / "a.wav").write_bytes(content[:place] + b"data" + bytes(4) + tail)
    assert probe(tmp_path / "a.wav").num_samples == 0
    with pytest.raises(AudioError, match="too short"):
        examine(tmp_path / "a.wav")


def test_bytes_behind_the_end_of_a_file_are_no_samples_but_are_reported(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes("x") + bytes(1000))
    found = examine(tmp_path / "a.wav")
    assert found.probe.num_samples == probe(tmp_path / "a.wav").num_samples == 480
    assert "declares 960 bytes" in found.note


@pytest.mark.parametrize("content", [b"", b"no sound at all " * 300, b"#EXTM3U\n/etc/passwd\n", wav_bytes("x")[:30]])
def test_what_is_no_recording_is_unreadable(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    assert reason(tmp_path / "a.wav").startswith("unreadable: ")
    with pytest.raises(AudioError, match="unreadable"):
        probe(tmp_path / "a.wav")


def test_a_file_that_is_gone_and_one_that_is_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    assert reason(tmp_path / "gone.wav") == "unreadable: the file is gone"
    assert reason(tmp_path / "pipe.wav") == "unreadable: not a regular file"


def test_a_limit_of_open_files_is_no_damaged_recording(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF" + bytes(40))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        examine(path)


def test_too_short_silent_and_not_finite(tmp_path):
    def written(samples: np.ndarray, rate: int = RATE) -> str:
        soundfile.write(tmp_path / "a.wav", samples, rate, subtype="FLOAT")
        return reason(tmp_path / "a.wav")

    assert written(np.zeros(0)) == "too short: empty"
    assert written(noise(399) / 32768) == "too short: 24.9 ms, a window is 25 ms"
    assert written(noise(1197) / 32768, 48000) == "too short: 24.9 ms, a window is 25 ms"
    assert written(np.zeros(4000)) == "silent"
    assert written(np.full(4000, 0.25)) == "silent: every sample is 8192"
    for value in (np.nan, np.inf, -np.inf):
        spoilt = noise() / 32768
        spoilt[1234] = value
        assert written(spoilt) == "not finite"
    assert written(np.stack([np.full(4000, np.inf), np.full(4000, -np.inf)], axis=1)) == "not finite"


def test_400_samples_are_just_enough(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav_bytes("x", samples=400))
    (tmp_path / "b.wav").write_bytes(wav_bytes("x", samples=1198, rate=48000))
    assert len(load(tmp_path / "a.wav")) == len(load(tmp_path / "b.wav")) == 400


def test_the_digest_is_of_the_sound_and_not_of_the_file(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(), RATE, subtype="PCM_16")
    soundfile.write(tmp_path / "a.flac", noise(), RATE, subtype="PCM_16")
    soundfile.write(tmp_path / "two.wav", np.stack([noise(), noise()], axis=1), RATE, subtype="PCM_24")
    soundfile.write(tmp_path / "other.wav", noise(), 2 * RATE, subtype="PCM_16")
    digests = [examine(tmp_path / name).digest for name in ("a.wav", "a.flac", "two.wav", "other.wav")]
    assert digests[0] == digests[1] == digests[2] != digests[3]


def test_long_recordings_are_examined_block_by_block(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(300_000), RATE, subtype="PCM_16")
    assert examine(tmp_path / "a.wav").probe.num_samples == len(load(tmp_path / "a.wav")) == 300_000
