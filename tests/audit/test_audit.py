"""The audit finds what was planted: every speaker, text and recording that crosses parts, and nothing else."""

import json
import random
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.audit.audit import audit
from pipeline.corpora.registry import READERS
from tests.helpers.split_lists import SPEAKERS, TREES, by_speaker, emo_superb, emobox, kaldi, stem


def shared(found, kind, split=""):
    """What parts of a split share of one kind."""
    return {
        value for pair in found.pairs if pair.split == split for one in pair.shared if one.kind == kind
        for value in one.values
    }  # fmt: skip


def plant(corpus, seed):
    """A split with disjoint speakers, and files of some test speakers that were moved into training."""
    draw = random.Random(seed)  # noqa: S311
    files = by_speaker(corpus)
    speakers = sorted(files)
    draw.shuffle(speakers)
    cut = max(1, len(speakers) // 3)
    test, train = speakers[:cut], speakers[cut:]
    parts = {
        "train": [file for one in train for file in files[one]],
        "test": [file for one in test for file in files[one]],
    }
    moved = [draw.choice(files[one]) for one in draw.sample(test, draw.randint(0, len(test)))]
    for file in moved:
        parts["test"].remove(file)
        parts["train"].append(file)
    left = {SPEAKERS[corpus](file) for file in parts["test"]}
    return parts, {SPEAKERS[corpus](file) for file in moved} & left


@pytest.mark.parametrize("corpus", TREES)
@pytest.mark.parametrize("seed", [1, 2])
def test_an_emobox_list_of_every_known_corpus_leaks_the_planted_speakers_and_no_others(tmp_path, corpus, seed):
    parts, planted = plant(corpus, seed)
    lists = [emobox(tmp_path / f"fold_1/{corpus}_{part}_fold_1.jsonl", corpus, files) for part, files in parts.items()]
    found = audit(lists)
    leaks = shared(found, "speakers", "fold 1")
    # Each speaker's files, by hand, are in both parts.
    assert len(leaks) == len(planted)
    assert {
        SPEAKERS[corpus](file)
        for part in parts.values()
        for file in part
        if READERS[corpus].recognise(PurePosixPath(file)).actor in {one.split("/")[1] for one in leaks}
    } == planted
    assert found.verdict == ("leaks" if planted else "clean")
    assert all(item.gender and item.reader == corpus for item in found.items)


def csv_list(folder, parts):
    lines = ["file;spk;partition;emotion;sex;sentence"]
    for part, rows in parts.items():
        lines += [f"rec/{key}.wav;{speaker};{part};{emotion};f;{said}" for key, speaker, said, emotion in rows]
    (folder / "split.csv").write_text("\n".join(lines))
    return [folder / "split.csv"]


def jsonl_lists(folder, parts):
    paths = []
    for part, rows in parts.items():
        paths.append(folder / f"x_{part}_fold_2.jsonl")
        rows = [
            {"key": key, "dataset": "own", "wav": f"rec/{key}.wav", "emo": emotion, "speaker": speaker, "text": said}
            for key, speaker, said, emotion in rows
        ]
        paths[-1].write_text("\n".join(map(json.dumps, rows)))
    return paths


def superb_list(folder, parts):
    return [
        emo_superb(
            folder / "labels_consensus_1.csv",
            {part: [(f"{key}.wav", speaker, "Female") for key, speaker, _, _ in rows] for part, rows in parts.items()},
        )
    ]


def kaldi_lists(folder, parts):
    return [
        kaldi(folder / part, {key: one for key, one, _, _ in rows}, {key: said for key, _, said, _ in rows}) / "utt2spk"
        for part, rows in parts.items()
    ]


FORMS = {"csv": csv_list, "jsonl": jsonl_lists, "emo-superb": superb_list, "kaldi": kaldi_lists}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_every_format_shows_the_planted_speakers_texts_and_recordings(tmp_path_factory, form, data):
    numbers = st.sets(st.integers(0, 9), min_size=1)
    train, test = data.draw(numbers), data.draw(numbers)
    said = data.draw(st.lists(st.integers(0, 5), min_size=10, max_size=10))
    copied = data.draw(st.sets(st.sampled_from(sorted(train))))
    parts = {
        "train": [(f"q{n}", f"talker{n}", f"line {said[n]}", "sad") for n in sorted(train)],
        "test": [(f"r{n}", f"talker{n}", f"line {said[-n - 1]}", "angry") for n in sorted(test)],
    }
    parts["test"] += [(f"q{n}", f"talker{n}", f"line {said[n]}", "sad") for n in sorted(copied)]
    found = audit(FORMS[form](tmp_path_factory.mktemp("lists"), parts))
    split = "fold 2" if form == "jsonl" else ""
    prefix = "own/" if form == "jsonl" else ""
    assert shared(found, "speakers", split) == {f"{prefix}talker{n}" for n in train & (test | copied)}
    if form != "emo-superb":
        both = {row[2] for row in parts["train"]} & {row[2] for row in parts["test"]}
        assert shared(found, "texts", split) == {f"{prefix}{one}" for one in both}
    assert len(shared(found, "recordings", split)) == len(copied)
    assert found.verdict == ("leaks" if train & (test | copied) else "clean")


def test_texts_leak_where_the_scheme_keeps_them_apart(tmp_path):
    rows = {"train": [("a", "ann", "kids", "sad")], "test": [("b", "bob", "kids", "sad")]}
    assert audit(csv_list(tmp_path, rows)).verdict == "clean"
    found = audit(csv_list(tmp_path, rows), scheme="actors+texts")
    assert (found.verdict, found.reasons) == ("leaks", ("1 text in two parts",))


def test_a_number_that_a_woman_and_a_man_have_is_two_people(tmp_path):
    """As SpkrID in EMO-SUPERB's lists of MSP-IMPROV, whose names no reader knows."""
    parts = {
        "Train": [("MSP-IMPROV-S01A-F01-P-FM01.wav", "01", "Female")],
        "Development": [("MSP-IMPROV-S01A-M01-P-FM01.wav", "01", "Male")],
        "Test": [("MSP-IMPROV-S01A-F02-P-FM01.wav", "02", "Female")],
    }
    found = audit([emo_superb(tmp_path / "labels_consensus_1.csv", parts)])
    assert found.verdict == "clean"
    assert {item.speaker for item in found.items} == {"01 (F)", "01 (M)", "02"}
    assert [part.part for part in found.makeups] == ["train", "valid", "test"]


def test_the_speaker_of_iemocap_is_not_the_one_who_wears_the_markers_nor_the_session_of_the_list(tmp_path):
    parts = {
        "Train": [("Ses01F_impro01_M003.wav", "01", "Male")],
        "Test": [("Ses01M_impro02_M001.wav", "01", "Male"), ("Ses01M_impro02_F001.wav", "01", "Female")],
    }
    found = audit([emo_superb(tmp_path / "labels.csv", parts)])
    assert shared(found, "speakers") == {"iemocap/Ses01M"}
    assert shared(found, "own_speakers") == {"01 (M)"}
    assert shared(found, "sessions") == {"iemocap/Ses01"}
    assert audit([tmp_path / "labels.csv"], by_names=False).items[0].speaker == "01 (M)"


def test_several_partitions_are_several_splits(tmp_path):
    files = by_speaker("emodb")
    men = {"Train": [(stem(one), "03", "Male") for one in files["03"]]}
    for number, tested in enumerate(("08", "03"), start=1):
        rows = [(stem(one), tested, "Female") for one in files[tested][:3]]
        emo_superb(tmp_path / f"labels_consensus_{number}.csv", {**men, "Test": rows})
    found = audit(sorted(tmp_path.glob("*.csv")))
    assert shared(found, "speakers", "labels_consensus_1") == set()
    assert shared(found, "speakers", "labels_consensus_2") == {"emodb/spk03"}


def test_our_folds_and_the_utterances_beside_them(tmp_path):
    digest = {name: name * 64 for name in "abc"}
    (tmp_path / "folds.csv").write_text(
        "corpus,actor,gender,group,fold\nspeech,Actor_01,M,Actor_01,1\nspeech,Actor_02,F,Actor_02,2\n"
        "song,Actor_01,M,Actor_01,2\n"
    )
    alone = audit([tmp_path / "folds.csv"])
    assert (alone.verdict, [part.entries for part in alone.makeups]) == ("clean", [1, 2])
    folder = tmp_path / "utterances"
    folder.mkdir()
    header = "utterance,corpus,path,emotion,actor,gender,duration_s,group,sample_rate,num_samples,digest,text\n"
    row = "{corpus}-{name},{corpus},A/{name}.wav,{emotion},{actor},{gender},1.0,{actor},16000,16000,{digest},{text}\n"
    table = {
        "speech": [("03-01-03-01-01-01-01", "joy", "Actor_01", "M", "a"), ("03-01-04-01-01-01-02", "sadness", "Actor_02", "F", "b")],
        "song": [("03-02-03-01-02-01-01", "joy", "Actor_01", "M", "a")],
    }  # fmt: skip
    for corpus, rows in table.items():
        lines = [
            row.format(corpus=corpus, name=name, emotion=emotion, actor=actor, gender=gender, digest=digest[one], text="t")
            for name, emotion, actor, gender, one in rows
        ]  # fmt: skip
        (folder / f"{corpus}.csv").write_text(header + "".join(lines))
    found = audit([tmp_path / "folds.csv"])
    # Two corpora of one reader share their people, which names alone show.
    assert shared(found, "speakers") == {"ravdess/Actor_01"}
    assert shared(found, "sounds") == {"A/03-01-03-01-01-01-01.wav = A/03-02-03-01-02-01-01.wav"}
    assert found.verdict == "leaks"


def test_our_parts_are_judged_where_folds_do_not_say_everything(tmp_path):
    (tmp_path / "folds.csv").write_text(
        "corpus,actor,gender,group,fold\nemodb,spk03,M,spk03,1\nemodb,spk08,F,spk08,1\nemodb,spk03,M,spk03,2\n"
    )
    rows = ["repeat,fold,utterance,part"]
    for fold, parts in ((1, ("train", "valid", "unused")), (2, ("train", "train", "valid"))):
        names = ("emodb-03a01Fa", "emodb-08a01Fa", "emodb-03a02Fa")
        rows += [f"1,{fold},{name},{part}" for name, part in zip(names, parts, strict=True)]
    (tmp_path / "parts.csv").write_text("\n".join(rows) + "\n")
    for path in ("folds.csv", "parts.csv"):
        found = audit([tmp_path / path])
        assert shared(found, "speakers", "repeat 1, fold 1") == set()
        assert shared(found, "speakers", "repeat 1, fold 2") == {"emodb/spk03"}
        assert len(found.items) == 5


def test_versions_of_one_utterance_and_copies_by_name(tmp_path):
    (tmp_path / "train.csv").write_text("path\nwav/03a01Fa.wav\nown/walk.wav\n")
    (tmp_path / "test.csv").write_text("path\nwav/03a01Fb.wav\nother/walk (1).wav\n")
    found = audit([tmp_path / "train.csv", tmp_path / "test.csv"])
    assert shared(found, "versions") == {"wav/03a01Fa.wav = wav/03a01Fb.wav"}
    assert shared(found, "copies") == {"own/walk.wav ~ other/walk (1).wav"}


def test_speakers_that_nobody_knows_leave_the_verdict_open(tmp_path):
    (tmp_path / "split.csv").write_text("path,split\na.wav,train\nb.wav,test\n")
    found = audit([tmp_path / "split.csv"])
    assert found.verdict == "undecided"
    assert found.reasons == ("the speaker of 2 of 2 entries is not known (a.wav, b.wav): add a column speaker",)


def test_texts_that_tell_the_class_are_named(tmp_path):
    rows = {
        "train": [("a", "ann", "one", "sad"), ("b", "ann", "two", "angry")],
        "test": [("c", "bob", "one", "sad"), ("d", "bob", "two", "angry")],
    }
    assert audit(csv_list(tmp_path, rows)).telling == ("",)
    rows["test"][0] = ("c", "bob", "one", "angry")
    assert audit(csv_list(tmp_path, rows)).telling == ()


def test_balance_by_gender_class_and_corpus(tmp_path):
    files = by_speaker("emodb", most=100)
    women, men = [stem(one) for one in files["08"]], [stem(one) for one in files["03"]]
    (tmp_path / "train.txt").write_text("".join(f"wav/{name}.wav\n" for name in men))
    (tmp_path / "test.txt").write_text("".join(f"wav/{name}.wav\n" for name in women))
    found = audit([tmp_path / "train.txt", tmp_path / "test.txt"])
    train, test = found.makeups
    assert (train.counts["gender"], test.counts["gender"]) == ({"M": len(men)}, {"F": len(women)})
    assert sum(test.counts["class"].values()) == len(women)
    assert test.counts["class"]["anger"] == sum(name[5] == "W" for name in women)


def test_a_list_says_its_classes_in_our_words_where_the_names_show_them(tmp_path):
    files = by_speaker("emodb")
    emobox(tmp_path / "emodb_train.jsonl", "emodb", [one for one in files["03"] if stem(one)[5] == "W"])
    emobox(tmp_path / "emodb_test.jsonl", "emodb", [one for one in files["08"] if stem(one)[5] == "W"])
    assert {item.emotion for item in audit(sorted(Path(tmp_path).glob("*.jsonl"))).items} == {"anger"}
