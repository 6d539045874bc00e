import os
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.corpora.base import EMOTIONS, Folder, Scan, is_system_file, list_folder
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from pipeline.corpora.scanning import differences
from tests.helpers import corpus_trees as trees

CLASSES = ("joy", "anger", "sadness", "fear")
NAMED = {"enterface": trees.enterface, "ravdess": trees.ravdess, "emodb": trees.emodb, "emovo": trees.emovo,
         "savee": trees.savee}  # fmt: skip


def scan(reader: str, files: list[str], root: Path = Path("corpus"), **params: object) -> Scan:
    return READERS[reader].scan(Folder(root, tuple(sorted(files))), CorpusParams(path=str(root), **params))


def labels(scanned: Scan) -> dict[str, tuple[str, str, str]]:
    return {one.path: (one.emotion, one.actor, one.gender) for one in scanned.recordings}


def one(reader: str, file: str) -> tuple[str, str, str] | str:
    """What a reader makes of one file."""
    scanned = scan(reader, [file])
    return labels(scanned)[file] if scanned.recordings else scanned.rejected[0].reason


@pytest.mark.parametrize("reader", NAMED)
def test_the_owners_files_give_the_owners_counts(reader):
    files = NAMED[reader]()
    scanned = scan(reader, files + list(trees.LITTER))
    owner = READERS[reader]
    assert Counter(one.emotion for one in scanned.recordings) == owner.emotions
    if owner.per_actor:
        assert Counter(one.actor for one in scanned.recordings) == owner.per_actor
    assert {one.actor: one.gender for one in scanned.recordings} == owner.actors
    assert len({one.name for one in scanned.recordings}) == len(files)
    assert len(scanned.recordings) + len(scanned.rejected) == len(files) + len(trees.LITTER)
    assert all(one.group == one.actor for one in scanned.recordings)


@pytest.mark.parametrize(
    ("reader", "files", "women", "men"),
    [("enterface", 1293, 9, 35), ("ravdess", 2452, 12, 12), ("emodb", 535, 5, 5), ("emovo", 588, 3, 3),
     ("savee", 480, 0, 4), ("iemocap", 10039, 5, 5)],
)  # fmt: skip
def test_the_owners_totals(reader, files, women, men):
    owner = READERS[reader]
    assert sum(owner.emotions.values()) == files
    assert sum(owner.per_actor.values()) in (0, files)
    assert Counter(owner.actors.values()) == Counter(F=women, M=men)
    assert set(owner.emotions) <= set(EMOTIONS)


def test_table_3_of_the_paper(tmp_path):
    """Utterances of the four classes; IEMOCAP and Emo-DB before segmentation."""
    counted = {}
    for reader, files in NAMED.items():
        excluded = ("subject6", "subject12") if reader == "enterface" else ()
        kept = [one for one in scan(reader, files()).recordings if one.actor not in excluded]
        counts = Counter(one.emotion for one in kept)
        counted[reader] = (len({one.actor for one in kept}), *(counts[name] for name in CLASSES))
    files, texts = trees.iemocap()
    trees.plant_texts(tmp_path, texts)
    kept = scan("iemocap", [*files, *texts], tmp_path).recordings
    counts = Counter(one.emotion for one in kept if one.code != "fea")  # as params.paper.yaml excludes it
    counted["iemocap"] = (len({one.actor for one in kept}), *(counts[name] for name in CLASSES))
    assert counted == {
        "enterface": (42, 207, 210, 210, 210),
        "ravdess": (24, 376, 376, 376, 376),
        "iemocap": (10, 595, 1103, 1084, 0),
        "emodb": (10, 71, 127, 62, 69),
        "emovo": (6, 84, 84, 84, 84),
        "savee": (4, 60, 60, 60, 60),
    }


