from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.corpora.base import Scan, list_folder
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from tests.helpers.corpus_trees import plant

HEADER = "path,emotion,actor,gender\n"


def scan(root: Path, text: str, files: tuple[str, ...] = ("a.wav", "sub/b c.wav"), **params: object) -> Scan:
    plant(root, files)
    (root / "table.csv").write_text(text, encoding="utf-8", newline="")
    corpus = CorpusParams(path=str(root), reader="custom", table="table.csv", **params)
    return READERS["custom"].scan(list_folder(root), corpus)


def test_rows_become_recordings_and_other_files_are_accounted_for(tmp_path):
    text = HEADER + "a.wav,Wut,spk1,f\nsub\\b c.wav,joy,spk2,Male\n\n"
    files = ("a.wav", "sub/b c.wav", "sub/extra.flac", "notes.txt", "._a.wav")
    scanned = scan(tmp_path, text, files, emotions={"Wut": "anger"})
    assert [(one.path, one.name, one.emotion, one.actor, one.gender, one.group) for one in scanned.recordings] == [
        ("a.wav", "a", "anger", "spk1", "F", "spk1"),
        ("sub/b c.wav", "sub-b_c", "joy", "spk2", "M", "spk2"),
    ]
    assert {entry.path: entry.reason for entry in scanned.rejected} == {
        "._a.wav": "system file",
        "notes.txt": "not a recording",
        "sub/extra.flac": "unlabelled",
        "table.csv": "not a recording: the table",
    }
    assert scanned.layout == "2 rows of table.csv"


def test_a_spreadsheets_byte_order_mark_quotes_and_a_group_column(tmp_path):
    text = '\ufeffpath, emotion,actor,gender,group\r\n"a.wav",anger,"Eva, B.",F,pair1\r\n"sub/b c.wav",joy,x,M,\r\n'
    scanned = scan(tmp_path, text)
    assert [(one.actor, one.group) for one in scanned.recordings] == [("Eva, B.", "pair1"), ("x", "x")]


def test_names_stay_apart_and_plain(tmp_path):
    files = ("a/b.wav", "a-b.wav", "ü.wav", "ö.wav", "c.wav")
    text = HEADER + "".join(f"{name},anger,x,F\n" for name in files)
    names = [one.name for one in scan(tmp_path, text, files).recordings]
    assert len(set(names)) == 5
    assert "c" in names
    assert all(name.isascii() and " " not in name and "/" not in name for name in names)


def test_actors_that_may_be_one_are_reported(tmp_path):
    text = HEADER + "a.wav,anger,Eva,F\nsub/b c.wav,joy,eva,F\n"
    assert scan(tmp_path, text).notes == (
        "warning: the actors 'Eva' and 'eva' are treated as 2 people; if they are one person, write the name in one way",
    )
    assert scan(tmp_path, text.replace("eva", "Ada")).notes == ()


def test_links_are_followed_since_some_keep_all_their_audio_as_links(tmp_path):
    """As a DVC cache of links, or git-annex, does."""
    plant(tmp_path / "cache", ["1234", "folder/b c.wav"])
    root = tmp_path / "speech"
    plant(root, ["table.csv"])
    (root / "a.wav").symlink_to(tmp_path / "cache/1234")
    (root / "sub").symlink_to(tmp_path / "cache/folder", target_is_directory=True)
    scanned = scan(root, HEADER + "a.wav,anger,x,F\nsub/b c.wav,joy,x,F\n", ())
    assert [one.path for one in scanned.recordings] == ["a.wav", "sub/b c.wav"]


def test_two_spellings_of_an_accent_are_one_name(tmp_path):
    decomposed = "u\u0308.wav"
    scanned = scan(tmp_path, HEADER + "\u00fc.wav,anger,x,F\n", (decomposed,))
    assert [one.path for one in scanned.recordings] == [decomposed]


@pytest.mark.parametrize("path", ["../x.wav", "/etc/x.wav", "sub/../../x.wav", "C:\\x.wav", "..\\x.wav", ".."])
def test_paths_that_leave_the_folder_are_refused(tmp_path, path):
    with pytest.raises(InputError, match=r"line 3: '.*' leads out of the corpus folder"):
        scan(tmp_path, HEADER + f"a.wav,anger,x,F\n{path},anger,x,F\n")


def test_a_table_outside_the_folder_or_missing(tmp_path):
    for table in ("../table.csv", "none.csv"):
        corpus = CorpusParams(path=str(tmp_path), reader="custom", table=table)
        with pytest.raises(InputError, match="is not in the corpus folder"):
            READERS["custom"].scan(list_folder(tmp_path), corpus)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"has no column path, emotion, actor, gender; found nothing"),
        ("path;emotion;actor;gender\n", r"has no column .*found path;emotion;actor;gender; .*separated by commas"),
        (HEADER, r"lists no recording"),
        ("path,path,emotion,actor,gender\na,b,c,d,F\n", r"has the column path more than once; expected it once"),
        (HEADER + "a.wav,anger,x\n", r"line 2: wrong number of cells; expected 4, one for each column"),
        (HEADER + "a.wav,anger,x,F,more\n", r"line 2: wrong number of cells"),
        (HEADER + "a.wav,,x,F\n", r"line 2: emotion is empty"),
        (HEADER + "a.wav,anger,x,?\n", r"line 2: gender is '\?'; expected F or M"),
        (HEADER + "a.wav,anger,12,F\n", r"line 2: actor is '12'; expected a name with a letter, such as 'spk12'"),
        (HEADER + "a.wav,anger,x,F\na.wav,joy,x,F\n", r"lines 2 and 3 both name a\.wav"),
        (HEADER + "a.wav,anger,x,F\nsub/b c.wav,joy,x,M\n", r"actor 'x' has gender 'F' in line 2 and 'M' in line 3"),
        (HEADER + "a.wav,anger,x,F\nd.wav,joy,x,F\n", r"names 1 file missing from .*: d\.wav \(line 3\)"),
        (HEADER + '"a.wav,anger,x,F\n', r"line 1: unexpected end of data; expected CSV with commas"),
    ],
)
def test_mistakes_in_the_table_are_named_with_their_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        scan(tmp_path, text)


def test_an_emotion_in_params_that_no_row_has(tmp_path):
    with pytest.raises(InputError, match=r"maps 'angr', which no row of .* has; found anger"):
        scan(tmp_path, HEADER + "a.wav,anger,x,F\n", emotions={"angr": "anger"})
