"""What runs train on and validate on, for every scheme: what it keeps apart, what it says, what it refuses."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.tables import FOLDS, PARTS
from pipeline.corpora.registry import READERS as READERS_OF_CORPORA
from pipeline.folds import assignment
from pipeline.folds.listed import read_listed
from pipeline.folds.params import PartitionParams, partition_mistakes
from pipeline.folds.people import EDITIONS, OWN_TABLES, shared_people, source_of
from pipeline.folds.recordings import in_sessions, recordings_of
from pipeline.folds.split import KEPT_APART, Split, split
from pipeline.params import Params
from tests.helpers.experiment import VALUES
from tests.helpers.trees import CLASSES, partitioned, recording, sources_for, spoken, tables_of

SCHEMES = ("actors", "sessions", "corpora", "cross_corpus", "texts", "actors+texts")


@pytest.fixture(autouse=True, scope="module")
def few_candidates():
    """The search is long; what it keeps apart does not depend on its length."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "CANDIDATES", 60)
        patch.setattr(assignment, "_STEPS", 120)
        yield


def made(rows, readers=None, **options) -> Split:
    utterances, segments = tables_of(rows)
    params = partitioned(**options)
    classes = sorted({row["emotion"] for row in rows})
    return split(utterances, segments, params, classes, sources_for(rows, readers))


def parts_of(found: Split, rows, repeat=1, fold=1) -> pd.DataFrame:
    """The recordings with their `part` in one run, also where the folds say everything."""
    table = pd.DataFrame(rows)
    if len(found.parts):
        here = found.parts[(found.parts["repeat"] == repeat) & (found.parts["fold"] == fold)]
        assert sorted(here["utterance"]) == sorted(table["utterance"])
        return table.merge(here[["utterance", "part"]], on="utterance")
    folds = found.folds
    if "repeat" in folds:
        folds = folds[folds["repeat"] == repeat]
    of_actor = folds.set_index(["corpus", "actor"])["fold"]
    number = table.set_index(["corpus", "actor"]).index.map(of_actor)
    return table.assign(part=np.where(number == fold, "valid", "train"))


def shared(table: pd.DataFrame, key: pd.Series) -> set[str]:
    """What recordings of different parts have in common; those that are left out, and empty keys, do not count."""
    used = table[(table["part"] != "unused") & (key != "").to_numpy()]
    parts = used.groupby(key.loc[used.index])["part"].nunique()
    return set(parts.index[parts > 1])


def person(table, readers) -> pd.Series:
    names = [
        f"{readers[corpus]}:{actor}" if corpus in readers else f"{corpus}/{actor}"
        for corpus, actor in zip(table["corpus"], table["actor"], strict=True)
    ]
    return pd.Series(names, index=table.index)


def sentence(table, readers) -> pd.Series:
    names = [
        "" if not text else f"{readers[corpus]}:{text}" if corpus in readers else f"own:{text}"
        for corpus, text in zip(table["corpus"], table["text"], strict=True)
    ]
    return pd.Series(names, index=table.index)


READERS = {"speech": "ravdess", "song": "ravdess", "iemocap": "iemocap"}


@st.composite
def trees(draw):
    """Recordings of up to four corpora, of which two may be of one reader, with sessions or without sentences."""
    corpora = draw(
        st.lists(st.sampled_from(["speech", "song", "iemocap", "own", "other"]), min_size=2, max_size=4, unique=True)
    )
    actors = st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8, unique=True)
    rows = []
    for corpus in corpora:
        texts = draw(st.lists(st.sampled_from(["t1", "t2", "t3", "t4", "t5"]), min_size=2, max_size=5, unique=True))
        if draw(st.booleans()):
            texts = [*texts, ""]
        own = draw(st.booleans())
        for actor in sorted(draw(actors)):
            session = f"S{ord(actor) % 3}" if corpus == "iemocap" else ""
            for emotion in CLASSES:
                for text in texts:
                    named = f"{emotion}-{text}" if own and text else text
                    if draw(st.integers(0, 5)):
                        rows.append(recording(corpus, actor, emotion, named, session=session))
    return rows


@settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
@given(data=st.data(), rows=trees(), scheme=st.sampled_from(SCHEMES), dev=st.booleans(), folds=st.integers(2, 4))
def test_no_part_has_what_the_scheme_keeps_apart(data, rows, scheme, dev, folds):
    corpora = list(dict.fromkeys(row["corpus"] for row in rows))
    assume(len(corpora) > 1)
    options = {
        "scheme": scheme,
        "folds": folds,
        "dev": dev and scheme != "cross_corpus",
        "seed": data.draw(st.integers(0, 3)),
    }
    if scheme in ("corpora", "cross_corpus"):
        options["folds"] = len(corpora)
    else:
        options["repeats"] = data.draw(st.integers(1, 2))
    apart_by = data.draw(st.sampled_from(["nothing", "actors", "corpora"]))
    row = data.draw(st.sampled_from(rows))
    name = row["corpus"] if apart_by == "corpora" else f"{row['corpus']}/{row['actor']}"
    if apart_by != "nothing":
        options["test"] = {apart_by: (name,)}
    if apart_by == "corpora" and "repeats" not in options:
        options["folds"] = len(corpora) - 1
    try:
        found = made(rows, {key: value for key, value in READERS.items() if key in corpora}, **options)
    except InputError:
        return
    event(f"{scheme} is made")
    apart = KEPT_APART[scheme]
    for repeat in range(1, options.get("repeats", 1) + 1):
        for fold in range(1, options["folds"] + 1):
            table = parts_of(found, rows, repeat, fold)
            assert {"train", "valid"} <= set(table["part"])
            assert ("dev" in set(table["part"])) == options["dev"]
            if "unit" in apart:
                assert not shared(table, person(table, READERS))
            if "sentence" in apart:
                assert not shared(table, sentence(table, READERS))
                assert (table.loc[table["text"] == "", "part"].isin(["unused", "test"])).all()
            if scheme == "sessions":
                assert not shared(table, table["corpus"].where(table["session"] != "", "") + table["session"])
            if scheme == "cross_corpus":
                assert table.loc[table["part"] == "train", "corpus"].nunique() == 1
            test = table[table["part"] == "test"]
            if apart_by == "nothing":
                assert test.empty
            else:
                full = table["corpus"] if apart_by == "corpora" else table["corpus"] + "/" + table["actor"]
                assert (test.index == table.index[full == name]).all()


@settings(deadline=None, max_examples=15, suppress_health_check=list(HealthCheck))
@given(rows=trees(), scheme=st.sampled_from(["actors", "sessions", "texts"]))
def test_every_recording_is_validated_once_in_each_repeat(rows, scheme):
    assume(rows)
    try:
        found = made(rows, READERS, scheme=scheme, repeats=2)
    except InputError:
        return
    for repeat in (1, 2):
        times = sum((parts_of(found, rows, repeat, fold)["part"] == "valid").to_numpy().astype(int) for fold in (1, 2))
        known = np.array([scheme != "texts" or bool(row["text"]) for row in rows])
        assert (times[known] == 1).all()
        assert (times[~known] == 0).all()


EIGHT = [f"{letter}{number}" for letter in "fm" for number in range(4)]


def test_the_default_scheme_is_in_the_folds_alone():
    found = made(spoken("own", EIGHT, ["t1", "t2"]), folds=4)
    assert found.parts.empty
    assert found.notes == ()
    assert "repeat" not in found.folds
    FOLDS.validate(found.folds)


def test_the_first_of_several_partitions_is_that_of_one():
    rows = spoken("own", EIGHT, ["t1"])
    one, three = made(rows, folds=4), made(rows, folds=4, repeats=3)
    first = three.folds[three.folds["repeat"] == 1].drop(columns="repeat").reset_index(drop=True)
    pd.testing.assert_frame_equal(first, one.folds)
    together = [
        frozenset(frozenset(part["actor"]) for _, part in table.groupby("fold"))
        for _, table in three.folds.groupby("repeat")
    ]
    assert len(set(together)) == 3