@pytest.mark.parametrize(
    ("reader", "actor", "other", "rows"),
    [("emodb", "spk16", "spk03", ["spk03    120        49", "spk16      0        71"]),
     # Its owner states no number for each actor: there is at least some recording of all ten.
     ("iemocap", "Ses01M", "Ses01F", ["Ses01M      0      some"])],
)  # fmt: skip
def test_right_counts_of_emotions_do_not_hide_a_missing_actor(tmp_path, reader, actor, other, rows):
    files, texts = trees.iemocap() if reader == "iemocap" else (trees.emodb(), {})
    scanned = scan(reader, [*files, *texts], trees.plant_texts(tmp_path, texts))
    assert differences(READERS[reader], scanned) == []
    swapped = [replace(found, actor=other) if found.actor == actor else found for found in scanned.recordings]
    table = differences(READERS[reader], replace(scanned, recordings=tuple(swapped)))
    assert [line.strip() for line in table][-len(rows) :] == rows


@pytest.mark.parametrize("reader", NAMED)
@pytest.mark.parametrize("wrapping", ["", "a copy (2)/", "x/y z/"])
def test_wrapping_folders_change_nothing(reader, wrapping):
    files = NAMED[reader]()
    wrapped = labels(scan(reader, [wrapping + name for name in files]))
    assert {name.removeprefix(wrapping): label for name, label in wrapped.items()} == labels(scan(reader, files))


@pytest.mark.parametrize("reader", ["ravdess", "emodb", "emovo"])
def test_names_alone_are_enough_where_they_say_everything(reader):
    files = NAMED[reader]()
    flat = {PurePosixPath(name).name: label for name, label in labels(scan(reader, files)).items()}
    assert labels(scan(reader, list(flat))) == flat


def test_enterface_recordings_of_irregular_names_are_distinguished_by_sentence_and_spelling():
    files = [
        "subject 1/anger/sentence 1/video.avi", "subject 1/anger/sentence 2/video.avi",
        "subject 1/anger/sentence 3/ü.avi", "subject 1/anger/sentence 3/я.avi",
        "subject 1/anger/sentence 4/s1_an_4.avi", "subject 1/anger/s1_an_4.avi",
        "subject 1/anger/sentence 5/s1_an_4.avi", "subject 1/anger/sentence 1/s1_an.avi",
        "subject 1/anger/sentence 2/s1_an.avi",
    ]  # fmt: skip
    names = {recording.path: recording.name for recording in scan("enterface", files).recordings}
    assert len(names) == 9
    # The flattened copy of an owner's file is the one that counts twice.
    assert len(set(names.values())) == 8
    assert names[files[4]] == names[files[5]] == "subject1-anger-s1_an_4"
    assert names[files[0]] == "subject1-anger-sentence1-video"
    assert all(name.isascii() for name in names.values())


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("subject 1/anger/sentence 1/s1_an_1.avi", ("anger", "subject1", "M")),
        ("subject 4/happiness/sentence 2/s4_ha_2.avi", ("joy", "subject4", "F")),
        ("subject 6/anger/s6_an.avi", ("anger", "subject6", "M")),
        ("subject 11/fear/sentence 3/s12_fe_3.avi", ("fear", "subject11", "M")),
        ("subject 3/anger/sentence 1/s_3_an_1.avi", ("anger", "subject3", "M")),
        ("subject 16/surprise/sentence 3/s16_su_3avi.avi", ("surprise", "subject16", "M")),
        ("enterface database/subject-33/Sadness/sentence-5/s33_sa_5.avi", ("sadness", "subject33", "F")),
        ("Subject_7/disgust/s7_di_1.AVI", ("disgust", "subject7", "F")),
        ("s1_an_1.avi", "misplaced: not in a folder of a subject"),
        ("subject 1/s1_an_1.avi", "misplaced: not in a folder of an emotion"),
        ("subject 45/anger/sentence 1/s45_an_1.avi", "not a recording: the corpus has no 'subject 45'"),
        ("subject 1/anger/sentence 1/Thumbs.db", "system file"),
        ("subject 1/anger/sentence 1/s1_an_1.txt", "not a recording"),
    ],
)
def test_enterface_by_its_folders(file, expected):
    assert one("enterface", file) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("audio_speech_actors_01-24/Actor_01/03-01-05-02-01-01-01.wav", ("anger", "Actor_01", "M")),
        ("Actor_24/03-02-01-01-01-01-24.wav", ("neutral", "Actor_24", "F")),
        ("03-01-08-01-02-02-12.WAV", ("surprise", "Actor_12", "F")),
        ("Actor_02/03-01-03-01-01-01-01.wav", "misplaced: actor 01 in the folder Actor_02"),
        ("Actor_01/01-01-03-01-01-01-01.mp4", "not a recording: modality 01 is video; expected 03, audio only"),
        ("Actor_25/03-01-03-01-01-01-25.wav", "not a recording: a code that RAVDESS does not have"),
        ("Actor_01/03-01-09-01-01-01-01.wav", "not a recording: a code that RAVDESS does not have"),
        ("Actor_01/._03-01-03-01-01-01-01.wav", "system file"),
        ("Actor_01/03-01-03-01-01-01-01 copy.wav", "not a recording: no RAVDESS name"),
    ],
)
def test_ravdess_by_its_names(file, expected):
    assert one("ravdess", file) == expected


