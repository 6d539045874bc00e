import numpy as np
import pandas as pd
import pytest

from pipeline.core.errors import InputError
from pipeline.core.tables import FOLDS, REJECTED, SEGMENTS, read_folds, read_table, write_table
from pipeline.runs.tables import HISTORY, predictions_schema


def folds(**changes):
    row = {"corpus": "emodb", "actor": "spk03", "gender": "M", "group": "spk03", "fold": 1}
    return pd.DataFrame([row, {**row, "actor": "spk08", "gender": "F", **changes}])


def test_a_table_comes_back_as_it_was_written_with_further_columns_to_the_right(tmp_path):
    path = tmp_path / "folds.csv"
    table = folds()
    table.insert(0, "remark", ["NA", "1e5"])
    write_table(table, path, FOLDS)
    again = read_table(path, FOLDS)
    assert list(again.columns) == [*FOLDS.columns, "remark"]
    assert again["remark"].tolist() == ["NA", "1e5"], "text stays text"
    assert again["fold"].tolist() == [1, 1]
    assert path.read_bytes().count(b"\r") == 0


def test_numbers_come_back_to_the_last_bit_and_empty_cells_as_nan(tmp_path):
    row = {"model": "PreAct", "fold": 1, "seed": 2, "epoch": 3, "train_loss": 0.1 + 0.2, "train_ua": 1 / 3}
    table = pd.DataFrame(
        [row | {"train_loss_eval": np.nan, "train_ua_eval": np.nan, "valid_loss": 1.0, "valid_ua": 2.0, "repeat": 1}]
    )
    write_table(table, tmp_path / "h.csv", HISTORY)
    again = read_table(tmp_path / "h.csv", HISTORY)
    assert again["train_loss"][0] == 0.1 + 0.2
    assert again["train_ua"][0] == 1 / 3
    assert np.isnan(again["train_ua_eval"][0])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"gender": "W"}, r"line 3: gender is 'W'; expected one of F, M"),
        ({"fold": 0}, r"line 3: fold is 0; expected at least 1"),
        ({"actor": "08"}, r"line 3: actor is '08'; expected at least one letter"),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused_on_writing(tmp_path, changes, expected):
    with pytest.raises(InputError, match=expected):
        write_table(folds(**changes), tmp_path / "folds.csv", FOLDS)
    assert not (tmp_path / "folds.csv").exists()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (",1\n", ",one\n", r"folds.csv line 2: fold is 'one'; expected a whole number"),
        (",1\n", ",1.5\n", r"folds.csv line 2: fold is '1.5'; expected a whole number"),
        (",F,", ",f,", r"folds.csv: line 3: gender is 'f'; expected one of F, M"),
        ("gender", "sex", r"no column gender; found corpus, actor, sex, group, fold"),
        ("corpus,", '"corpus,', r"cannot be read as a CSV table|no column"),
    ],
)
def test_a_table_edited_by_hand_is_refused_with_its_line(tmp_path, old, new, expected):
    path = tmp_path / "folds.csv"
    write_table(folds(), path, FOLDS)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=expected):
        read_table(path, FOLDS)


def test_a_missing_table_is_explained(tmp_path):
    with pytest.raises(InputError, match="does not exist; `dvc repro` makes it"):
        read_table(tmp_path / "folds.csv", FOLDS)


def test_an_empty_table_keeps_its_header(tmp_path):
    write_table(pd.DataFrame(columns=list(REJECTED.columns)), tmp_path / "r.csv", REJECTED)
    assert (tmp_path / "r.csv").read_text() == "corpus,path,reason\n"
    assert read_table(tmp_path / "r.csv", REJECTED).empty


def test_a_reason_outside_the_list_is_refused(tmp_path):
    row = {"corpus": "c", "path": "a b/ü.wav", "reason": "other emotion: disgust"}
    write_table(pd.DataFrame([row]), tmp_path / "r.csv", REJECTED)
    with pytest.raises(
        InputError, match="line 2: reason is 'bored'; expected one of other emotion, .*detail after a colon"
    ):
        write_table(pd.DataFrame([row | {"reason": "bored"}]), tmp_path / "r.csv", REJECTED)


def test_predictions_have_a_probability_for_each_class():
    schema = predictions_schema(("joy", "anger"))
    assert list(schema.columns)[-3:] == ["p_joy", "p_anger", "repeat"]


