"""CREMA-D, nEMO, TESS, SUBESCO, ESD, CaFE and EmoDB 2.0, on names made by their rules."""

from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.corpora.base import EMOTIONS, Folder, Scan
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from pipeline.corpora.scanning import differences, headline, owners_counts
from tests.helpers import corpus_trees as trees

NAMED = {"cremad": trees.cremad, "nemo": trees.nemo, "tess": trees.tess, "subesco": trees.subesco, "esd": trees.esd,
         "cafe": trees.cafe, "emodb2": trees.emodb2}  # fmt: skip


def scan(reader: str, files: list[str], root: Path = Path("corpus"), **params: object) -> Scan:
    return READERS[reader].scan(Folder(root, tuple(sorted(files))), CorpusParams(path=str(root), **params))


def one(reader: str, file: str, **params: object) -> tuple[str, str, str] | str:
    scanned = scan(reader, [file], **params)
    if scanned.recordings:
        found = scanned.recordings[0]
        return found.emotion, found.actor, found.gender
    return scanned.rejected[0].reason


@pytest.mark.parametrize(
    ("reader", "recordings", "women", "men"),
    [("cremad", 7442, 43, 48), ("nemo", 4481, 4, 5), ("tess", 2800, 2, 0), ("subesco", 7000, 10, 10),
     ("esd", 35000, 10, 10), ("cafe", 936, 6, 6), ("emodb2", 816, 5, 5)],
)  # fmt: skip
def test_the_owners_files_give_the_owners_counts(reader, recordings, women, men):
    files, owner = NAMED[reader](), READERS[reader]
    scanned = scan(reader, files + list(trees.LITTER))
    assert differences(owner, scanned) == []
    assert owner.stated == len({found.name for found in scanned.recordings}) == recordings
    assert f"{women + men} actors ({women} female, {men} male), {recordings} recordings" in headline(owner, scanned)
    assert len(scanned.recordings) + len(scanned.rejected) == len(files) + len(trees.LITTER)
    assert {found.emotion for found in scanned.recordings} <= set(owner.own_emotions.values()) <= set(EMOTIONS)
    if owner.actors:
        assert {found.actor: found.gender for found in scanned.recordings} == owner.actors
    for found in scanned.recordings:
        assert found.name.isascii()
        assert set(found.columns) <= set(owner.columns)
        assert all(value in ("", *owner.columns[name]) for name, value in found.columns.items() if owner.columns[name])


@pytest.mark.parametrize("reader", NAMED)
def test_wrapping_folders_change_nothing_and_a_missing_file_is_noticed(reader):
    files = NAMED[reader]()
    plain = {(found.path, found.emotion, found.actor) for found in scan(reader, files).recordings}
    wrapped = scan(reader, [f"a copy (2)/{name}" for name in files])
    assert {
        (found.path.removeprefix("a copy (2)/"), found.emotion, found.actor) for found in wrapped.recordings
    } == plain
    fewer = scan(reader, files[1:])
    assert "incomplete" in owners_counts(READERS[reader], fewer, False, Path("corpus"))[0]
    with pytest.raises(InputError, match=r"complete is true; get the rest from "):
        owners_counts(READERS[reader], fewer, True, Path("corpus"))


