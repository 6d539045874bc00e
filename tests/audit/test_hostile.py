"""Lists from strangers: whatever they hold, people get a message and never a traceback."""

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.audit import files
from pipeline.audit.audit import audit
from pipeline.audit.report import as_json, as_text
from pipeline.core.errors import InputError


def message(path, **options):
    with pytest.raises(InputError) as error:
        audit([path], **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty; expected one row"),
        (b"path,split\na\xff.wav,train\n", "line 2 is not UTF-8 text (byte 12)"),
        (b"path,split\na\x1b[31m.wav,train\n", "row 2: path is 'a\\\\x1b[31m.wav', with a control character"),
        (b"pa\x07th,split,path\na,b,c\n", "the column is 'pa\\\\x07th', with a control character"),
        (b"path,split,path\na,train,b\n", "has the column 'path' more than once"),
        (b"path,split\na.wav\n", "line 2: 1 cells; expected 2, one for each of path, split"),
        (b'path,split\n"a.wav,train\n', "unexpected end of data; expected CSV with commas"),
        (b"path,split\n", "has no row below its header"),
        (b"colour,height\nred,2\n", "and none of them names recordings or speakers; expected one called path"),
        (b"path,speaker\na.wav,ann\n", "everything is in one part"),
        (b"path,split\na.wav,train\nb.wav,\n", "entry 2 (b.wav) is in no part"),
        (b"spk1-a spk1\nspk1-a spk2\n", "line 2: spk1-a is there a second time"),
        (b'{"key": "a"}\nnothing\n', "line 2 is not JSON"),
        (b'{"key": "a"}\n[1]\n', "line 2 is a list; expected a JSON object"),
        (b'{"key": ["a"]}\n{"key": "b"}\n', "line 1: key is a list; expected a text or a number"),
        (b'{"colour": "red"}\n{"colour": "blue"}\n', "none of these names recordings; expected wav or key"),
        (b'{"key": "a\\u001b[0m"}\n{"key": "b"}\n', "with a control character"),
        (b'{"key": "\\ud800"}\n{"key": "b"}\n', "ud800'\", with a control character"),
        (b'{"key": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n{}\n", "line 1 is nested too deeply"),
        (b'{"key": ' + b"9" * 10_000 + b"}\n{}\n", "line 1 is not JSON"),
    ],
)
def test_what_is_wrong_with_a_list_is_said(tmp_path, content, expected):
    (tmp_path / "list").write_bytes(content)
    assert expected.replace("\\\\", "\\") in message(tmp_path / "list").replace("\\\\", "\\")


def test_what_is_no_file_is_said(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "is not a regular file" in message(tmp_path / "pipe")
    assert "does not exist" in message(tmp_path / "nothing.csv")
    assert "is a folder without utt2spk" in message(tmp_path)
    assert "loop" in message(tmp_path / "loop")
    assert "a\\x00b does not exist" in message(tmp_path / "a\0b")


def test_long_lines_and_large_files_are_refused(tmp_path, monkeypatch):
    (tmp_path / "list").write_text("path,split\n" + "a" * (files.LONGEST + 1) + ",train\n")
    assert "line 2 has 1048583 characters; expected at most 1048576" in message(tmp_path / "list")
    monkeypatch.setattr(files, "LARGEST", 10)
    assert "this is probably no list" in message(tmp_path / "list")


def test_numbers_too_long_for_a_computer_are_names(tmp_path):
    long = "9" * 6000
    (tmp_path / "list").write_text(f"path,speaker,fold\na.wav,s{long},1\nb.wav,s{long},{long}\n")
    found = audit([tmp_path / "list"])
    assert [part.part for part in found.makeups] == ["fold 1", f"fold {long}"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    start=st.sampled_from(
        [b"", b"path,split,speaker\n", b'{"key": "a", ', b"utt spk\n", b"corpus,actor,gender,group,fold\n"]
    ),
    rest=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace"))),
)
def test_any_bytes_give_an_audit_or_a_message(tmp_path, start, rest):
    path = tmp_path / "list"
    path.write_bytes(start + rest)
    try:
        found = audit([path])
    except InputError:
        return
    assert json.loads(as_json(found))["verdict"] == found.verdict
    assert "\n".join(as_text(found)).encode()


def test_a_corpus_that_leads_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "secret.csv").write_text("utterance\n")
    (tmp_path / "data/utterances").mkdir()
    path = tmp_path / "data/folds.csv"
    path.write_text("corpus,actor,gender,group,fold\n../../secret,ann,F,ann,1\n../../secret,bob,M,bob,2\n")
    assert [entry.name for entry in audit([path]).listings[0].entries] == ["", ""]


def test_a_column_that_the_user_names(tmp_path):
    (tmp_path / "list").write_text("thing,who,when\na,ann,train\nb,ann,test\n")
    named = {"name": "thing", "speaker": "who", "part": "when"}
    assert audit([tmp_path / "list"], named=named).verdict == "leaks"
    assert "--column part=wen: no list has such a column; did you mean 'when'?" in message(
        tmp_path / "list", named={**named, "part": "wen"}
    )