def test_more_partitions_than_there_are_are_refused():
    rows = spoken("own", ["a", "b", "c", "d"], ["t1"])  # two women and two men: two balanced pairs of pairs
    assert made(rows, repeats=2).folds["repeat"].nunique() == 2
    with pytest.raises(
        InputError, match=r"partition.repeats asks for more .* expected at most 2\. Lower partition.repeats"
    ):
        made(rows, repeats=3)


def test_the_next_fold_is_held_out_for_dev():
    rows = spoken("own", EIGHT, ["t1"])
    found = made(rows, folds=4, dev=True)
    fold_of = found.folds.set_index("actor")["fold"]
    for fold in range(1, 5):
        table = parts_of(found, rows, fold=fold)
        number = table["actor"].map(fold_of)
        assert set(number[table["part"] == "valid"]) == {fold}
        assert set(number[table["part"] == "dev"]) == {fold % 4 + 1}
        assert (table["part"] != "unused").all()
    PARTS.validate(found.parts)


def test_corpora_are_folds_in_their_order():
    rows = [row for corpus in ("z", "a", "m") for row in spoken(corpus, ["a", "b"], ["t1"])]
    found = made(rows, scheme="corpora", folds=3)
    assert found.parts.empty
    assert found.notes == ("fold 1 validates z", "fold 2 validates a", "fold 3 validates m")
    assert dict(zip(found.folds["corpus"], found.folds["fold"], strict=True)) == {"z": 1, "a": 2, "m": 3}
    crossed = made(rows, scheme="cross_corpus", folds=3)
    table = parts_of(crossed, rows, fold=2)
    assert set(table.loc[table["part"] == "train", "corpus"]) == {"a"}
    assert set(table.loc[table["part"] == "valid", "corpus"]) == {"z", "m"}
    assert len(crossed.folds) == 12  # every actor in the validation parts of two folds


def test_people_of_two_entries_of_one_reader_share_a_fold():
    rows = spoken("speech", EIGHT, ["kids"]) + spoken("song", EIGHT[:6], ["kids"])
    readers = {"speech": "ravdess", "song": "ravdess"}
    found = made(rows, readers, folds=4)
    assert (found.folds.groupby("actor")["fold"].nunique() == 1).all()
    assert found.notes == (
        "song and speech have 6 actors in common (f0, f1, f2 and 3 more): each is one person, whose recordings stay "
        "together",
    )
    apart = made(rows, folds=4)
    assert (apart.folds.groupby("actor")["fold"].nunique() > 1).any()  # names in tables of the user's own mean nothing


def test_leaving_a_corpus_out_leaves_its_people_out():
    rows = (
        spoken("speech", ["a", "b", "c"], ["kids"]) + spoken("song", ["a"], ["kids"]) + spoken("own", ["a"], ["kids"])
    )
    found = made(rows, {"speech": "ravdess", "song": "ravdess"}, scheme="corpora", folds=3)
    table = parts_of(found, rows, fold=1)
    assert set(table.loc[table["part"] == "train", "corpus"]) == {"own"}
    assert set(table.loc[table["part"] == "unused", "corpus"]) == {"song"}
    assert "each run leaves out 0 to 3 of 15 recordings, so that its parts share nothing" in found.notes
    assert found.unused.loc[1, 1, "song"].to_dict() == dict.fromkeys(CLASSES, 1)


def test_sessions_stay_together_and_corpora_without_any_are_named():
    rows = [
        recording("iemocap", f"Ses{number}{gender}", emotion, "t", session=f"Ses{number}")
        for number in range(4) for gender in "FM" for emotion in CLASSES
    ] + spoken("own", ["a", "b"], ["t"])  # fmt: skip
    found = made(rows, {"iemocap": "iemocap"}, scheme="sessions")
    here = found.folds[found.folds["corpus"] == "iemocap"]
    assert set(here["group"]) == {"Ses0", "Ses1", "Ses2", "Ses3"}
    assert (here.groupby("group")["fold"].nunique() == 1).all()
    assert found.notes[0].startswith("own has no sessions (no column `session` in data/utterances)")


