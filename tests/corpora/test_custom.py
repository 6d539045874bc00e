import hashlib
import re
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
    scanned = scan(tmp_path, text, files)
    assert [(one.path, one.name, one.emotion, one.actor, one.gender, one.group) for one in scanned.recordings] == [
        ("a.wav", "a", "Wut", "spk1", "F", "spk1"),
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
        (HEADER + "a.wav,anger,x,?\n", r"line 2: gender is '\?'; expected F, M or X"),
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


@pytest.mark.parametrize(
    ("column", "meant"),
    [
        ("Group", "group"), ("groups", "group"), ("grop", "group"), ("GROUP ", "group"), ("group-id", "group"),
        ("Start", "start"), ("onset", "start"), ("start_s", "start"), ("start time", "start"), ("Ende", "end"),
        ("stop", "end"), ("end (s)", "end"), ("end_ms", "end"), ("tmax", "end"), ("start_sample", "start"), ("t0", "start"),
        ("Gruppe", "group"), ("speaker_group", "group"), ("groupName", "group"),
        ("segment_start", "start"), ("utt_end", "end"), ("file start", "start"), ("split_group", "group"),
    ],
)  # fmt: skip
def test_a_column_that_is_probably_a_misspelt_one_is_refused_with_the_name_meant(tmp_path, column, meant):
    text = f"path,emotion,actor,gender,{column}\na.wav,anger,x,F,1\n"
    with pytest.raises(InputError, match=rf"has the column '{re.escape(column.strip())}' \(did you mean '{meant}'\?\)"):
        scan(tmp_path, text)


@pytest.mark.parametrize("column", ["duration", "dur_s", "length", "end_ms"])
def test_a_start_with_another_end_is_refused_and_a_duration_alone_is_kept(tmp_path, column):
    with pytest.raises(
        InputError, match=rf"{column}' \(did you mean 'end'\?\).* start and end are seconds from the start"
    ):
        scan(tmp_path, f"path,emotion,actor,gender,start,{column}\na.wav,anger,x,F,1,2\n")
    assert scan(tmp_path, HEADER.replace("\n", ",duration\n") + "a.wav,anger,x,F,2\n").recordings[0].columns == {
        "duration": "2"
    }


def test_other_words_for_the_needed_columns_are_understood(tmp_path):
    with pytest.raises(InputError) as refused:
        scan(tmp_path, "audio path,emotion_label,speaker_id,Sex\na.wav,anger,x,F\n")
    for said in ("'audio path' as path", "'emotion_label' as emotion", "'speaker_id' as actor", "'Sex' as gender"):
        assert f"did you mean {said}?" in str(refused.value)


@pytest.mark.parametrize("column", ["Actor", "actors", "voice"])
def test_a_needed_column_that_is_misspelt(tmp_path, column):
    with pytest.raises(InputError, match="has no column actor; ") as refused:
        scan(tmp_path, f"path,emotion,{column},gender\na.wav,anger,x,F\n")
    assert (f"did you mean {column!r} as actor?" in str(refused.value)) == (column != "voice")


def test_blanks_around_a_columns_name_do_not_matter(tmp_path):
    scanned = scan(tmp_path, "path , emotion,Actor ,gender\na.wav,anger,x,F\n".replace("Actor", "actor"))
    assert [one.actor for one in scanned.recordings] == ["x"]


def test_other_columns_are_kept(tmp_path):
    scanned = scan(tmp_path, "path,emotion,actor,gender,text,style,\na.wav,joy,x,non-binary,one two,read,\n")
    assert [(one.gender, one.columns) for one in scanned.recordings] == [("X", {"text": "one two", "style": "read"})]
    assert scanned.notes == ("kept columns: text, style",)


def test_start_and_end_make_a_row_a_part_of_its_file(tmp_path):
    text = "path,emotion,actor,gender,start,end\na.wav,joy,x,F,0,1.5\na.wav,anger,x,F,0 days 00:00:01.5,\nsub/b c.wav,joy,x,F,,\n"
    parts = [(one.name, one.start, one.end, one.is_part) for one in scan(tmp_path, text).recordings]
    assert parts == [
        ("a-0.000-1.500", 0.0, 1.5, True), ("a-1.500-end", 1.5, None, True), ("sub-b_c", 0.0, None, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ("1,1", r"line 2: start is 1 s and end 1 s; expected an end behind the start"),
        ("soon,2", r"line 2: start is 'soon'; expected a time in seconds, such as 1\.25"),
        ("-1,2", r"line 2: start is '-1'; expected a time"),
        ("0,inf", r"line 2: end is 'inf'; expected a time"),
        ("nan,2", r"line 2: start is 'nan'; expected a time"),
        ('"1,25",', r"line 2: start is '1,25'; expected a time"),  # pandas: 125 nanoseconds
        ('0,"2,50 s"', r"line 2: end is '2,50 s'; expected a time"),  # pandas: 250 s
        ("1 25,", r"line 2: start is '1 25'; expected a time"),
    ],
)
def test_times_that_are_none(tmp_path, times, message):
    with pytest.raises(InputError, match=message):
        scan(tmp_path, f"path,emotion,actor,gender,start,end\na.wav,joy,x,F,{times}\n")


def test_one_part_twice_and_an_end_without_a_start(tmp_path):
    head = "path,emotion,actor,gender,start,end\n"
    with pytest.raises(InputError, match=r"lines 2 and 3 both name a\.wav from 1 s; expected it once"):
        scan(tmp_path, head + "a.wav,joy,x,F,1,2\na.wav,anger,x,F,1.0,2.0\n")
    with pytest.raises(InputError, match="has the column end and no column start"):
        scan(tmp_path, "path,emotion,actor,gender,end\na.wav,joy,x,F,1\n")


def test_an_accent_of_two_spellings_is_one_label_and_a_control_character_is_refused(tmp_path):
    scanned = scan(tmp_path, HEADER + "a.wav,col\u00e8re,x,F\nsub/b c.wav,cole\u0300re,x,F\n")
    assert {one.emotion for one in scanned.recordings} == {"col\u00e8re"}
    with pytest.raises(InputError, match=r"line 2: emotion is 'jo\\x1b\[31my', with a control character; remove it"):
        scan(tmp_path, HEADER + "a.wav,jo\x1b[31my,x,F\n")


def test_all_rows_that_contradict_each_other_are_named_at_once(tmp_path):
    rows = "a.wav,joy,x,F\na.wav,anger,x,F\nsub/b c.wav,joy,y,M\nsub/b c.wav,anger,y,M\n"
    with pytest.raises(InputError, match=r"lines 2 and 3 both name a\.wav, lines 4 and 5 both name sub/b c\.wav; "):
        scan(tmp_path, HEADER + rows)
    with pytest.raises(
        InputError, match=r"actor 'x' has gender 'F' .* in line 4, actor 'y' has gender 'M' .* in line 5;"
    ):
        scan(tmp_path, HEADER + "a.wav,joy,x,F\na.wav,joy,y,M\na.wav,joy,x,M\na.wav,joy,y,F\n")


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("sub", r"cannot be used: sub \(line 2: it is a folder"), (".", r"\(line 2: it is a folder"),
        ("ROOT", r"\(line 2: it is a folder"), ("Sub/B C.wav", r"\(line 2: did you mean sub/b c\.wav\?\)"),
    ],
)  # fmt: skip
def test_a_path_that_is_no_file_of_the_folder_has_the_true_reason(tmp_path, path, reason):
    with pytest.raises(InputError, match=reason):
        scan(tmp_path, HEADER + f"{path.replace('ROOT', str(tmp_path))},joy,x,F\n")


