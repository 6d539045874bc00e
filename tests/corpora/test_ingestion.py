import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio import decoding as audio
from pipeline.audio import libsndfile
from pipeline.core.errors import InputError
from pipeline.core.tables import REJECTED, UTTERANCES, read_table, write_table
from pipeline.corpora.ingestion import Ingested, ingest
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from tests.helpers import corpus_trees as trees

CLASSES = ("joy", "anger", "sadness", "fear")


def run(root: Path, reader: str = "emodb", key: str | None = None, classes: tuple[str, ...] = CLASSES,
        **params: object) -> Ingested:  # fmt: skip
    found = ingest(key or reader, CorpusParams(path=str(root), **params), READERS[reader], classes)
    write_table(found.utterances, root.parent / "utterances.csv", UTTERANCES)
    write_table(found.rejected, root.parent / "rejected.csv", REJECTED)
    paths = [*found.utterances["path"], *found.rejected["path"]]
    assert sorted(paths) == sorted(trees.files_below(root))
    return found


def reasons(found: Ingested) -> dict[str, str]:
    return dict(zip(found.rejected["path"], found.rejected["reason"], strict=True))


def small_emodb(root: Path) -> Path:
    """Two speakers, the four classes and neutral, ten recordings."""
    return trees.plant(root, [f"wav/{speaker}a01{letter}a.wav" for speaker in ("03", "08") for letter in "FWTAN"])


def test_a_whole_corpus_to_tables(tmp_path):
    root = trees.plant(tmp_path / "emodb", [*trees.emodb(), *trees.LITTER])
    found = run(root, complete=True)
    assert found.utterances["emotion"].value_counts().to_dict() == {"anger": 127, "joy": 71, "fear": 69, "sadness": 62}
    first = found.utterances.iloc[0]
    assert first[["utterance", "corpus", "path", "emotion", "actor", "gender", "group"]].tolist() == [
        "emodb-03a01Aa", "emodb", "wav/03a01Aa.wav", "fear", "spk03", "M", "spk03",
    ]  # fmt: skip
    assert first[["duration_s", "sample_rate", "num_samples"]].tolist() == [0.03, 16000, 480]
    assert found.messages == (
        "Emo-DB: first edition, 10 actors (5 female, 5 male), 535 recordings",
        "complete: all 535 recordings of the owner's release are present",
        "329 utterances (joy 71, anger 127, sadness 62, fear 69); "
        "212 other files (not a recording 2, other emotion 206, system file 4)",
    )


def test_enterface_as_videos_with_its_irregular_subjects(tmp_path):
    subjects = tuple(f"subject {number}/" for number in (3, 6, 11, 12, 16, 23))
    root = trees.plant(tmp_path / "e", [name for name in trees.enterface() if name.startswith(subjects)])
    found = run(root, "enterface", exclude_actors=("subject6", "subject12"))
    assert found.utterances.groupby("actor").size().to_dict() == {
        "subject11": 20, "subject16": 20, "subject23": 17, "subject3": 20,
    }  # fmt: skip
    assert set(found.utterances["sample_rate"]) == {48000}
    assert found.rejected["reason"].value_counts().to_dict() == {
        "other emotion: disgust": 20, "other emotion: surprise": 20, "excluded actor: subject12": 30,
        "excluded actor: subject6": 6,
    }  # fmt: skip


def test_ravdess_archives_mixed_and_doubled(tmp_path):
    files = [name for name in trees.ravdess() if "Actor_01/" in name or "Actor_18/" in name]
    mixed = [name.split("/", 1)[1] for name in files]
    nested = [f"audio_speech_actors_01-24/{name}" for name in mixed if name[12:14] == "01"]
    root = tmp_path / "r"
    for name in mixed + nested:
        trees.plant(root, [name]).joinpath(name).write_bytes(trees.wav_bytes(name.rsplit("/", 1)[1]))
    found = run(root, "ravdess")
    assert found.messages[0] == "RAVDESS: speech and song, 2 actors (1 female, 1 male), 164 recordings"
    assert len(found.utterances) == 96
    assert not found.utterances["path"].str.startswith("audio_speech").any()
    doubled = [reason for path, reason in reasons(found).items() if path.startswith("audio_") and "duplicate" in reason]
    assert len(doubled) == 64
    assert reasons(found)["audio_speech_actors_01-24/Actor_01/03-01-05-01-01-01-01.wav"] == (
        "duplicate: of Actor_01/03-01-05-01-01-01-01.wav"
    )