def test_sentences_are_new_and_actors_are_not():
    rows = spoken("own", ["a", "b", "c"], ["t1", "t2", "t3", "t4"])
    found = made(rows, scheme="texts")
    one, two = (parts_of(found, rows, fold=fold) for fold in (1, 2))
    texts = [set(table.loc[table["part"] == "valid", "text"]) for table in (one, two)]
    assert texts[0] | texts[1] == {"t1", "t2", "t3", "t4"}
    assert not texts[0] & texts[1]
    assert set(one.loc[one["part"] == "valid", "actor"]) == {"a", "b", "c"}


def test_new_actors_say_new_sentences_and_what_that_costs_is_counted():
    rows = spoken("own", EIGHT, ["t1", "t2", "t3", "t4"])
    found = made(rows, scheme="actors+texts")
    for fold in (1, 2):
        numbers = parts_of(found, rows, fold=fold)["part"].value_counts()
        assert numbers.to_dict() == {"unused": 48, "train": 24, "valid": 24}
        assert found.unused.loc[1, fold, "own"].to_dict() == dict.fromkeys(CLASSES, 16)
    assert "each run leaves out 48 of 96 recordings, so that its parts share nothing" in found.notes


def test_a_reader_of_two_sentences_is_validated_in_every_fold():
    rows = spoken("own", EIGHT, ["t1", "t2"])
    found = made(rows, scheme="actors+texts", folds=4)
    for fold in range(1, 5):
        table = parts_of(found, rows, fold=fold)
        assert table.loc[table["part"] == "valid", "actor"].nunique() == 2
        assert table.loc[table["part"] == "valid", "text"].nunique() == 1


def test_dev_has_other_sentences_than_validation_where_there_are_fewer_than_folds():
    rows = spoken("own", EIGHT, ["t1", "t2", "t3"])
    found = made(rows, scheme="actors+texts", folds=4, dev=True)
    for fold in range(1, 5):
        table = parts_of(found, rows, fold=fold)
        used = table[table["part"] != "unused"].groupby("part")
        assert used["text"].nunique().to_dict() == {"dev": 1, "train": 1, "valid": 1}
        assert used["actor"].nunique().to_dict() == {"dev": 2, "train": 4, "valid": 2}
    with pytest.raises(InputError, match=r"partition.dev: own has 2 sentences, .* expected at least 3\."):
        made(spoken("own", EIGHT, ["t1", "t2"]), scheme="actors+texts", folds=4, dev=True)


def test_a_sentence_that_one_actor_alone_speaks_follows_the_actor():
    rows = [*spoken("own", EIGHT, ["t1", "t2"]), *spoken("own", ["f0"], ["mine"])]
    found = made(rows, scheme="actors+texts")
    assert (
        "1 of 3 sentences are spoken by one actor or group alone (own 'mine'): they follow their actors"
        in found.notes[0]
    )
    parts = [
        set(table.loc[table["text"] == "mine", "part"])
        for table in (parts_of(found, rows, fold=fold) for fold in (1, 2))
    ]
    assert sorted(map(sorted, parts)) == [["train"], ["valid"]]


def test_recordings_of_unknown_sentences_are_left_out_and_counted():
    rows = [*spoken("own", ["a", "b"], ["t1", "t2", ""])]
    found = made(rows, scheme="texts")
    assert found.notes[0] == "left out, since their sentences are not known: 6 recordings (own 6)"
    with pytest.raises(
        InputError, match="the sentences of none are not known .* Give the table of a corpus of your own"
    ):
        made(spoken("own", ["a", "b"], ["t1", "t2"]) + spoken("none", ["a"], [""]), scheme="texts")


def test_fewer_sentences_than_folds_are_refused():
    with pytest.raises(InputError, match="partition.folds is 3, and there are 2 sentences; expected at least as many"):
        made(spoken("own", EIGHT, ["t1", "t2"]), scheme="texts", folds=3)


def test_a_class_of_one_sentence_cannot_be_trained_and_validated():
    rows = [*spoken("own", EIGHT, ["t1", "t2"], ["joy", "anger"]), *spoken("own", EIGHT, ["t3"], ["sadness"])]
    with pytest.raises(InputError, match=r"class sadness is in 1 sentence only \(own 't3'\)"):
        made(rows, scheme="texts")