@pytest.mark.parametrize(
    ("reader", "file", "expected"),
    [
        ("cremad", "AudioWAV/1001_DFA_ANG_XX.wav", ("anger", "actor1001", "M")),
        ("cremad", "AudioMP3/1091_IEO_HAP_HI.mp3", ("joy", "actor1091", "F")),
        ("cremad", "1040_ITH_SAD_X.wav", ("sadness", "actor1040", "M")),
        ("cremad", "1092_ITH_SAD_XX.wav", "not a recording: CREMA-D has no actor 1092"),
        ("cremad", "1001_DFA_SUR_XX.wav", "not a recording: no CREMA-D name"),
        ("cremad", "VideoFlash/1001_DFA_ANG_XX.flv", "not a recording: a video, whose sound is in AudioWAV"),
        ("nemo", "samples/WR0_surprised_64.wav", ("surprise", "WR0", "M")),
        ("nemo", "KD0_happiness_90.wav", ("joy", "KD0", "F")),
        ("nemo", "KD0_happiness_91.wav", "not a recording: nEMO has no sentence 91"),
        ("nemo", "AB0_anger_1.wav", "not a recording: nEMO has no speaker AB0"),
        ("tess", "OAF_neutral/OA_bite_neutral.wav", ("neutral", "OAF", "F")),
        ("tess", "YAF_pleasant_surprised/YAF_back_ps.wav", ("surprise", "YAF", "F")),
        ("tess", "OAF_angry/YAF_back_angry.wav", "misplaced: speaker YAF in the folder OAF_angry"),
        ("tess", "OAF_back_bored.wav", "not a recording: no TESS name"),
        ("subesco", "F_02_MONIKA_S_1_NEUTRAL_5.wav", ("neutral", "F_02", "F")),
        ("subesco", "M_10_X_S_10_HAPPY_1.WAV", ("joy", "M_10", "M")),
        ("subesco", "F_02_MONIKA_S_11_NEUTRAL_5.wav", "not a recording: SUBESCO has no take 5 of sentence 11"),
        ("esd", "0011/Angry/0011_000351.wav", ("anger", "spk0011", "M")),
        ("esd", "0001/Surprise/test/0001_001750.wav", ("surprise", "spk0001", "F")),
        ("esd", "0002/Angry/0001_000351.wav", "misplaced: speaker 0001 in the folder 0002"),
        ("esd", "0001_000351.wav", "misplaced: not in a folder of an emotion"),
        ("esd", "0021/Angry/0021_000351.wav", "not a recording: ESD has no file 0021_000351"),
        ("cafe", "Colère/Fort/01-C-2-1.wav", ("anger", "actor01", "M")),
        ("cafe", "12-T-1-6.aiff", ("sadness", "actor12", "F")),
        ("cafe", "13-T-1-6.wav", "not a recording: CaFE has no actor 13"),
        ("cafe", "01-C-3-1.wav", "not a recording: no CaFE name"),
        ("emodb2", "wav/03a01Fa.wav", ("joy", "spk03", "M")),
        ("emodb2", "laryngo/03a01Fa.wav", "not a recording: a laryngograph's signal"),
    ],
)
def test_by_names(reader, file, expected):
    assert one(reader, file) == expected


@pytest.mark.parametrize(
    ("reader", "file", "columns"),
    [
        ("cremad", "1001_IEO_ANG_MD.wav", {"text": "IEO", "intensity": "medium"}),
        ("nemo", "EB0_fear_7.wav", {"text": "s07"}),
        ("tess", "OAF_back_sad.wav", {"text": "back"}),
        ("subesco", "F_01_OISHI_S_10_SAD_3.wav", {"text": "S_10", "take": "3"}),
        ("esd", "0001/Angry/train/0001_000351.wav", {"text": "ch001", "language": "chinese", "split": "train"}),
        ("esd", "0020/Sad/0020_001400.wav", {"text": "en350", "language": "english", "split": ""}),
        ("cafe", "02-J-2-3.wav", {"text": "s3", "intensity": "high"}),
        ("cafe", "02-N-1-3.wav", {"text": "s3", "intensity": ""}),
        ("emodb2", "03b10Wc.wav", {"text": "b10"}),
        ("emodb", "03b10Wc.wav", {"text": "b10"}),
    ],
)
def test_what_the_names_say_is_in_columns(reader, file, columns):
    assert scan(reader, [file]).recordings[0].columns == columns


def test_the_popular_copy_of_tess_holds_every_file_twice():
    files = trees.tess()
    scanned = scan("tess", [*files, *(f"TESS Toronto emotional speech set data/{name}" for name in files)])
    assert len(scanned.recordings) == 5600
    assert differences(READERS["tess"], scanned) == []


