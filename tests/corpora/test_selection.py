"""`emotions`, `only` and `exclude` of params.yaml, for every reader; IEMOCAP as most papers use it."""

from collections import Counter
from pathlib import Path

import pytest
import yaml

from pipeline.core.errors import InputError
from pipeline.corpora.base import Folder, Recording, Scan
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from pipeline.corpora.selection import provided, select, spelling_notes, with_mapped_emotions
from tests.helpers import corpus_trees as trees

CLASSES = ("joy", "anger", "sadness", "fear")


def params(root: Path = Path("corpus"), **options: object) -> CorpusParams:
    return CorpusParams(path=str(root), **options)


def scanned(reader: str, files: list[str], root: Path = Path("corpus")) -> Scan:
    return READERS[reader].scan(Folder(root, tuple(sorted(files))), params(root))


def selected(
    reader: str, recordings: tuple[Recording, ...], classes: tuple[str, ...] = CLASSES, **options: object
) -> tuple[Counter[str], Counter[str]]:
    """Numbers of selected recordings by emotion, and of the others by reason."""
    wanted, unwanted = select(recordings, READERS[reader], params(**options), classes)
    return Counter(one.emotion for one in wanted), Counter(entry.reason for entry in unwanted)


@pytest.fixture(scope="module")
def iemocap(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recording, ...]:
    root = tmp_path_factory.mktemp("iemocap")
    files, texts = trees.iemocap()
    trees.plant_texts(root, texts)
    return scanned("iemocap", [*files, *texts], root).recordings


def test_excitement_joined_to_joy_gives_the_four_classes_of_5531_utterances(iemocap):
    four = ("joy", "anger", "sadness", "neutral")
    kept, left = selected("iemocap", iemocap, four, emotions={"exc": "joy"})
    assert kept == {"anger": 1103, "joy": 1636, "sadness": 1084, "neutral": 1708}
    assert kept.total() == 5531
    assert kept.total() + left.total() == 10039
    assert "other emotion: excitement" not in left
    renamed, _ = selected("iemocap", iemocap, ("happy", "anger"), emotions={"hap": "happy", "exc": "happy"})
    assert renamed == {"happy": 1636, "anger": 1103}


def test_iemocaps_fear_is_there_unless_params_leave_it_out(iemocap):
    assert selected("iemocap", iemocap)[0] == {"joy": 595, "anger": 1103, "sadness": 1084, "fear": 40}
    for name in ("fea", "fear"):
        kept, left = selected("iemocap", iemocap, exclude={"emotion": (name,)})
        assert kept == {"joy": 595, "anger": 1103, "sadness": 1084}
        assert left["other emotion: fear, left out by exclude in params.yaml"] == 40
    reader, exclude = READERS["iemocap"], {"emotion": ("fea",)}
    assert "fear" not in provided(reader, params(exclude=exclude), [])
    assert provided(reader, params(only={"emotion": ("exc", "hap")}, emotions={"exc": "joy"}), []) == {"joy"}


def test_iemocaps_ratings_style_and_script_are_columns(iemocap):
    styles = Counter((one.columns["style"], one.columns["text"]) for one in iemocap)
    assert set(styles) == {
        ("improvised", ""), ("scripted", "script01_1"), ("scripted", "script02_2"),
    }  # fmt: skip
    assert {one.columns["valence"] for one in iemocap} == {"2.5000"}
    kept, left = selected("iemocap", iemocap, only={"style": ("improvised",)})
    assert 0 < kept.total() < 595 + 1103 + 1084 + 40
    assert left["excluded: style scripted"] == sum(count for (style, _), count in styles.items() if style == "scripted")


