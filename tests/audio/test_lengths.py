"""Promised lengths: whatever a header says, all that follows is read, and a note tells the difference."""

import struct
from pathlib import Path

import numpy as np
import pytest

from pipeline.audio.decoding import examine, load, probe, survey
from pipeline.audio.recording import AudioError
from tests.helpers.sounds import by_ffmpeg, by_libsndfile, noise


def patched(content: bytes, place: int, form: str, value: int) -> bytes:
    return content[:place] + struct.pack(form, value) + content[place + struct.calcsize(form) :]


# Name: content, the place of the length of the samples, its format, and what it counts beside them.
CONTAINERS = {
    "RIFX": (by_libsndfile("WAV", endian="BIG"), 40, ">I", 0),
    "AIFF": (by_libsndfile("AIFF", "PCM_16"), 42, ">I", 8),
    "AIFC little": (by_libsndfile("AIFF", "PCM_16", endian="LITTLE"), -1, ">I", 8),
    "AU": (by_libsndfile("AU", "PCM_16"), 8, ">I", 0),
    "AU little": (by_libsndfile("AU", "PCM_16", endian="LITTLE"), 8, "<I", 0),
    "CAF": (by_libsndfile("CAF", "PCM_16"), -1, ">q", 4),
    "W64": (by_libsndfile("W64", "PCM_16"), -1, "<Q", 24),
    "RF64": (by_libsndfile("RF64", "PCM_16"), 28, "<Q", 0),
    "BW64": (by_libsndfile("RF64", "PCM_16").replace(b"RF64", b"BW64", 1), 28, "<Q", 0),
}


def with_length(name: str, declared: int) -> bytes:
    content, place, form, more = CONTAINERS[name]
    if place < 0:
        chunk = {
            "AIFC little": b"SSND",
            "CAF": b"data",
            "W64": b"data\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a",
        }[name]
        place = content.index(chunk) + len(chunk)
    return patched(content, place, form, declared + more)


@pytest.mark.parametrize("declared", [0, 2000, 4001, 200_000])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_wrong_length_loses_no_sample_and_is_said(tmp_path, name, declared):
    path = tmp_path / "a"
    path.write_bytes(with_length(name, declared))
    np.testing.assert_array_equal(load(path), noise())
    found = examine(path)
    assert found.note == f"its header declares {declared} bytes of samples and 96000 follow"
    assert (survey(path).probe, survey(path).notes) == (found.probe, found.notes)


@pytest.mark.parametrize(("name", "value"), [("AU", 0xFFFFFFFF), ("AU little", 0xFFFFFFFF), ("RIFX", 0xFFFFFFFF),
                                             ("CAF", -1 - 4), ("CAF", (1 << 63) - 5)])  # fmt: skip