def test_subesco_speakers_of_two_names_are_one_person_and_said():
    scanned = scan("subesco", ["F_01_OISHI_S_1_SAD_1.wav", "F_01_OISI_S_2_SAD_1.wav"])
    assert {found.actor for found in scanned.recordings} == {"F_01"}
    assert scanned.notes == ("warning: speaker F_01 is called OISHI and OISI; they are treated as one person",)


VOTES = (
    '"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"\n'
    '"1","1001_DFA_ANG_XX","N","60","A","70","A:N","65:60"\n'
    '"2","1001_IEO_ANG_X","","","A","70","A","65"\n'
)
FILES = ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_IEO_ANG_X.wav", "processedResults/summaryTable.csv"]


def test_crema_ds_votes_are_columns_and_can_be_the_label(tmp_path):
    trees.plant_texts(tmp_path, {"processedResults/summaryTable.csv": VOTES})
    intended = scan("cremad", FILES, tmp_path)
    assert [found.emotion for found in intended.recordings] == ["anger", "anger"]
    assert intended.recordings[0].columns == {
        "text": "DFA", "intensity": "unspecified", "voice_vote": "neutral", "face_vote": "anger",
        "multimodal_vote": "undecided",
    }  # fmt: skip
    assert intended.layout == "intended emotions, with the votes"
    assert intended.rejected[0].reason == "not a recording: votes"
    heard = scan("cremad", FILES, tmp_path, column="voice_vote")
    assert [(found.emotion, found.columns["intended"]) for found in heard.recordings] == [("neutral", "anger")]
    assert heard.rejected[0].reason == "unlabelled: no voice_vote in processedResults/summaryTable.csv"
    assert "all" in differences(READERS["cremad"], heard)[1]


def test_crema_ds_votes_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"has no summaryTable\.csv, which holds the voice_vote of every recording"):
        scan("cremad", FILES[:2], tmp_path, column="voice_vote")
    with pytest.raises(
        InputError, match=r"column in params\.yaml is 'voice'; did you mean 'voice_vote'\? expected one of"
    ):
        scan("cremad", FILES[:2], tmp_path, column="voice")
    trees.plant_texts(tmp_path, {FILES[2]: VOTES.replace('"N"', '"Q"')})
    with pytest.raises(InputError, match=r"summaryTable\.csv: 'Q' is not a vote of CREMA-D"):
        scan("cremad", FILES, tmp_path)
    trees.plant_texts(tmp_path, {FILES[2]: "a,b\n1,2\n"})
    with pytest.raises(InputError, match=r"has the columns a, b; expected fileName, VoiceVote"):
        scan("cremad", FILES, tmp_path)


def test_emodb_2_knows_which_recordings_listeners_recognised(tmp_path):
    table = "file,emotion,emotion.confidence\nwav/03a01Fa.wav,happiness,0.9\nwav/03a01Wa.wav,anger,0.8\nwav/03a01La.wav,x,0.79\n"
    trees.plant_texts(tmp_path, {"db.emotion.csv": table, "db.files.csv": "file,duration\nwav/03a01Fa.wav,1\n"})
    files = ["wav/03a01Fa.wav", "wav/03a01Wa.wav", "wav/03a01La.wav", "wav/03a01Na.wav"]
    scanned = scan("emodb2", [*files, "db.emotion.csv", "db.files.csv"], tmp_path)
    agreement = {found.path[-7:-4]: found.columns["agreement"] for found in scanned.recordings}
    assert agreement == {"1Fa": "high", "1Wa": "high", "1La": "low", "1Na": ""}
    trees.plant_texts(tmp_path, {"db.emotion.csv": table.replace("0.79", "often")})
    with pytest.raises(
        InputError, match=r"db\.emotion\.csv cannot be read: could not convert string to float: 'often'"
    ):
        scan("emodb2", [*files, "db.emotion.csv"], tmp_path)


def test_each_edition_of_emodb_names_the_other():
    with pytest.raises(
        InputError, match=r"looks like the first edition of Emo-DB; expected the 816 .* set reader: emodb"
    ):
        scan("emodb2", trees.emodb())
    with pytest.raises(InputError, match=r"looks like EmoDB 2\.0 .* or set reader: emodb2"):
        scan("emodb", trees.emodb2())