def test_recordings_that_ravdess_does_not_have_are_none():
    assert sum(isinstance(one("ravdess", file), tuple) for file in trees.ravdess()) == 1440 + 1012
    for name, why in (
        ("03-01-01-02-01-01-01", "neutral of intensity 02; expected 01, normal"),
        ("03-02-01-02-01-01-02", "neutral of intensity 02; expected 01, normal"),
        ("03-02-07-01-01-01-01", "disgust that is sung; expected speech"),
        ("03-02-08-01-01-01-01", "surprise that is sung; expected speech"),
        ("03-02-03-01-01-01-18", "song of Actor_18; expected speech"),
    ):
        assert one("ravdess", f"Actor_{name[-2:]}/{name}.wav") == f"not a recording: RAVDESS has no {why}"


def test_ravdess_says_which_archives_are_there():
    files = trees.ravdess()
    assert scan("ravdess", files).layout == "speech and song"
    assert scan("ravdess", [name for name in files if "Song" in name]).layout == "song"
    mixed = [name.replace("Audio_Speech_Actors_01-24/", "").replace("Audio_Song_Actors_01-24/", "") for name in files]
    assert scan("ravdess", mixed).layout == "speech and song"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("wav/03a01Fa.wav", ("joy", "spk03", "M")),
        ("wav_corpus/16b10Tb.wav", ("sadness", "spk16", "F")),
        ("08a02Na.flac", ("neutral", "spk08", "F")),
        ("WAV/08B02WC.WAV", ("anger", "spk08", "F")),
        ("wav/04a01Fa.wav", "not a recording: Emo-DB has no speaker 04"),
        ("wav/03a01Xa.wav", "not a recording: no Emo-DB name"),
        ("erkennung.txt", "not a recording"),
    ],
)
def test_emodb_by_its_names(file, expected):
    assert one("emodb", file) == expected


def test_the_second_edition_of_emodb_is_refused():
    second = [f"wav/{name[:-1]}{version}.wav" for name in (f"03a01{x}a" for x in "WLEAFTN") for version in "abcdefgh"]
    second += [name.replace("a.wav", "d.wav").replace("b.wav", "e.wav") for name in trees.emodb()]
    with pytest.raises(InputError, match=r"looks like EmoDB 2\.0 .* expected the first edition of 535"):
        scan("emodb", trees.emodb() + second)
    with pytest.raises(InputError, match=r"1 recordings and 1 of a laryngograph: this looks like EmoDB 2\.0"):
        scan("emodb", ["wav/03a01Fa.wav", "laryngo/03a01Fa.wav"])


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("EMOVO/f1/dis-f1-b1.wav", ("disgust", "f1", "F")),
        ("M3/RAB-M3-N5.WAV", ("anger", "m3", "M")),
        ("EMOVO/f1/tri-m2-d2.wav", "misplaced: speaker m2 in the folder f1"),
        ("EMOVO/f1/tri-f1-d3.wav", "not a recording: no EMOVO name"),
        ("EMOVO/documents/EMOVO.pdf", "not a recording"),
    ],
)
def test_emovo_by_its_names(file, expected):
    assert one("emovo", file) == expected