def test_a_test_is_in_no_part_and_takes_its_people_along():
    rows = spoken("speech", EIGHT, ["kids"]) + spoken("song", EIGHT[:2], ["kids"])
    readers = {"speech": "ravdess", "song": "ravdess"}
    found = made(rows, readers, test={"corpora": ("song",)})
    for fold in (1, 2):
        table = parts_of(found, rows, fold=fold)
        assert set(table.loc[table["part"] == "test", "corpus"]) == {"song"}
        assert set(table.loc[table["part"] == "unused", "actor"]) == set(EIGHT[:2])
    assert found.notes[1:3] == (
        "set apart as test: 6 recordings (song 6)",
        "left out, since the test has the same people: 6 recordings (speech 6)",
    )
    assert not set(found.folds["actor"]) & set(EIGHT[:2])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("nobody",),
            "partition.test.actors: 'nobody' has no recording in data/utterances; .*expected names such as one/",
        ),
        (("a",), "'a' is in one and two; expected the corpus before the name, such as one/a"),
        (("one/a", "one/b", "two/a", "two/b"), "no recording is left to train on: set apart as test: 12 recordings"),
    ],
)
def test_actors_of_a_test_that_do_not_fit_are_named(names, message):
    rows = spoken("one", ["a", "b"], ["t"]) + spoken("two", ["a", "b"], ["t"])
    with pytest.raises(InputError, match=message):
        made(rows, test={"actors": names})


def test_a_class_that_the_test_takes_whole_is_said_with_the_test():
    rows = [*spoken("own", EIGHT, ["t"], ["joy", "anger"]), *spoken("own", EIGHT[:2], ["t"], ["fear"])]
    message = "no recording of fear is left to train on: set apart as test: 6 recordings .*partition.test"
    with pytest.raises(InputError, match=message):
        made(rows, test={"actors": tuple(EIGHT[:2])})


def test_sentences_of_the_test_that_nobody_knows_are_said_and_not_called_left_out():
    rows = [*spoken("own", ["a", "b", "c"], ["t1", "t2", "t3"]), *spoken("own", ["a", "d"], [""])]
    found = made(rows, scheme="actors+texts", test={"actors": ("d",)})
    assert found.notes[:2] == (
        "left out, since their sentences are not known: 3 recordings (own 3)",
        "in the test, though their sentences are not known, so that runs may learn the same ones: 3 recordings (own 3)",
    )


def test_a_validation_part_without_a_class_is_said():
    rows = [*spoken("own", EIGHT, ["t"], ["joy", "anger"]), *spoken("own", EIGHT[:2], ["t"], ["fear"])]
    found = made(rows, folds=4)
    (note,) = found.notes
    folds = found.missing["fold"].tolist()
    assert len(folds) == 2
    assert note.startswith(f"the validation part of fold {folds[0]} and {folds[1]} has no fear: UA there is the mean")


def test_an_assignment_in_which_every_class_is_validated_is_found():
    """Ten of 40 actors have the class, and there are ten folds: one random assignment in 2755 has one in each."""
    actors = [f"a{number}" for number in range(40)]
    rows = [*spoken("own", actors, ["t"], ["joy", "anger"]), *spoken("own", actors[:10], ["t"], ["fear"])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "_STEPS", 400)
        found = made(rows, folds=10)
    assert found.missing.empty
    assert found.notes == ()


def written(tmp_path, text, rows, rejected=()):
    folder = tmp_path / "external"
    folder.mkdir(exist_ok=True)
    (folder / "split.csv").write_text(text)
    utterances, segments = tables_of(rows)
    recordings = recordings_of(utterances, segments, sources_for(rows))
    left = pd.DataFrame(rejected, columns=["corpus", "path", "reason"])
    return read_listed("external/split.csv", "partition.table", recordings, left, tmp_path)


