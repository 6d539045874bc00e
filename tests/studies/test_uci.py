import hashlib
import re

import numpy as np
import pytest

from pipeline.core.errors import InputError
from studies.datasets.tables import SHIPPED, shipped
from studies.datasets.uci import ADDRESS, ROWS, read_table


@pytest.fixture
def folder(tmp_path):
    """A table in the format of the published ones: 12 rows, 3 features, 2 splits."""
    draw = np.random.default_rng(0)
    inside = tmp_path / "small"
    inside.mkdir()
    np.savetxt(inside / "small_py.dat", draw.normal(size=(12, 3)), delimiter=",")
    np.savetxt(inside / "labels_py.dat", np.arange(12) % 3 + 1, delimiter=",")
    tested = np.arange(12)[:, None] % 4 == np.array([0, 1])
    np.savetxt(inside / "folds_py.dat", tested, delimiter=",", fmt="%d")
    np.savetxt(
        inside / "validation_folds_py.dat", np.arange(12)[:, None] % 4 == np.array([2, 3]), delimiter=",", fmt="%d"
    )
    return tmp_path


def test_a_table_is_read_with_its_splits(folder):
    table = read_table(folder, "small")
    assert table.features.shape == (12, 3)
    assert table.labels.tolist() == [0, 1, 2] * 4
    assert [len(rows) for rows in (table.splits[0].train, table.splits[0].valid, table.splits[0].test)] == [6, 3, 3]
    assert table.splits[1].test.tolist() == [1, 5, 9]


def refused(folder, **options):
    with pytest.raises(InputError) as caught:
        read_table(folder, "small", **options)
    return str(caught.value)


def test_a_missing_table_says_where_it_is_to_be_had_and_what_is_expected(tmp_path):
    with pytest.raises(InputError) as caught:
        read_table(tmp_path, "abalone")
    text = str(caught.value)
    assert ADDRESS in text
    assert "abalone/abalone_py.dat" in text
    assert "4177 rows" in text


def test_damage_is_refused(folder):
    assert re.search(r"small_py\.dat has 12 rows; expected 13", refused(folder, rows=13))
    (folder / "small/labels_py.dat").write_text("1\n2\n", "utf-8")
    assert re.search(r"labels_py\.dat has 2 rows; expected 12", refused(folder))
    (folder / "small/labels_py.dat").write_text("one\n", "utf-8")
    assert "labels_py.dat is not a table of comma-separated numbers" in refused(folder)


def test_a_row_in_two_parts_is_refused(folder):
    inside = folder / "small"
    (inside / "validation_folds_py.dat").write_bytes((inside / "folds_py.dat").read_bytes())
    assert "split 1 of" in (text := refused(folder))
    assert "3 rows are both for testing and for validation" in text


def test_checksums_are_checked_where_there_are_some(folder):
    path = folder / "small/labels_py.dat"
    sums = folder / "SHA256SUMS"
    sums.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  small/labels_py.dat\n", "utf-8")
    read_table(folder, "small")
    sums.write_text(f"{'0' * 64}  small/labels_py.dat\n", "utf-8")
    assert re.search(rf"labels_py\.dat has the SHA-256 [0-9a-f]{{64}}; expected {'0' * 64}", refused(folder))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_tables_are_split_by_class_and_standardised_by_training_rows(name):
    table = shipped(name)
    assert len(table.splits) == 4
    for number, split in enumerate(table.splits, start=1):
        every = np.concatenate([split.train, split.valid, split.test])
        assert sorted(every) == list(range(len(table.labels)))
        train, valid, test = table.parts(number)
        assert set(train.labels.tolist()) == set(valid.labels.tolist()) == set(test.labels.tolist())
        assert train.pixels.mean(dim=0).abs().max() < 1e-4
        deviation = train.pixels.std(dim=0, correction=0)
        assert ((deviation - 1).abs() < 1e-3).logical_or(deviation == 0).all()


def test_wine_is_split_as_published():
    split = shipped("wine").splits[0]
    assert abs(len(split.train) - 100) <= 1
    assert abs(len(split.valid) - 34) <= 1
    assert abs(len(split.test) - 44) <= 1


def test_the_published_tables_are_44_of_at_least_1000_rows():
    assert len(ROWS) == 44
    assert min(ROWS.values()) >= 1000