@pytest.mark.parametrize(
    ("pattern", "layout"),
    [("AudioData/{actor}/{name}.wav", "a folder for each speaker"),
     ("SAVEE/{actor}/{name}.wav", "a folder for each speaker"),
     ("ALL/{actor}_{name}.wav", "speakers in file names"), ("{actor}{name}.wav", "speakers in file names")],
)  # fmt: skip
def test_the_layouts_of_savee(pattern, layout):
    scanned = scan("savee", trees.savee(pattern))
    assert scanned.layout == layout
    assert Counter(one.emotion for one in scanned.recordings) == READERS["savee"].emotions
    assert sorted(one.name for one in scanned.recordings) == sorted(
        one.name for one in scan("savee", trees.savee()).recordings
    )


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("AudioData/DC/a01.wav", ("anger", "DC", "M")),
        ("AudioData/JE/sa15.wav", ("sadness", "JE", "M")),
        ("AudioData/JK/su15.wav", ("surprise", "JK", "M")),
        ("ALL/KL_n30.wav", ("neutral", "KL", "M")),
        ("KLh05.wav", ("joy", "KL", "M")),
        ("a01.wav", "misplaced: neither its name nor a folder says the speaker"),
        ("AudioData/DC/JE_a01.wav", "misplaced: speaker JE in the folder DC"),
        ("AudioData/DC/a16.wav", "not a recording: SAVEE has no sentence 16 of anger"),
        ("AudioData/Info.txt", "not a recording"),
    ],
)
def test_savee_by_its_names(file, expected):
    assert one("savee", file) == expected


def iemocap_tree(root: Path, lines: str = "", name: str = "Ses01M_impro01") -> Path:
    return trees.plant_texts(root, {f"IEMOCAP_full_release/Session1/dialog/EmoEvaluation/{name}.txt": lines})


def line(utterance: str, label: str) -> str:
    return f"[6.2901 - 8.2357]\t{utterance}\t{label}\t[2.5000, 2.5000, 2.5000]\r\n"


def test_iemocaps_speaker_is_the_letter_after_the_last_underscore(tmp_path):
    files, texts = trees.iemocap()
    trees.plant_texts(tmp_path, texts)
    scanned = scan("iemocap", [*files, *texts], tmp_path)
    assert Counter(one.emotion for one in scanned.recordings) == READERS["iemocap"].emotions
    for recording in scanned.recordings:
        speaker = recording.name.rsplit("_", 1)[1][0]
        assert recording.gender == speaker
        assert recording.actor == recording.group == recording.name[:5] + speaker
    # Who wears the markers is somebody else in half of the files.
    assert sum(one.actor != one.name[:6] for one in scanned.recordings) > 4000
    assert scanned.layout == "5 sessions, 50 label files"
    sessions = scan("iemocap", [*files, *texts], tmp_path, split_group="session").recordings
    assert {one.group for one in sessions} == {"Ses01", "Ses02", "Ses03", "Ses04", "Ses05"}
    assert all(one.actor.startswith(one.group) for one in sessions)


def test_only_label_lines_of_emoevaluation_itself_count(tmp_path):
    utterance = "Ses01M_impro01_F000"
    wav = f"IEMOCAP_full_release/Session1/sentences/wav/Ses01M_impro01/{utterance}.wav"
    evaluation = "IEMOCAP_full_release/Session1/dialog/EmoEvaluation"
    texts = {
        f"{evaluation}/Ses01M_impro01.txt": "% header\n" + line(utterance, "hap") + "C-E1:\tAnger;\t()\n",
        f"{evaluation}/Categorical/Ses01M_impro01.txt": line(utterance, "ang"),
        f"{evaluation}/._Ses01M_impro01.txt": line(utterance, "sad"),
    }
    trees.plant_texts(tmp_path, texts)
    dialogue = "IEMOCAP_full_release/Session1/dialog/wav/Ses01M_impro01.wav"
    twin = wav.replace("wav/Ses01M_impro01/", "wav/Ses01M_impro01/._")
    nameless = wav.replace("F000", "F001")
    moved = wav.replace("Session1", "Session2")
    scanned = scan("iemocap", [wav, dialogue, twin, nameless, moved, *texts], tmp_path)
    assert labels(scanned) == {wav: ("joy", "Ses01F", "F")}
    assert {entry.path: entry.reason for entry in scanned.rejected} == {
        dialogue: "not a recording: a whole dialogue",
        twin: "system file",
        nameless: "unlabelled",
        moved: "misplaced: session 1 in the folder Session2",
        f"{evaluation}/Ses01M_impro01.txt": "not a recording: labels",
        f"{evaluation}/Categorical/Ses01M_impro01.txt": "not a recording",
        f"{evaluation}/._Ses01M_impro01.txt": "system file",
    }
    assert scanned.notes == (f"1 recording without a line in the label files: {nameless}",)