def test_blanks_around_the_names_of_files_are_found(tmp_path):
    files = (" lead.wav", "trail.wav ", "sub /in.wav", "two  blanks.wav")
    text = HEADER + ' lead.wav,joy,x,F\n"trail.wav ",joy,x,F\nsub/in.wav,joy,x,F\ntwo  blanks.wav,joy,x,F\n'
    assert [one.path for one in scan(tmp_path, text, files).recordings] == sorted(files)


def test_a_file_that_cannot_be_used_is_named_with_the_true_reason(tmp_path):
    files = (".hidden.wav", "back\\slash.wav")
    text = HEADER + ".hidden.wav,joy,x,F\nback\\slash.wav,joy,x,F\n"
    with pytest.raises(InputError, match="names 2 files that cannot be used: ") as refused:
        scan(tmp_path, text, files)
    assert ".hidden.wav (line 2: its name, or that of a folder above it, begins with a dot" in str(refused.value)
    assert "back/slash.wav (line 3: its name has a backslash, which tables use between folders" in str(refused.value)


@pytest.mark.parametrize("start", ["{0}/", "../{0.name}/", "sub/../", "{0.parent}/other/../{0.name}/"])
def test_a_path_that_leads_back_into_the_folder_is_that_of_the_file(tmp_path, start):
    scanned = scan(tmp_path, HEADER + f"{start.format(tmp_path)}sub/b c.wav,joy,x,F\n")
    assert [one.path for one in scanned.recordings] == ["sub/b c.wav"]