def test_a_table_by_actor_is_a_partition(tmp_path):
    rows = spoken("own", ["a", "b", "c"], ["t"])
    table = written(tmp_path, "actor,fold\na,1\nb,2\nc,2\n", rows)
    with pytest.raises(InputError) as refused:
        made_table(rows, table)
    assert str(refused.value) == (
        "external/split.csv leaks: texts (own t) are shared by train and valid in folds 1 and 2 (9 recordings); expected "
        "parts that share no speaker, no group and no sentence. Correct the table, or say that you know: partition.allow_leaks: "
        "[texts] in params.yaml, which the report repeats"
    )
    found = made_table(rows, table, allow_leaks=("texts",))
    assert found.notes == (
        "leak in external/split.csv, allowed by partition.allow_leaks: texts (own t) are shared by train and valid in folds "
        "1 and 2 (9 recordings)",
    )
    assert set(parts_of(found, rows).query("part == 'valid'")["actor"]) == {"a"}
    FOLDS.validate(found.folds)


def made_table(rows, table, **options) -> Split:
    utterances, segments = tables_of(rows)
    params = PartitionParams.model_validate({"scheme": "table", "table": table.where, "folds": 2, "seed": 0, **options})
    classes = sorted({row["emotion"] for row in rows})
    return split(utterances, segments, params, classes, sources_for(rows), table)


def test_parts_of_a_table_may_be_named_for_one_fold(tmp_path):
    rows = spoken("own", ["a", "b", "c", "d"], ["t"])
    text = "corpus,actor,part\nown,a,training\nown,b,devel\nown,c,Validation\nown,d,test\n"
    found = made_table(rows, written(tmp_path, text, rows), folds=1, dev=True, allow_leaks=("texts",))
    assert parts_of(found, rows).groupby("actor")["part"].first().to_dict() == {
        "a": "train", "b": "dev", "c": "valid", "d": "test",
    }  # fmt: skip
    with pytest.raises(
        InputError, match="fold 1 has a part `dev`, and partition.dev is false; .* set partition.dev to true"
    ):
        made_table(rows, written(tmp_path, text, rows), folds=1, allow_leaks=("texts",))


ROWS = spoken("own", ["a", "b"], ["t"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("who,fold\na,1\n", "has no column utterance, path or actor; found who, fold"),
        (
            "actor,fold\na,1\nx,2\n",
            "line 3: actor 'x' is no recording of data/utterances .* such as 'a'; correct or remove",
        ),
        ("actor,fold\na,1\nb,2\na,2\n", "line 4: actor 'a' has fold 2, and on line 2 1; expected each in one part"),
        ("actor,fold\na,1\nb,3\n", "line 3: fold is '3'; expected 1 to 2, which is partition.folds"),
        ("actor,fold\na,1\n", "has no row of 3 of 6 recordings .* `unused`, which `fold` cannot"),
        ("actor,part1,part2\na,train,valid\n", "add them, with the part `unused` if no run"),
        ("actor,fold\n\na,1\n\nb,3\n", "line 5: fold is '3'"),
        ("actor,fold\n\na,1\nx,3\n", "line 4: actor 'x' is no recording"),
        ("actor,fold\n\na,1\n,3\n", "line 4: actor is empty"),
        ("actor,fold\na,1\n\nb,1,2\n", "line 4: 3 cells"),
        ("actor,fold\na,1\nb,1\n", "fold 1 has no recording in the part `train`"),
        ("actor,part\na,train\nb,valid\n", "expected either `fold`, or `part1` to `part2`.* set partition.folds to 1"),
        ("actor,part1,part2\na,train,valid\nb,valid,nothing\n", "line 3: part2 is 'nothing'; expected one of train"),
        ("actor,part1,part2\na,train,valid\nb,valid,test\n", "fold 2 has no recording in the part `train`"),
        ("actor,fold\na,1,2\n", "line 2: 3 cells; expected 2"),
        ("actor,fold\n", "lists nothing"),
        ("actor,fold\n,1\n", "line 2: actor is empty"),
    ],
)
def test_mistakes_in_a_table_are_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        made_table(ROWS, written(tmp_path, text, ROWS))