def test_the_ratings_of_a_line_are_those_of_its_utterance(tmp_path):
    folder = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    lines = (
        "[6.29 - 8.23]\tSes01F_impro01_F000\tneu\t[2.5000, 3.0000, -1.5]\n"
        "[8.29 - 9.23]\tSes01F_impro01_F001\tneu\n"
        "[9.29 - 9.93]\tSes01F_impro01_F002\tneu\t[nan, 1, 2]\n"
    )
    trees.plant_texts(tmp_path, {folder: lines})
    found = scanned("iemocap", [folder, *(f"Ses01F_impro01_F00{n}.wav" for n in range(3))], tmp_path).recordings
    ratings = [tuple(one.columns[name] for name in ("valence", "activation", "dominance")) for one in found]
    assert ratings == [("2.5000", "3.0000", "-1.5"), ("", "", ""), ("", "", "")]


def test_several_emotions_become_one_in_any_reader():
    recordings = scanned("ravdess", trees.ravdess()).recordings
    kept, _ = selected(
        "ravdess", recordings, ("calm", "anger"), emotions={"neutral": "calm"}, only={"channel": ("speech",)}
    )
    assert kept == {"calm": 96 + 192, "anger": 192}


@pytest.mark.parametrize(
    ("reader", "files", "column", "values"),
    [
        ("ravdess", trees.ravdess, "text", {"kids": 1226, "dogs": 1226}),
        ("ravdess", trees.ravdess, "channel", {"speech": 1440, "song": 1012}),
        ("ravdess", trees.ravdess, "intensity", {"normal": 1320, "strong": 1132}),
        ("emovo", trees.emovo, "text", dict.fromkeys(("b1", "n5", "d2"), 42)),
        ("savee", trees.savee, "text", dict.fromkeys(("a01", "su15", "n30"), 4)),
        ("enterface", trees.enterface, "text", {"anger-1": 43, "joy-1": 42, "": 6}),
    ],
)
def test_what_the_names_say_is_in_columns(reader, files, column, values):
    recordings = scanned(reader, files()).recordings
    counts = Counter(one.columns[column] for one in recordings)
    assert {value: counts[value] for value in values} == values
    assert counts.total() == len(recordings)
    allowed = READERS[reader].columns[column]
    assert not allowed or set(counts) - {""} <= set(allowed)


@pytest.mark.parametrize("option", ["only", "exclude"])
@pytest.mark.parametrize(
    ("column", "value", "kept"),
    [("channel", "song", 92), ("gender", "F", 192), ("intensity", "strong", 188), ("text", "dogs", 188),
     ("actor", "Actor_02", 16), ("emotion", "anger", 376)],
)  # fmt: skip
def test_only_and_exclude_are_each_others_complement(option, column, value, kept):
    counts, _ = selected(
        "ravdess", scanned("ravdess", trees.ravdess()).recordings, ("anger",), **{option: {column: (value,)}}
    )
    # Song: 23 actors x 2 statements x 2 repetitions x 2 intensities = 184 of 376.
    expected = {"song": 184, "F": 192 - 8}.get(value, kept)
    assert counts["anger"] == (expected if option == "only" else 376 - expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only": {"chanel": ("song",)}}, r"only in params\.yaml: the reader 'ravdess' knows no column 'chanel'; did you mean 'channel'\? expected some of emotion, actor, gender, group, text, channel"),
        ({"exclude": {"channel": ("sing",)}}, r"exclude in params\.yaml: no recording of RAVDESS has the channel 'sing'; did you mean 'song'\? expected some of speech, song"),
        ({"only": {"actor": ("Actor_25",)}}, r"has the actor 'Actor_25'; did you mean 'Actor_2\d'\? "),
        ({"emotions": {"hapy": "joy"}}, r"maps 'hapy', which RAVDESS does not have; expected some of neutral, calm, joy"),
        ({"exclude_actors": ("Actor_99",)}, r"exclude_actors names 'Actor_99'"),
    ],
)  # fmt: skip
def test_what_a_corpus_does_not_have_is_refused(options, message):
    recordings = scanned("ravdess", trees.ravdess()[:600]).recordings
    with pytest.raises(InputError, match=message):
        selected("ravdess", recordings, **options)


def test_a_project_name_that_the_owner_calls_otherwise(iemocap):
    with pytest.raises(InputError, match=r"maps 'excitement', .*'excitement' is called 'exc' there"):
        selected("iemocap", iemocap, emotions={"excitement": "joy"})