def test_a_made_name_never_takes_that_of_another_file(tmp_path):
    digest = hashlib.sha256(b"a_b.wav").hexdigest()[:8]
    files = ("a b.wav", "a_b.wav", f"a_b-{digest}.wav")
    text = HEADER + "".join(f"{name},anger,x,F\n" for name in files)
    assert len({one.name for one in scan(tmp_path, text, files).recordings}) == 3


@pytest.mark.parametrize(("name", "shown"), [
    ("\u0430nn", "'\u0430nn' (with U+0430, cyrillic small letter a)"), ("an\u00adn", "'an\\xadn' (with U+00AD, soft hyphen)"),
    ("a\u200bnn", "'a\\u200bnn' (with U+200B, zero width space)"),
])  # fmt: skip
@pytest.mark.parametrize("what", ["actors", "groups"])
def test_names_that_look_the_same_are_named_with_their_code_points(tmp_path, name, shown, what):
    """One person under two names would be in two folds."""
    if what == "actors":
        text = HEADER + f"a.wav,joy,ann,f\nsub/b c.wav,joy,{name},f\n"
        numbered = "2 people; if they are one person"
    else:
        text = f"path,emotion,actor,gender,group\na.wav,joy,eva,f,ann\nsub/b c.wav,joy,bob,m,{name}\n"
        numbered = "2 groups; if they are one group"
    assert [note for note in scan(tmp_path, text).notes if "warning" in note] == [
        f"warning: the {what} 'ann' and {shown} are treated as {numbered}, write the name in one way"
    ]


def test_a_no_break_space_and_the_two_spellings_of_an_accent_make_no_second_actor(tmp_path):
    text = HEADER + "a.wav,joy,andr\u00e9 b,m\nsub/b c.wav,joy,andre\u0301\u00a0b,m\n"
    scanned = scan(tmp_path, text)
    assert {one.actor for one in scanned.recordings} == {"andr\u00e9 b"}
    assert not scanned.notes


def test_a_gender_and_a_column_that_only_look_right_are_shown_with_their_code_points(tmp_path):
    with pytest.raises(
        InputError, match=r"gender is '\u041c' \(with U\+041C, cyrillic capital letter em\); expected F"
    ):
        scan(tmp_path, HEADER + "a.wav,joy,ann,\u041c\n")
    with pytest.raises(
        InputError, match=r"'gr\u043eup' \(with U\+043E, cyrillic small letter o\) \(did you mean 'group'"
    ):
        scan(tmp_path, "path,emotion,actor,gender,gr\u043eup\na.wav,joy,ann,f,x\n")