def test_groups_that_parts_share_are_leaks_and_recordings_count_once(tmp_path):
    rows = [{**row, "group": "house"} for row in spoken("own", ["a", "b", "c"], ["t"])]
    text = "actor,part1,part2\na,train,train\nb,dev,dev\nc,valid,valid\n"
    table = written(tmp_path, text, rows)
    with pytest.raises(
        InputError, match=r"leaks: groups \(own house\) are shared by train and dev, .* in folds 1 and 2"
    ):
        made_table(rows, table, dev=True, allow_leaks=("texts",))
    found = made_table(rows, table, dev=True, allow_leaks=("texts", "groups"))
    assert all(note.endswith("in folds 1 and 2 (6 recordings)") for note in found.notes[:2])
    one = [{**row, "text": row["actor"]} for row in rows]
    table = written(
        tmp_path,
        "utterance,fold\n" + "".join(f"{row['utterance']},{1 + (row['emotion'] == 'joy')}\n" for row in one),
        one,
    )
    with pytest.raises(InputError, match="leaks: speakers .* texts") as refused:
        made_table(one, table)
    assert "groups" not in str(refused.value)  # the people themselves are shared


def test_a_table_of_a_test_is_read_by_its_parts(tmp_path):
    rows = spoken("own", EIGHT, ["t"])
    utterances, segments = tables_of(rows)

    def tested(text):
        options = partitioned(test={"table": "external/split.csv"})
        return split(utterances, segments, options, CLASSES, sources_for(rows), test=written(tmp_path, text, rows))

    table = parts_of(tested("actor,part\nf0,test\nf1,train\n"), rows)
    assert set(table.loc[table["part"] == "test", "actor"]) == {"f0"}
    with pytest.raises(InputError, match="sets no recording apart; expected some with the part `test`"):
        tested("actor,part\nf0,train\n")
    with pytest.raises(InputError, match="has the column fold, and partition.test.table sets recordings apart"):
        tested("actor,fold\nf0,1\n")


def test_corpora_of_a_test_that_are_no_list_are_refused_by_their_section():
    values = copy.deepcopy(VALUES) | {"partition": {"scheme": "corpora", "seed": 0, "test": {"corpora": 5}}}
    with pytest.raises(ValueError, match=r"partition.test.corpora"):
        Params.model_validate(values)


def test_one_common_actor_is_an_actor():
    rows = spoken("speech", ["a", "b"], ["t"]) + spoken("song", ["a"], ["t"])
    utterances, _ = tables_of(rows)
    (note,) = shared_people(utterances, sources_for(rows, {"speech": "ravdess", "song": "ravdess"}))
    assert note.startswith("song and speech have 1 actor in common (a)")


def test_a_table_may_name_recordings_that_are_left_out_here(tmp_path):
    text = "corpus,path,fold\n" + "".join(f"own,{row['path']},{1 + (row['actor'] == 'b')}\n" for row in ROWS)
    rejected = [("own", "a/boring.wav", "other emotion: boredom")]
    found = made_table(
        ROWS, written(tmp_path, f"{text}own,a/boring.wav,1\n", ROWS, rejected=rejected), allow_leaks=("texts",)
    )
    assert "external/split.csv: 1 row of recordings that are left out here (data/rejected)" in found.notes


@pytest.mark.parametrize("name", ["split.csv", "/external/split.csv", "external/../split.csv"])
def test_a_table_lies_where_dvc_sees_it(tmp_path, name):
    with pytest.raises(InputError, match="is not in external/; expected a CSV there"):
        read_listed(name, "partition.table", pd.DataFrame(), pd.DataFrame(), tmp_path)


def test_folds_may_be_left_out_where_they_follow():
    values = copy.deepcopy(VALUES) | {"partition": {"scheme": "corpora", "seed": 0}}
    del values["train"]["folds"]
    params = Params.model_validate(values)
    assert (params.partition.folds, params.train.folds, params.mistakes()) == (2, (1, 2), [])
    with pytest.raises(ValueError, match=r"partition.folds\n  Field required"):
        Params.model_validate(values | {"partition": {"seed": 0}})


def test_readers_of_tables_of_ones_own_are_known():
    """This room must not import that of corpora, so it names them."""
    assert {name for name, reader in READERS_OF_CORPORA.items() if reader.open_labels} == OWN_TABLES
    assert {name for name, reader in READERS_OF_CORPORA.items() if reader.edition} == set(EDITIONS)