def test_iemocap_without_its_label_files(tmp_path):
    with pytest.raises(InputError, match="none of its label files; expected SessionN/dialog/EmoEvaluation"):
        scan("iemocap", ["Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"], tmp_path)


def test_iemocap_labels_of_missing_recordings_are_reported(tmp_path):
    iemocap_tree(tmp_path, line("Ses01M_impro01_F000", "neu") + line("Ses01M_impro01_M000", "neu"))
    files = [*list_folder(tmp_path).files, "Ses01M_impro01_F000.wav"]
    assert scan("iemocap", files, tmp_path).notes == (
        "1 labelled recording not in the folder: Ses01M_impro01_M000; "
        "copy them into SessionN/sentences/wav to use them",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line("Ses01M_impro01_F000", "joy"), r"line 1: 'joy' is not a label of IEMOCAP; expected one of hap, ang"),
        (line("Ses01M_impro01_F000", "hap") + line("Ses01M_impro01_F000", "exc"), r"is 'hap' in .* 'exc' in .*line 2"),
    ],
)
def test_wrong_labels_of_iemocap(tmp_path, text, message):
    iemocap_tree(tmp_path, text)
    with pytest.raises(InputError, match=message):
        scan("iemocap", [*list_folder(tmp_path).files, "Ses01M_impro01_F000.wav"], tmp_path)


def real_and_false_names() -> st.SearchStrategy[list[str]]:
    names = st.sampled_from([name for files in NAMED.values() for name in files()] + trees.iemocap()[0][:500])
    prefix = st.sampled_from(["", "copy/", "a b/ü/", "DC/", "f1/", "Actor_01/", "subject 2/", "Session3/", ".hidden/"])
    change = st.sampled_from([
        lambda path: path,
        lambda path: PurePosixPath(path).name,
        lambda path: f"{PurePosixPath(path).parent}/._{PurePosixPath(path).name}",
        lambda path: f"{path}.txt",
        lambda path: str(PurePosixPath(path).with_suffix("")),
        lambda path: str(PurePosixPath(path).with_suffix(".flac")),
        lambda path: path.upper(),
        lambda path: path.replace("0", "9"),
    ])  # fmt: skip
    other = st.builds(
        "/".join, st.lists(st.text("aF01-_. ü\udcff\\\n", min_size=1, max_size=9), min_size=1, max_size=4)
    )
    wild = other.filter(lambda path: not {"", ".", ".."} & set(path.split("/")))
    file = st.one_of(st.builds(lambda head, path, to: head + to(path), prefix, names, change), wild)
    return st.lists(file, max_size=40, unique=True)


@settings(deadline=None, max_examples=60)
@given(real_and_false_names(), st.sampled_from([*NAMED, "iemocap"]))
def test_every_file_ends_in_exactly_one_place(files, reader):
    try:
        scanned = scan(reader, files)
    except InputError as error:
        assert "EmoDB 2.0" in str(error) or "label files" in str(error)  # noqa: PT017 (either outcome is right)
        return
    assert len(scanned.recordings) + len(scanned.rejected) == len(files)
    assert {one.path for one in scanned.recordings} <= set(files)
    owner = READERS[reader]
    for recording in scanned.recordings:
        assert recording.emotion in EMOTIONS
        assert owner.actors[recording.actor] == recording.gender
        assert not is_system_file(PurePosixPath(recording.path))
        assert recording.name.isascii()
        assert " " not in recording.name


