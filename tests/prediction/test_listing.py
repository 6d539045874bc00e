"""Which recordings a command line names."""

from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.prediction.listing import list_recordings


@pytest.fixture
def speech(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "deep/er/b.FLAC", "deep/notes.txt", "deep/._b.wav", "c.mp3"):
        path = Path("speech") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Path("speech")


def names(*arguments):
    return [str(path) for path in list_recordings(arguments).paths]


def test_a_folder_is_all_its_recordings_and_what_is_left_out_is_said(speech):
    found = list_recordings(["speech"])
    assert [str(path) for path in found.paths] == ["speech/a.wav", "speech/c.mp3", "speech/deep/er/b.FLAC"]
    assert found.notes == ("speech: 2 files without the ending of a recording, left out: deep/._b.wav, deep/notes.txt",)


def test_files_patterns_and_folders_are_taken_in_order_and_each_once(speech):
    found = list_recordings(["speech/c.mp3", "./speech/*.wav", "speech", "gone.wav"])
    assert [str(path) for path in found.paths] == [
        "speech/c.mp3", "speech/a.wav", "speech/deep/er/b.FLAC", "gone.wav",
    ]  # fmt: skip
    assert found.notes[-1] == "2 recordings named more than once, taken once"


def test_a_pattern_reaches_any_depth_and_may_be_absolute(speech):
    assert names("speech/**/*.FLAC") == ["speech/deep/er/b.FLAC"]
    assert names(f"{speech.absolute()}/*.wav") == [f"{speech.absolute()}/a.wav"]


def test_a_name_with_brackets_that_exists_is_that_file(speech):
    (speech / "[1].wav").touch()
    assert names("speech/[1].wav") == ["speech/[1].wav"]


@pytest.mark.parametrize(("ending", "comma"), [("csv", ","), ("tsv", "\t")])
def test_a_table_names_paths_relative_to_its_folder(speech, ending, comma):
    table = speech / f"list.{ending}"
    table.write_text(f"\ufeffid{comma}path\n1{comma}a.wav\n2{comma} deep/er/b.FLAC \n", encoding="utf-8")
    assert names(str(table)) == ["speech/a.wav", "speech/deep/er/b.FLAC"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file\na.wav\n", "has no column path; found file; expected the path of a recording in each row"),
        ("Path\na.wav\n", "has no column path; did you mean 'Path'"),
        ("", "has no column path; found no columns"),
        ('path\na.wav\n" "\n', r"line 3: path is empty \(1 such row\)"),
        (b"path\n\xff.wav\n", "cannot be read as a table in UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, content, message):
    table = tmp_path / "list.csv"
    table.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=message):
        list_recordings([str(table)])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("speech/*.ogg", r"no file matches speech/\*.ogg"),
        ("deep", "deep has no recording among 1 file; expected files that end with .aac,"),
    ],
)
def test_what_names_nothing_is_refused(speech, argument, message):
    Path("deep").mkdir()
    Path("deep/x.txt").touch()
    with pytest.raises(InputError, match=message):
        list_recordings([argument])