def test_groups_of_one_name_stay_together_over_corpora_that_share_them():
    rows = spoken("one", EIGHT, ["t"]) + spoken("two", EIGHT, ["t"])
    utterances, segments = tables_of(rows)
    entry = {"reader": "custom", "split_group": "shared"}
    sources = {name: source_of(name, entry) for name in ("one", "two")}
    found = split(utterances, segments, partitioned(folds=4), CLASSES, sources)
    assert (found.folds.groupby("group")["fold"].nunique() == 1).all()


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_people_shared_groups_and_sessions_are_in_one_unit(data):
    rows = [
        {**recording(corpus, actor, "joy", "t", session=session), "group": f"house{group}"}
        for corpus in ("one", "two")
        for actor in data.draw(st.lists(st.sampled_from("abcdef"), min_size=3, unique=True))
        for group, session in [data.draw(st.tuples(st.integers(0, 9), st.sampled_from(["1", "2", "3", ""])))]
    ]
    entry = {"reader": "custom", "split_group": "shared"}
    sources = {name: source_of(name, entry) for name in ("one", "two")}
    table, _ = in_sessions(recordings_of(*tables_of(rows), sources), sources)
    session = pd.Series([row["corpus"] + row["session"] if row["session"] else "" for row in rows])
    for key in (pd.Series([row["group"] for row in rows]), table["person"], session):
        assert (table["unit"].groupby(key[key != ""]).nunique() == 1).all()


def test_sessions_of_one_name_in_two_corpora_are_two():
    rows = [
        {**recording(corpus, f"{corpus}{number}", emotion, "t", session=str(number)), "group": f"{corpus}{number}"}
        for corpus in ("one", "two") for number in range(2) for emotion in CLASSES
    ]  # fmt: skip
    utterances, segments = tables_of(rows)
    entry = {"reader": "custom", "split_group": "shared"}
    sources = {name: source_of(name, entry) for name in ("one", "two")}
    found = split(utterances, segments, partitioned(scheme="sessions", folds=4), CLASSES, sources)
    assert sorted(found.folds["fold"]) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("options", "corpora", "message"),
    [
        ({"folds": 1}, ("a",), "partition.folds: 1; expected at least 2"),
        (
            {"scheme": "corpora", "folds": 3},
            ("a", "b"),
            "partition.folds: 3, and with scheme: corpora every corpus is a fold",
        ),
        (
            {"scheme": "corpora", "folds": 1},
            ("a",),
            "corpora needs at least 2 corpora to train and validate on, and there is 1",
        ),
        (
            {"scheme": "corpora", "folds": 2, "repeats": 2},
            ("a", "b"),
            "partition.repeats: 2, and with scheme: corpora nothing",
        ),
        ({"dev": True}, ("a",), "partition.dev: a run trains on all folds but two, and partition.folds is 2"),
        (
            {"scheme": "cross_corpus", "dev": True},
            ("a", "b"),
            "a run trains on one corpus, so there is no fold to hold out",
        ),
        ({"scheme": "table"}, ("a",), "partition.table: missing; scheme: table needs it"),
        ({"table": "external/x.csv"}, ("a",), "partition.table: has no effect with scheme: actors"),
        ({"allow_leaks": ("texts",)}, ("a",), "partition.allow_leaks: has no effect"),
        ({"test": {"corpora": ("b",)}}, ("a",), "partition.test.corpora: 'b' is not a corpus"),
        ({"test": {"corpora": ("a",)}}, ("a",), "names every corpus"),
    ],
)
def test_options_that_contradict_each_other_are_named(options, corpora, message):
    lines = list(partition_mistakes(partitioned(**options), corpora))
    assert any(message in line for line in lines), lines


def test_a_class_that_no_fold_validates_is_not_promised(tmp_path):
    rows = [*spoken("own", ["a"], ["t"]), *spoken("own", ["b"], ["s"], ["joy", "anger"])]
    found = made_table(rows, written(tmp_path, "actor,part\na,train\nb,valid\n", rows), folds=1)
    (note,) = found.notes
    assert note.startswith("the validation part of fold 1 has no sadness: UA there is the mean over the other classes")
    assert "pooled" not in note