def test_a_good_copy_stands_in_for_a_damaged_one(tmp_path):
    root = small_emodb(tmp_path / "emodb")
    good = root / "copy/wav/03a01Fa.wav"
    good.parent.mkdir(parents=True)
    (root / "wav/03a01Fa.wav").rename(good)
    (root / "wav/03a01Fa.wav").write_bytes(b"")
    found = run(root)
    assert "copy/wav/03a01Fa.wav" in set(found.utterances["path"])
    assert reasons(found)["wav/03a01Fa.wav"] == "unreadable: the file is empty"


def test_damaged_copies_beside_good_ones_are_no_damaged_corpus(tmp_path):
    root = small_emodb(tmp_path)
    good = [path for path in sorted((root / "wav").glob("*.wav")) if path.stem[5] in "WTFA"][:6]
    for path in good:
        twin = root / "copy/wav" / path.name
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_bytes(path.read_bytes())
        path.write_bytes(b"")
    found = run(root)
    assert {path.name for path in good} <= {Path(path).name for path in found.utterances["path"]}
    assert sum(reason.startswith("unreadable") for reason in reasons(found).values()) == 6


def test_iemocap_drops_fear_and_keeps_excitement_apart(tmp_path):
    files, texts = trees.iemocap({"hap": 20, "exc": 10, "ang": 20, "sad": 20, "fea": 5, "xxx": 5})
    root = trees.plant_texts(trees.plant(tmp_path / "i", files), texts)
    found = run(root, "iemocap", split_group="session", exclude={"emotion": ("fea",)})
    assert found.utterances["emotion"].value_counts().to_dict() == {"joy": 20, "anger": 20, "sadness": 20}
    assert found.rejected["reason"].value_counts().to_dict() == {
        "other emotion: excitement": 10, "other emotion: undecided": 5, "not a recording: labels": len(texts),
        "other emotion: fear, left out by exclude in params.yaml": 5,
    }  # fmt: skip
    assert set(found.utterances["group"]) == {"Ses01", "Ses02", "Ses03", "Ses04", "Ses05"}
    assert "IEMOCAP has no fear here: another corpus must provide it" in found.messages


def test_a_complete_corpus_has_a_usable_copy_of_every_recording(tmp_path):
    root = trees.plant(tmp_path / "emodb", trees.emodb())
    (root / "wav/03a01Fa.wav").write_bytes(b"")
    assert "unreadable: the file is empty" in reasons(run(root))["wav/03a01Fa.wav"]
    with pytest.raises(
        InputError,
        match=r"complete is true and 1 recording cannot be used: wav/03a01Fa\.wav \(unreadable: the file is empty\); get it again from .*complete: false",
    ):
        run(root, complete=True)
    # A copy will do.
    trees.plant(root, ["copy/03a01Fa.wav"])
    run(root, complete=True)


def test_an_incomplete_corpus_is_reported_or_refused_with_the_same_table(tmp_path):
    root = small_emodb(tmp_path / "emodb")
    table = run(root).messages[1]
    assert table.splitlines()[:4] == [
        "incomplete: recordings found, and expected from the owner's release",
        "  emotion  found  expected",
        "  joy          2        71",
        "  anger        2       127",
    ]
    with pytest.raises(InputError, match=r"not all of Emo-DB and corpora\.complete is true; get the rest") as refused:
        run(root, complete=True)
    assert table in str(refused.value)