def test_a_length_that_is_said_to_be_unknown_is_no_mistake(tmp_path, name, value):
    path = tmp_path / "a"
    path.write_bytes(with_length(name, value))
    np.testing.assert_array_equal(load(path), noise())
    assert examine(path).note == ""


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_right_length_is_trusted_without_decoding(tmp_path, name, monkeypatch):
    (tmp_path / "a").write_bytes(CONTAINERS[name][0])
    monkeypatch.setattr("pipeline.audio.decoding._opened", None)
    assert probe(tmp_path / "a").num_samples == 48_000


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_cut_file_says_what_it_declares_and_holds(tmp_path, name):
    content = CONTAINERS[name][0]
    path = tmp_path / "a"
    path.write_bytes(content[: len(content) * 2 // 5])
    held = examine(path).probe.num_samples
    assert 17_000 < held < 19_201
    np.testing.assert_array_equal(load(path), noise()[:held])
    assert examine(path).note == f"its header declares 96000 bytes of samples and {2 * held} follow"


@pytest.mark.parametrize("length", [2000, 48_000, 90_000])
def test_both_lengths_of_a_killed_writer_lose_nothing(tmp_path, length):
    """The header agrees with itself, and more follows than it says."""
    content = by_libsndfile("WAV")
    (tmp_path / "a.wav").write_bytes(patched(patched(content, 40, "<I", length), 4, "<I", length + 36))
    np.testing.assert_array_equal(load(tmp_path / "a.wav"), noise())
    assert examine(tmp_path / "a.wav").note == f"its header declares {length} bytes of samples and 96000 follow"


@pytest.mark.parametrize(
    "behind",
    [b"TAG" + b"Title" * 25, b"APETAGEX" + bytes(range(200)), bytes(5000), b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8],
    ids=["ID3v1", "APE", "zeros", "JPEG"],
)
def test_what_programs_put_behind_the_end_is_not_sound(tmp_path, behind):
    (tmp_path / "a.wav").write_bytes(by_libsndfile("WAV") + behind)
    np.testing.assert_array_equal(load(tmp_path / "a.wav"), noise())


def test_nist_sphere(tmp_path):
    content = by_libsndfile("NIST", "PCM_16")
    (tmp_path / "a.sph").write_bytes(content.replace(b"sample_count -i 48000", b"sample_count -i 20000"))
    assert examine(tmp_path / "a.sph").probe.num_samples == 48_000
    assert examine(tmp_path / "a.sph").note == "its header declares 40000 bytes of samples and 96000 follow"


LONG = noise(160_000)
COMPRESSED = {
    "mp3": lambda: by_libsndfile("MP3", "MPEG_LAYER_III", samples=LONG),
    "mp3 of FFmpeg": lambda: by_ffmpeg("mp3", "libmp3lame", samples=LONG),
    "Vorbis": lambda: by_libsndfile("OGG", "VORBIS", samples=LONG),
    "Opus": lambda: by_libsndfile("OGG", "OPUS", samples=LONG),
    "Opus of FFmpeg": lambda: by_ffmpeg("ogg", "libopus", samples=LONG),
    "FLAC": lambda: by_libsndfile("FLAC", "PCM_16", samples=LONG),
    "WavPack": lambda: by_ffmpeg("wv", "wavpack", samples=LONG),
    "TTA": lambda: by_ffmpeg("tta", "tta", samples=LONG),
    "Matroska": lambda: by_ffmpeg("matroska", "pcm_s16le", samples=LONG),
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_whole_compressed_file_has_no_note_and_a_cut_one_has(tmp_path, name):
    content = COMPRESSED[name]()
    path = tmp_path / "a"
    path.write_bytes(content)
    assert (examine(path).note, len(load(path))) == ("", len(LONG))
    path.write_bytes(content[: len(content) * 2 // 5])
    found = examine(path)
    assert found.probe.duration_s < 5
    assert found.note.startswith(("its container declares 160000 samples and holds ", "its last ")), found.note
    assert found.notes == survey(path).notes


UNSTATED = {
    "Matroska to a pipe": lambda: by_ffmpeg("matroska", "pcm_s16le", samples=LONG, piped=True),
    "WebM of a browser": lambda: by_ffmpeg("webm", "libopus", samples=LONG, rate=48_000, piped=True,
                                           options={"live": "1"}),
    "AVI to a pipe": lambda: by_ffmpeg("avi", "pcm_s16le", samples=LONG, piped=True),
    "FLV to a pipe": lambda: by_ffmpeg("flv", "libmp3lame", samples=LONG, rate=44_100, piped=True),
    "MPEG-TS, MP2": lambda: by_ffmpeg("mpegts", "mp2", samples=LONG),
    "MPEG-TS, AAC": lambda: by_ffmpeg("mpegts", "aac", samples=LONG),
    "MPEG-PS": lambda: by_ffmpeg("mpeg", "mp2", samples=LONG),
    "AC-3": lambda: by_ffmpeg("ac3", "ac3", samples=LONG, rate=48_000),
    "AC-3, 44.1 kHz": lambda: by_ffmpeg("ac3", "ac3", samples=LONG, rate=44_100),
    "E-AC-3": lambda: by_ffmpeg("eac3", "eac3", samples=LONG, rate=48_000),
    "fragmented MP4": lambda: by_ffmpeg("mp4", "aac", samples=LONG, options={"movflags": "empty_moov+default_base_moof", "frag_duration": "500000"}),
    "VOB": lambda: by_ffmpeg("vob", "ac3", samples=LONG, rate=48_000),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSTATED)
def test_a_cut_file_that_states_no_length_says_so_by_its_last_packet(tmp_path, name):
    content = UNSTATED[name]()
    path = tmp_path / "a"

    def length_notes(share: float) -> list[str]:
        path.write_bytes(content[: int(len(content) * share)])
        found = examine(path)
        assert found.notes == survey(path).notes
        return [note.text for note in found.notes if note.kind == "length"]

    assert length_notes(1) == []
    for share in (0.4003, 0.4021, 0.9):
        note = length_notes(share)[0]
        assert note.startswith("its last packet ")
        assert note.endswith(", so its end is missing")


def test_a_fragment_that_is_cut_between_two_packets_of_sound_is_no_whole_one(tmp_path):
    content = UNSTATED["fragmented MP4"]()
    path = tmp_path / "a.mp4"
    path.write_bytes(content[: content.rindex(b"moof") + 20])
    (note,) = examine(path).notes
    assert note.text.startswith("its last packet declares ")


@pytest.mark.parametrize("second", [{"rate": 24_000}, {"codec": "mp2"}])
def test_joined_mp3_without_a_mark_of_its_encoder_is_refused_where_its_frames_differ(tmp_path, second):
    first = {"codec": "libmp3lame", "rate": 16_000}
    bare = {"write_xing": "0", "id3v2_version": "0"}
    joined = b"".join(
        by_ffmpeg(
            "mp3" if one["codec"] == "libmp3lame" else "mp2",
            options=bare if one["codec"] == "libmp3lame" else {},
            **one,
        )
        for one in (first, first | second)
    )
    (tmp_path / "a.mp3").write_bytes(joined)
    if "rate" in second:
        with pytest.raises(AudioError, match=r"2 joined recordings of different .* \(16000 Hz in 1, 24000 Hz in 1\)"):
            examine(tmp_path / "a.mp3")
    else:
        assert examine(tmp_path / "a.mp3").note.startswith("it holds 2 joined recordings, of ")


def test_joined_amr_is_all_read(tmp_path):
    one = by_ffmpeg("amr", "libopencore_amrnb", rate=8000)
    (tmp_path / "a.amr").write_bytes(one * 2)
    assert "it holds 2 joined recordings" in examine(tmp_path / "a.amr").note


def test_an_opus_file_that_ends_before_its_sound_is_refused_with_the_reason(tmp_path):
    (tmp_path / "a.opus").write_bytes(by_ffmpeg("ogg", "libopus", samples=LONG)[:4000])
    with pytest.raises(AudioError, match="^unreadable: .*its last Ogg page declares .* so its end is missing"):
        examine(tmp_path / "a.opus")


JOINED = COMPRESSED | {
    "WAV": lambda: by_libsndfile("WAV", samples=LONG),
    "AIFF": lambda: by_libsndfile("AIFF", "PCM_16", samples=LONG),
    "AU": lambda: by_libsndfile("AU", "PCM_16", samples=LONG),
    "CAF": lambda: by_libsndfile("CAF", "PCM_16", samples=LONG),
    "W64": lambda: by_libsndfile("W64", "PCM_16", samples=LONG),
    "RF64": lambda: by_libsndfile("RF64", "PCM_16", samples=LONG),
    "piped WAV": lambda: by_ffmpeg("wav", "pcm_s16le", samples=LONG, piped=True),
}


@pytest.mark.parametrize("name", JOINED)
def test_joined_recordings_are_all_read(tmp_path, name):
    content = JOINED[name]()
    (tmp_path / "one").write_bytes(content)
    (tmp_path / "two").write_bytes(content * 2)
    one, found = load(tmp_path / "one"), examine(tmp_path / "two")
    np.testing.assert_array_equal(load(tmp_path / "two"), np.concatenate([one, one]))
    if name == "Matroska":
        assert found.note == "its container declares 160000 samples and holds 320000"
    else:
        half = found.probe.num_samples // 2
        assert found.note == f"it holds 2 joined recordings, of {half} and {half} samples, and all are read"


def test_joined_recordings_of_different_rates_are_refused(tmp_path):
    other = by_libsndfile("WAV", rate=8000)
    (tmp_path / "a.wav").write_bytes(by_libsndfile("WAV") + other)
    with pytest.raises(AudioError, match=r"2 joined recordings of different .* \(16000 Hz in 1, 8000 Hz in 1\); separ"):
        examine(tmp_path / "a.wav")


def flac_with_total(total: int) -> bytes:
    content = by_libsndfile("FLAC", "PCM_16")
    word = int.from_bytes(content[18:26], "big") >> 36 << 36 | total
    return content[:18] + word.to_bytes(8, "big") + content[26:]


@pytest.mark.parametrize(("total", "note"), [
    (0, ""), (48_000, ""), (2000, "its container declares 2000 samples and holds 48000"),
    (60_000, "its container declares 60000 samples and holds 48000"),
])  # fmt: skip
def test_a_flac_of_any_declared_length_is_read_whole(tmp_path, total, note):
    (tmp_path / "a.flac").write_bytes(flac_with_total(total))
    np.testing.assert_array_equal(load(tmp_path / "a.flac"), noise())
    assert examine(tmp_path / "a.flac").note == note


def test_a_flac_that_ffmpeg_wrote_to_a_pipe(tmp_path):
    (tmp_path / "a.flac").write_bytes(by_ffmpeg("flac", "flac", piped=True))
    np.testing.assert_array_equal(load(tmp_path / "a.flac"), noise())
    assert examine(tmp_path / "a.flac").note == ""


TAG = b"ID3\x03\x00\x00\x00\x00\x08\x00" + bytes(1024)


@pytest.mark.parametrize(("content", "note"), [
    (flac_with_total(2000), "its container declares 2000 samples and holds 48000"),
    (flac_with_total(48_000) + TAG + flac_with_total(48_000), "it holds 2 joined recordings, of 48000 and 48000 samples, and all are read"),
])  # fmt: skip
def test_a_tag_before_a_flac_hides_neither_its_length_nor_a_second_one(tmp_path, content, note):
    path = tmp_path / "a.flac"
    path.write_bytes(TAG + content)
    assert examine(path).note == note


def test_alac_in_caf_is_read_to_its_last_sample(tmp_path):
    path = tmp_path / "a.caf"
    path.write_bytes(by_ffmpeg("caf", "alac"))
    np.testing.assert_array_equal(load(path), noise())


def test_an_avi_file_to_a_pipe_declares_nothing_and_a_cut_one_what_its_head_says(tmp_path):
    path = tmp_path / "a.avi"
    path.write_bytes(by_ffmpeg("avi", "pcm_s16le", piped=True))
    assert (examine(path).note, examine(path).probe.num_samples) == ("", 48_000)
    content = by_ffmpeg("avi", "mp2")
    path.write_bytes(content[: len(content) // 2])
    assert "its container declares 48384 samples and holds " in examine(path).note


@pytest.mark.parametrize("container", ["VOC", "PAF", "IRCAM", "MAT5"])
def test_formats_whose_length_is_not_compared_say_so(tmp_path, container):
    path = tmp_path / "a"
    path.write_bytes(by_libsndfile(container, "PCM_16"))
    assert [note.kind for note in examine(path).notes] == [note.kind for note in survey(path).notes] == ["unchecked"]


def damaged(container: str, subtype: str, place: int, form: str, value: int) -> bytes:
    return patched(by_libsndfile(container, subtype), place, form, value)


@pytest.mark.parametrize(("content", "reason"), [
    (by_ffmpeg("mp4", "aac")[:9000], r"MP4 or QuickTime whose index \(moov\) is missing or damaged"),
    (damaged("WAV", "PCM_16", 22, "<H", 0), "Channel count is zero"),
    (damaged("WAV", "PCM_16", 24, "<I", 0), "its header declares an impossible rate or number of channels"),
    (damaged("WAV", "PCM_16", 34, "<H", 64), "samples of the kind s64; convert it"),
    (damaged("W64", "PCM_16", 56, "<Q", 2**64 - 1), ".+"),
    (bytes(range(128, 256)) * 8, "Format not recognised"),
])  # fmt: skip
def test_a_damaged_header_is_refused_in_plain_words(tmp_path, content, reason):
    path = tmp_path / "a"
    path.write_bytes(content)
    for function in (examine, survey):
        with pytest.raises(AudioError, match=f"^unreadable: {reason}"):
            function(path)


@pytest.mark.parametrize("frames", [0, 5])
def test_an_mp3_that_declares_too_few_frames_is_read_whole(tmp_path, frames):
    content = by_libsndfile("MP3", "MPEG_LAYER_III")
    place = max(content.find(b"Xing"), content.find(b"Info")) + 8
    (tmp_path / "a.mp3").write_bytes(patched(content, place, ">I", frames))
    (tmp_path / "right.mp3").write_bytes(content)
    np.testing.assert_array_equal(load(tmp_path / "a.mp3"), load(tmp_path / "right.mp3"))
    assert examine(tmp_path / "a.mp3").note == f"its container declares {576 * frames} samples and holds 48000"


def test_damage_in_the_middle_is_refused_and_not_skipped(tmp_path):
    content = bytearray(by_ffmpeg("tta", "tta", samples=LONG))
    content[len(content) // 2 : len(content) // 2 + 3000] = bytes(3000)
    (tmp_path / "a.tta").write_bytes(content)
    with pytest.raises(AudioError, match="unreadable"):
        examine(tmp_path / "a.tta")


@pytest.mark.parametrize(("container", "codec", "coding", "milliseconds"), [
    ("avi", "libmp3lame", "MP3", 69), ("avi", "mp2", "MP2", 30), ("mp2", "mp2", "MP2", 30), ("adts", "aac", "AAC", 132),
])  # fmt: skip
def test_the_delay_of_a_coder_that_does_not_state_it_is_said(tmp_path: Path, container, codec, coding, milliseconds):
    (tmp_path / "a").write_bytes(by_ffmpeg(container, codec, samples=LONG))
    (note,) = examine(tmp_path / "a").notes
    assert (note.kind, note.text) == (
        "delay",
        f"{coding} that does not state its coder's delay, so that the sound begins about {milliseconds} ms late",
    )