def test_a_value_that_only_another_part_of_the_corpus_has_is_no_mistake():
    speech = [name for name in trees.ravdess() if "Speech" in name]
    kept, _ = selected("ravdess", scanned("ravdess", speech).recordings, exclude={"channel": ("song",)})
    assert kept.total() == 4 * 192


def own(*emotions: str) -> list[Recording]:
    return [Recording(f"{n}.wav", str(n), name, "ann", "F", "ann") for n, name in enumerate(emotions)]


def test_spellings_of_one_emotion_are_named_together_and_all_left_out_are_counted():
    recordings = own("joy", "joy", "Joy", "JOY ", "boredom", "Anger")
    notes = list(spelling_notes(recordings, READERS["custom"], ("joy", "anger")))
    assert notes == [
        "warning: the emotions 'joy' (2), 'JOY ' (1) and 'Joy' (1) are different names; if they are one emotion, write "
        "it in one way, or join them with emotions: {'JOY ': joy, 'Joy': joy}",
        "warning: the emotions 'anger' (0) and 'Anger' (1) are different names; if they are one emotion, write it in "
        "one way, or join them with emotions: {'Anger': anger}",
        "4 recordings of other emotions left out: Anger 1 (did you mean anger?), JOY  1 (did you mean joy?), Joy 1 (did "
        "you mean joy?), boredom 1; map them with emotions in params.yaml to use them",
    ]
    mapped = with_mapped_emotions(recordings, READERS["custom"], params(emotions={"Joy": "joy", "JOY ": "joy"}))
    assert [
        note.split(" left out")[0] for note in spelling_notes(mapped, READERS["custom"], ("joy", "Anger", "boredom"))
    ] == []
    assert list(spelling_notes(recordings, READERS["emodb"], ("joy",))) == []


@pytest.mark.parametrize(
    ("names", "alike"),
    [(("colère", "colere"), True), (("joy", "joy_"), True), (("😀", "😡"), False), (("joy", "fear"), False)],
)
def test_spellings_differ_in_accents_and_marks_but_symbols_are_names(names, alike):
    notes = list(spelling_notes(own(*names), READERS["custom"], ("anger",)))
    assert any("different names" in note for note in notes) == alike


def test_a_misspelt_emotion_is_said_with_the_class_that_is_probably_meant():
    (note,) = spelling_notes(own("anger", "anegr", "saddness", "calm"), READERS["custom"], ("anger", "sadness"))
    assert "anegr 1 (did you mean anger?), calm 1, saddness 1 (did you mean sadness?); map them" in note


def test_an_emotion_in_params_that_no_row_has():
    with pytest.raises(
        InputError, match=r"maps 'angr', which no row of the table has; did you mean 'anger'\? found anger"
    ):
        with_mapped_emotions(own("anger"), READERS["custom"], params(emotions={"angr": "anger"}))


def test_columns_of_a_table_of_ones_own_can_select():
    recordings = [Recording("a.wav", "a", "joy", "x", "X", "x", {"style": "read"})]
    assert selected("custom", tuple(recordings), ("joy",), only={"style": ("read",), "gender": ("X",)})[0] == {"joy": 1}
    with pytest.raises(InputError, match=r"knows no column 'stile'; did you mean 'style'\?"):
        selected("custom", tuple(recordings), ("joy",), only={"stile": ("read",)})


@pytest.mark.parametrize(("name", "point"), [("j\u043ey", "U+043E"), ("jo\u200by", "U+200B"), ("\uff4aoy", "U+FF4A")])
def test_an_emotion_that_only_looks_right_is_named_and_its_mapping_can_be_copied(name, point):
    warning, left = spelling_notes(own("joy", "joy", name), READERS["custom"], ("joy",))
    assert f"(with {point}, " in warning
    assert "(did you mean joy?)" in left
    assert yaml.safe_load(warning.partition("emotions: ")[2]) == {name: "joy"}