def test_the_table_names_actors_that_differ(tmp_path):
    files = [name for name in trees.savee() if not name.endswith("KL/a01.wav")]
    with pytest.raises(InputError, match=r"actor  found  expected\n  KL       119       120$"):
        run(trees.plant(tmp_path / "s", files), "savee", complete=True)


@pytest.mark.parametrize("reader", ["enterface", "ravdess", "iemocap", "emodb", "emovo", "savee"])
def test_every_other_corpus_is_recognised_under_a_corpus_name(tmp_path, reader):
    files, texts = trees.iemocap({"hap": 20})
    listings = {
        "savee": trees.savee()[:9], "emovo": trees.emovo()[:9], "ravdess": trees.ravdess()[:9],
        "enterface": trees.enterface()[:3], "iemocap": files, "emodb": trees.emodb()[:9],
    }  # fmt: skip
    for other in listings.keys() - {reader}:
        root = trees.plant(tmp_path / other, listings[other])
        trees.plant_texts(root, texts if other == "iemocap" else {})
        with pytest.raises(InputError) as refused:
            run(root, reader)
        found = len(list(trees.files_below(root)))
        title, expected = READERS[other].title, READERS[reader].title
        assert str(refused.value) == (
            f"{root} holds {found} files but no recording of {expected}; this looks like {title}; expected {expected}, "
            f"laid out as `python -m pipeline corpora --expect {reader}` prints; "
            "correct its reader or its path in params.yaml"
        )


def test_empty_missing_and_foreign_folders(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no files; expected Emo-DB, .*; put the recordings there$"):
        run(tmp_path / "empty")
    with pytest.raises(InputError, match="does not exist"):
        run(tmp_path / "gone")
    trees.plant(tmp_path / "other", ["a.wav", "b.txt"])
    with pytest.raises(InputError, match=r"other holds 2 files but no recording of Emo-DB; expected .*correct its"):
        run(tmp_path / "other")


def test_bad_files_are_named_and_the_rest_goes_on(tmp_path):
    root = small_emodb(tmp_path / "emodb")
    (root / "wav/03b01Wa.wav").write_bytes(b"RIFF, or not")
    soundfile.write(root / "wav/03b01Ta.wav", np.zeros(800), 16000)
    soundfile.write(root / "wav/03b01Fa.wav", np.full(800, np.nan), 16000, subtype="FLOAT")
    soundfile.write(root / "wav/03b01Aa.wav", np.ones(80), 16000)
    (root / "wav/08b01Wa.wav").symlink_to(root / "nowhere.wav")
    found = run(root)
    assert len(found.utterances) == 8
    rejected = reasons(found)
    assert rejected["wav/03b01Ta.wav"] == "silent"
    assert rejected["wav/03b01Fa.wav"] == "not finite"
    assert rejected["wav/03b01Aa.wav"].startswith("too short: 5.0 ms")
    assert rejected["wav/08b01Wa.wav"] == "unreadable: the file is gone"
    warning = next(line for line in found.messages if "cannot be read" in line)
    assert warning.startswith("warning: 2 of 13 recordings cannot be read: wav/03b01Wa.wav (")
    assert any(line.startswith("warning: 3 recordings cannot be used: ") for line in found.messages)


def test_many_unreadable_files_mean_a_damaged_copy(tmp_path):
    root = small_emodb(tmp_path / "emodb")
    for text in ("b01", "b02", "b03"):
        (root / f"wav/03{text}Wa.wav").write_bytes(b"damaged")
    assert len(run(root).utterances) == 8
    (root / "wav/03b09Wa.wav").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"4 of 12 recordings cannot be read: .*; more than 3 and more than 1% mean"):
        run(root)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            FileNotFoundError,
            r"4 of 8 recordings cannot be read: .*\(the file is gone\).*; they are links .* run again$",
        ),
        (
            PermissionError,
            r"4 of 8 recordings cannot be read: .*\(permission denied\).*; expected .*\(chmod -R u\+rX\)$",
        ),
    ],
)
def test_files_that_vanish_or_are_closed_while_the_corpus_is_read(tmp_path, monkeypatch, error, message):
    root = small_emodb(tmp_path / "emodb")
    opened = Path.open

    def open_or_fail(path: Path, *arguments: object, **options: object) -> object:
        if path.name in closed:
            raise error(1, "no")
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_or_fail)
    closed = {"03a01Fa.wav"}
    found = run(root)
    assert reasons(found)["wav/03a01Fa.wav"].startswith("unreadable: ")
    assert any("warning: 1 of 8 recordings cannot be read: wav/03a01Fa.wav (" in line for line in found.messages)
    closed |= {"03a01Wa.wav", "03a01Ta.wav", "03a01Aa.wav"}
    with pytest.raises(InputError, match=message) as refused:
        run(root)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_cut_while_it_is_read(tmp_path, monkeypatch):
    root = small_emodb(tmp_path / "emodb")

    def torn(sound: soundfile.SoundFile) -> object:
        raise OSError(5, "Input/output error")
        yield

    monkeypatch.setattr(libsndfile, "_blocks", lambda sound, *_: torn(sound) if len(sound) > 480 else iter([noise()]))

    def noise() -> np.ndarray:
        return np.random.default_rng().normal(size=(480, 1)).astype(np.float32)

    (root / "wav/03a01Fa.wav").write_bytes(trees.wav_bytes("longer", samples=900))
    assert reasons(run(root))["wav/03a01Fa.wav"] == "unreadable: Input/output error"