def test_a_folder_is_listed_whole_and_in_order(tmp_path):
    files = {"b.wav", "a/x.wav", "a/y z/ü.wav", ".hidden/c"}
    trees.plant(tmp_path, files)
    assert list_folder(tmp_path).files == tuple(sorted(files))


def test_link_loops_do_not_hang_and_links_out_of_the_corpus_are_followed(tmp_path):
    corpus, elsewhere = tmp_path / "corpus", tmp_path / "elsewhere"
    trees.plant(corpus, ["Session1/a.wav"])
    trees.plant(elsewhere, ["b.wav", "deeper/c.wav"])
    (corpus / "Session1/round").symlink_to(corpus, target_is_directory=True)
    (corpus / "up").symlink_to(tmp_path, target_is_directory=True)
    (corpus / "self").symlink_to(corpus / "self")
    (corpus / "Session2").symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "back").symlink_to(elsewhere, target_is_directory=True)
    (corpus / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    folder = list_folder(corpus)
    assert folder.files == ("Session1/a.wav", "Session2/b.wav", "Session2/deeper/c.wav", "gone.wav", "self")
    assert folder.skipped_links == ("Session1/round", "Session2/back", "up")


def test_a_linked_folder_around_one_that_is_read_already_is_read_but_for_that(tmp_path):
    corpus, elsewhere = tmp_path / "corpus", tmp_path / "elsewhere"
    trees.plant(corpus, ["a.wav"])
    trees.plant(elsewhere, ["inner/b.wav", "inner/deep/c.wav", "other/d.wav"])
    (corpus / "first").symlink_to(elsewhere / "inner", target_is_directory=True)
    (corpus / "second").symlink_to(elsewhere, target_is_directory=True)
    folder = list_folder(corpus)
    assert folder.files == ("a.wav", "first/b.wav", "first/deep/c.wav", "second/other/d.wav")
    assert folder.skipped_links == ("second/inner",)


def test_a_corpus_path_that_links_to_nothing(tmp_path):
    (tmp_path / "corpus").symlink_to(tmp_path / "corpus")
    with pytest.raises(InputError, match=r"corpus is a link to nothing, or to itself; set its path in params\.yaml"):
        list_folder(tmp_path / "corpus")


def test_paths_that_are_no_readable_folder(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"file is a file; expected the folder that holds the corpus"):
        list_folder(tmp_path / "file")
    with pytest.raises(InputError, match=r"gone does not exist; set its path in params\.yaml"):
        list_folder(tmp_path / "gone")
    with pytest.raises(InputError, match=r"cannot be reached: File name too long; set its path in params\.yaml"):
        list_folder(tmp_path / ("x" * 300))
    trees.plant(tmp_path / "corpus", ["closed/a.wav"])
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(InputError, match=r"closed may not be read \(permission denied\).*chmod"):
        list_folder(tmp_path / "corpus")


def test_a_corpus_below_a_closed_folder(tmp_path, monkeypatch):
    def closed(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "exists", closed)
    with pytest.raises(InputError, match=r"corpus may not be reached \(permission denied by a folder above it\); give"):
        list_folder(tmp_path / "corpus")


def test_label_files_and_tables_that_may_not_be_read(tmp_path, monkeypatch):
    def closed(path: Path, *arguments: object, **options: object) -> str:
        raise PermissionError(13, "Permission denied")

    iemocap_tree(tmp_path, line("Ses01M_impro01_F000", "hap"))
    trees.plant_texts(tmp_path, {"table.csv": "path,emotion,actor,gender\n"})
    monkeypatch.setattr(Path, "read_text", closed)
    with pytest.raises(
        InputError, match=r"label file .*Ses01M_impro01\.txt cannot be read: Permission denied; expected"
    ):
        scan("iemocap", [*list_folder(tmp_path).files], tmp_path)
    with pytest.raises(InputError, match=r"table\.csv cannot be read: Permission denied; expected the CSV"):
        scan("custom", [*list_folder(tmp_path).files], tmp_path, table="table.csv")