def test_a_key_twice_and_an_empty_number_are_refused(tmp_path):
    row = {
        "segment": "a-1", "utterance": "a", "corpus": "c", "emotion": "joy", "actor": "x", "gender": "F", "group": "x",
        "start_frame": 0, "num_frames": 5,
    }  # fmt: skip
    with pytest.raises(InputError, match="line [23]: segment is 'a-1'; expected each value once"):
        write_table(pd.DataFrame([row, row]), tmp_path / "s.csv", SEGMENTS)
    write_table(pd.DataFrame([row]), tmp_path / "s.csv", SEGMENTS)
    (tmp_path / "s.csv").write_text((tmp_path / "s.csv").read_text().replace(",5", ","))
    with pytest.raises(InputError, match="line 2: num_frames is ''; expected a whole number"):
        read_table(tmp_path / "s.csv", SEGMENTS)


def test_file_names_with_line_ends_in_them_survive(tmp_path):
    paths = ["Icon\r", "a\rb.wav", "c\nd.wav", 'e",f.wav', " g "]
    table = pd.DataFrame([{"corpus": "c", "path": path, "reason": "system file"} for path in paths])
    write_table(table, tmp_path / "r.csv", REJECTED)
    assert read_table(tmp_path / "r.csv", REJECTED)["path"].tolist() == paths


def partitioned(path, *rows):
    """A file of folds: corpus, actor, group and fold of each line."""
    table = pd.DataFrame(rows, columns=["corpus", "actor", "group", "fold"]).assign(gender="F")
    write_table(table, path, FOLDS)
    return path


SOUND = (("emodb", "a1", "g1", 1), ("emodb", "a2", "g1", 1), ("emodb", "a3", "g3", 2), ("savee", "a1", "g1", 2))


@pytest.mark.parametrize("folds", [None, 2])
def test_folds_that_are_a_partition_are_read(tmp_path, folds):
    path = partitioned(tmp_path / "folds.csv", *SOUND)
    assert list(read_folds(path, folds)["fold"]) == [1, 1, 2, 2]


def test_one_of_several_partitions_is_read_and_its_mistakes_have_the_lines_of_the_file(tmp_path):
    path = partitioned(tmp_path / "folds.csv", *SOUND)
    again = pd.read_csv(path)
    again = pd.concat([again.assign(repeat=1), again.assign(repeat=2, fold=3 - again["fold"])])
    write_table(again, path, FOLDS)
    assert [list(read_folds(path, 2, repeat)["fold"]) for repeat in (1, 2)] == [[1, 1, 2, 2], [2, 2, 1, 1]]
    with pytest.raises(InputError, match=r"folds\.csv: no row of repeat 3; expected repeats 1 to partition\.repeats"):
        read_folds(path, 2, 3)
    write_table(pd.concat([again, again.iloc[[5]].assign(fold=1)]), path, FOLDS)
    with pytest.raises(InputError, match=r"line 10: actor a2 of emodb is there with fold 1, and on line 7 with"):
        read_folds(path, 2, 2)


@pytest.mark.parametrize(
    ("row", "folds", "message"),
    [
        (
            ("emodb", "a2", "g1", 2), 2,
            r"folds\.csv line 6: actor a2 of emodb is there with fold 2, and on line 3 with fold 1; expected each",
        ),
        (("emodb", "a2", "g1", 1), 2, "actor a2 of emodb is there with fold 1, and on line 3 with fold 1"),
        (
            ("emodb", "a4", "g1", 2), 2,
            r"folds\.csv line 6: actor a4 of emodb is in fold 2, and a1 of the same group g1 on line 2 in fold 1",
        ),
        (
            ("emodb", "a9", "g9", 99), 2,
            r"folds\.csv line 6: fold is 99 for actor a9 of emodb; expected 1 to 2, which is partition\.folds",
        ),
        (("emodb", "a9", "g9", 1), 4, r"folds\.csv: fold 3 has no actor; expected at least one in each .* 1 to 4"),
        (("emodb", "a9", "g9", 4), None, r"folds\.csv: fold 3 has no actor"),
    ],
)  # fmt: skip
def test_folds_that_are_no_partition_are_named(tmp_path, row, folds, message):
    path = partitioned(tmp_path / "folds.csv", *SOUND, row)
    with pytest.raises(InputError, match=rf"{message}.*\. `dvc repro partition` makes the file again"):
        read_folds(path, folds)


def test_a_file_of_folds_without_actors_is_named(tmp_path):
    (tmp_path / "folds.csv").write_text("corpus,actor,gender,group,fold\n")
    with pytest.raises(InputError, match=r"folds\.csv: fold 1 has no actor"):
        read_folds(tmp_path / "folds.csv")