def test_a_class_that_is_missing_wholly(tmp_path):
    root = small_emodb(tmp_path / "emodb")
    for name in ("03a01Aa", "08a01Aa"):
        (root / f"wav/{name}.wav").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"no usable recording of fear, which Emo-DB has; 2 of 8 .*03a01Aa\.wav: unr"):
        run(root)
    with pytest.raises(InputError, match="none of the classes pride, shame is an emotion of Emo-DB"):
        run(root, classes=("pride", "shame"))


def test_identical_sound_of_one_actor_and_label_is_reported_and_kept(tmp_path):
    root = small_emodb(tmp_path / "emodb")
    (root / "wav/03a01Fb.wav").write_bytes((root / "wav/03a01Fa.wav").read_bytes())
    found = run(root)
    assert len(found.utterances) == 9
    assert "wav/03a01Fa.wav and wav/03a01Fb.wav hold the same sound of one actor and label; all are kept" in (
        found.messages
    )


@pytest.mark.parametrize("other", ["08a01Fb", "03a01Wb"])
def test_identical_sound_of_two_actors_or_labels_is_refused(tmp_path, other):
    root = small_emodb(tmp_path / "emodb")
    (root / f"wav/{other}.wav").write_bytes((root / "wav/03a01Fa.wav").read_bytes())
    with pytest.raises(InputError, match=rf"03a01Fa\.wav \(spk03, joy\) and wav/{other}\.wav .* hold the same sound"):
        run(root)


def test_low_rates_and_wrong_headers_are_reported(tmp_path):
    root = small_emodb(tmp_path / "emodb")
    (root / "wav/03a01Fa.wav").write_bytes(trees.wav_bytes("low", rate=8000))
    content = (root / "wav/03a01Wa.wav").read_bytes()
    (root / "wav/03a01Wa.wav").write_bytes(content[:-100])
    messages = "\n".join(run(root).messages)
    assert "1 recording sampled below 16000 Hz, with nothing in the upper bins: wav/03a01Fa.wav (8000 Hz)" in messages
    assert "1 recording with another length than the header declares: wav/03a01Wa.wav (its header" in messages


def test_excluding_an_actor_that_does_not_exist(tmp_path):
    root = small_emodb(tmp_path / "emodb")
    assert set(run(root, exclude_actors=("spk08", "spk16")).utterances["actor"]) == {"spk03"}
    with pytest.raises(
        InputError, match=r"exclude_actors names '08', which Emo-DB does not have; expected some of spk03"
    ):
        run(root, exclude_actors=("08",))


def test_a_corpus_of_ones_own_with_other_classes(tmp_path):
    root = trees.plant(tmp_path / "mine", ["a b.wav", "c.wav", "d.wav"])
    (root / "t.csv").write_text("path,emotion,actor,gender,group\na b.wav,Stolz,x,F,g\nc.wav,b,y,M,g\nd.wav,b,y,M,g\n")
    found = run(root, "custom", "mine", ("pride", "b", "joy"), table="t.csv", emotions={"Stolz": "pride"})
    assert found.utterances[["utterance", "emotion", "group"]].to_numpy().tolist() == [
        ["mine-a_b", "pride", "g"], ["mine-c", "b", "g"], ["mine-d", "b", "g"],
    ]  # fmt: skip


def test_emotions_that_nobody_mapped_are_named_with_the_remedy(tmp_path):
    root = trees.plant(tmp_path / "mine", ["a.wav", "b.wav"])
    (root / "t.csv").write_text("path,emotion,actor,gender\na.wav,Freude,x,F\nb.wav,Wut,y,M\n")
    expected = "the table's emotions are 'Freude', 'Wut', and none .* as in emotions: {'Freude': joy}"
    with pytest.raises(InputError, match=expected):
        run(root, "custom", "mine", table="t.csv")


def test_nothing_that_no_class_asks_for_is_decoded(tmp_path, monkeypatch):
    root = small_emodb(tmp_path / "emodb")
    examine, seen = audio.examine, []
    monkeypatch.setattr(audio, "examine", lambda path: seen.append(path.name) or examine(path))
    run(root)
    assert len(seen) == 8
    assert not any("N" in name for name in seen)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32))
def test_files_found_are_utterances_and_rejected_on_random_trees(tmp_path_factory, seed):
    """Real names doubled, misplaced, with twins, wrong endings, empty and damaged files, blanks and accents."""
    draw = random.Random(seed)  # noqa: S311
    root = small_emodb(tmp_path_factory.mktemp("tree") / "emodb")
    for name in draw.sample(trees.emodb(), 40):
        parts = name.split("/")
        place = draw.choice(["", "wav", "wav_corpus/x", "ü b/wav", "silb"])
        changed = draw.choice(
            [parts[1], f"._{parts[1]}", f"{parts[1]}.txt", parts[1][:-4], parts[1].upper(), "Thumbs.db"]
        )
        path = root / place / changed
        path.parent.mkdir(parents=True, exist_ok=True)
        content = trees.wav_bytes(name)
        spoilt = draw.random() < 0.05
        path.write_bytes(draw.choice([b"", content[:50], bytes(900)]) if spoilt else content)
    try:
        found = run(root)
    except InputError as error:
        assert "damaged copy" in str(error) or "same sound" in str(error)  # noqa: PT017 (either outcome is right)
        return
    assert found.utterances["utterance"].is_unique
    again = run(root)
    assert again.utterances.equals(found.utterances)
    assert again.rejected.equals(found.rejected)
    assert read_table(root.parent / "utterances.csv", UTTERANCES)["path"].tolist() == found.utterances["path"].tolist()


def test_the_stage_writes_both_tables_and_explains_errors(tmp_path):
    repository = Path(__file__).parents[2]
    root = small_emodb(tmp_path / "emodb")
    params = (repository / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(
        params.replace("demo/corpora/emodb", "emodb").replace("demo/corpora/", "none/")
    )

    def stage(key: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, repository / "stages/ingest.py", key]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    done = stage("emodb")
    assert done.returncode == 0, done.stderr
    assert "8 utterances" in done.stdout
    assert len(read_table(tmp_path / "data/utterances/emodb.csv", UTTERANCES)) == 8
    assert len(read_table(tmp_path / "data/rejected/emodb.csv", REJECTED)) == 2
    failed = stage("savee")
    assert failed.returncode == 1
    assert failed.stderr == "ingest@savee: the corpus folder none/savee does not exist; set its path in params.yaml\n"
    assert root.exists()
