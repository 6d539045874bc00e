from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.features import Shape, Utterance
from pipeline.features.archive import read_archive
from pipeline.features.extraction import extract
from pipeline.features.segmentation import cut
from pipeline.frontends import table as module
from pipeline.frontends.registry import description, front_end_of
from pipeline.frontends.table import TableFrontEnd, TableOptions

VALUES = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
KEYS = ["u0", "u1", "u2", "u3"]
NONE = np.empty(0, np.float32)


def front_end(path: Path, **options: Any) -> TableFrontEnd:
    return TableFrontEnd(TableOptions(kind="table", path=str(path), **options))


def frame(keys: list[str] = KEYS, values: np.ndarray = VALUES, key: str = "utterance") -> pd.DataFrame:
    table = pd.DataFrame(values, columns=[f"f{i}" for i in range(values.shape[1])])
    table.insert(1, key, keys)
    return table


def written(folder: Path, ending: str, **options: Any) -> Path:
    """The same four rows in a file of each format."""
    path = folder / f"features.{ending}"
    table = frame(**options)
    key = options.get("key", "utterance")
    match ending:
        case "csv":
            table.to_csv(path, index=False)
        case "tsv":
            table.to_csv(path, index=False, sep="\t")
        case "parquet":
            table.to_parquet(path)
        case "npz":
            features = table.drop(columns=key).to_numpy()
            np.savez(path, features=features, **{key: table[key].to_numpy(dtype=str)})
    return path


@pytest.mark.parametrize("key", ["utterance", "path"])
@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "npz"])
def test_each_segment_has_the_row_of_its_utterance(tmp_path: Path, ending: str, key: str) -> None:
    names = KEYS if key == "utterance" else [f"a/{name}.wav" for name in KEYS]
    one = front_end(written(tmp_path, ending, key=key, keys=names))
    one.refuse_if_not_installed()
    assert one.shape == Shape(3, framewise=False)
    assert one.account([(name, f"a/{name}.wav") for name in KEYS]) == ()
    first, second = one.matrices(Utterance(NONE, [(0, 640), (108, 640)], "u2", "a/u2.wav"))
    np.testing.assert_allclose(first, VALUES[2:3], rtol=1e-6)
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    assert first.flags.writeable
    assert not np.shares_memory(first, second)


def test_an_npz_may_have_an_array_for_each_utterance_or_path(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", **{"a/u0.wav": VALUES[0], "u1": VALUES[1]})
    one = front_end(tmp_path / "one.npz")
    assert one.dims == 3
    assert one.account([("u0", "a/u0.wav"), ("u1", "a/u1.wav")]) == ()
    np.testing.assert_array_equal(one.matrices(Utterance(NONE, [(0, 9)], "u0", "a/u0.wav"))[0], VALUES[:1])
    np.savez(tmp_path / "many.npz", u0=VALUES, u1=VALUES[:2])
    many = front_end(tmp_path / "many.npz", rows="many")
    np.testing.assert_array_equal(many.matrices(Utterance(NONE, [(0, 9)], "u0"))[0], VALUES)
    np.testing.assert_array_equal(many.matrices(Utterance(NONE, [(0, 9)], "u1"))[0], VALUES[:2])


def test_columns_that_are_not_features_are_left_out(tmp_path: Path) -> None:
    table = frame()
    table["path"] = "some.wav"
    table["emotion"] = "joy"
    table.to_csv(tmp_path / "features.csv")  # with an index, which has no name
    one = front_end(tmp_path / "features.csv", ignore=("emotion",))
    assert one.dims == 3
    (note,) = one.account([(key, "") for key in KEYS])
    assert note.endswith("features.csv: 1 column without a name, taken for row numbers, left out")
    table[table["f0"] < table["f0"].max()].to_parquet(tmp_path / "f.parquet")  # with gaps in its index
    assert front_end(tmp_path / "f.parquet", ignore=("emotion",)).dims == 3


def test_a_path_is_found_with_backslashes_and_a_dot(tmp_path: Path) -> None:
    path = written(tmp_path, "csv", key="path", keys=[".\\a\\u0.wav", "./a/u1.wav", "NA", "nan"])
    one = front_end(path)
    assert one.account([(name, name) for name in ("a/u0.wav", "a/u1.wav", "NA", "nan")]) == ()


def utterances(paths: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of utterances u0, u1 ... and of one segment each, as extraction reads them."""
    of = pd.DataFrame({"utterance": [f"u{i}" for i in range(len(paths))], "path": paths})
    segments = of.assign(segment=of["utterance"] + "-1", start_frame=0, num_frames=100)
    return of, segments


def test_extraction_reads_no_audio_and_accounts_for_keys_and_missing_values(tmp_path: Path) -> None:
    values = VALUES.copy()
    values[0, 1], values[1, 0], values[1, 2] = np.nan, np.inf, -np.inf
    path = written(tmp_path, "csv", values=values)
    scp = tmp_path / "mine.scp"
    messages = extract(*utterances(["a.wav", "b.wav"]), tmp_path, Path("mine.ark"), scp, front_end(path), workers=2)
    assert messages == (
        f"{path}: 2 of 4 keys belong to no recording of this corpus: u2, u3",
        "warning: 2 of 2 recordings with values that are not finite (NaN or infinite), which are replaced by 0: "
        "a.wav (1 value), b.wav (2 values)",
    )
    Path("mine.ark").rename(tmp_path / "mine.ark")
    found = dict(read_archive(scp, tmp_path))
    np.testing.assert_allclose(found["u0-1"], np.where(np.isfinite(values[:1]), values[:1], 0), rtol=1e-6)


def test_a_table_with_a_row_for_half_the_recordings_is_refused(tmp_path: Path) -> None:
    one = front_end(written(tmp_path, "csv"))
    with pytest.raises(
        InputError,
        match=r"features.csv has no row of 4 of 8 recordings \(u4, u5, u6, u7\); it has 4 keys \(u0, u1, u2 and 1 more\)",
    ):
        one.account([(f"u{i}", f"{i}.wav") for i in range(8)])
    with pytest.raises(InputError, match=r"has no row of u9"):
        one.matrices(Utterance(NONE, [(0, 9)], "u9"))
    (tmp_path / "header.csv").write_text("utterance,f0\n")
    with pytest.raises(InputError, match=r"has no row of 1 of 1 recording \(u9\); it has 0 keys; expected every"):
        front_end(tmp_path / "header.csv").account([("u9", "9.wav")])
    by_path = front_end(written(tmp_path, "npz", key="path"), key="path")
    with pytest.raises(InputError, match=r"has no row of 1 of 1 recording \(a/x.wav\)"):
        by_path.account([("u0", "a/x.wav")])


def test_a_key_in_two_rows_is_refused_where_each_has_one(tmp_path: Path) -> None:
    path = written(tmp_path, "csv", keys=["u0", "u1", "u0", "u0"])
    with pytest.raises(InputError, match=r"has 1 key more than once: u0 \(3 rows\); .* or set `rows: many`"):
        front_end(path).account([("u0", ""), ("u1", "")])
    many = front_end(path, rows="many")
    assert many.account([("u0", ""), ("u1", "")]) == ()
    np.testing.assert_allclose(many.matrices(Utterance(NONE, [(0, 9)], "u0"))[0], VALUES[[0, 2, 3]], rtol=1e-6)


def many_rows(tmp_path: Path, number: int, **options: Any) -> TableFrontEnd:
    """An utterance u with rows 0, 1, 2 ..."""
    table = pd.DataFrame({"utterance": "u", "f0": np.arange(number, dtype=float)})
    table.to_csv(tmp_path / "many.csv", index=False)
    return front_end(tmp_path / "many.csv", rows="many", **options)


def test_rows_with_a_shift_belong_to_the_segment_of_their_time(tmp_path: Path) -> None:
    one = many_rows(tmp_path, 149, shift=2)  # an encoder left out the last half row of 300 frames
    assert one.shape == Shape(1, True, 2)
    first, second = one.matrices(Utterance(NONE, [(0, 200), (100, 200)], "u"))
    assert first[:, 0].tolist() == list(range(100))
    assert second[:, 0].tolist() == [*range(50, 149), 148], "the last row is repeated"
    with pytest.raises(
        InputError, match=r"has 149 rows of u; expected about 300, one every 20 ms of its 6.00 s; correct `shift`"
    ):
        one.matrices(Utterance(NONE, [(0, 600)], "u"))


def test_rows_without_a_shift_are_spread_evenly(tmp_path: Path) -> None:
    one = many_rows(tmp_path, 10)
    assert one.shape == Shape(1, True, None)
    whole, first, second, short = one.matrices(Utterance(NONE, [(0, 1000), (0, 640), (360, 640), (10, 5)], "u"))
    assert whole[:, 0].tolist() == list(range(10))
    assert first[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert second[:, 0].tolist() == [4, 5, 6, 7, 8, 9]
    assert short[:, 0].tolist() == [0], "at least the nearest"


@given(rows=st.integers(1, 50), frames=st.integers(1, 3000), longest=st.integers(10, 700))
def test_no_row_is_lost_between_segments(rows: int, frames: int, longest: int) -> None:
    values = np.arange(rows, dtype=np.float32)[:, None]
    seen: set[float] = set()
    for start, length in cut(frames, longest):
        piece = module._spread(values, frames, start, length)
        assert len(piece)
        assert (np.diff(piece[:, 0]) == 1).all()
        seen |= set(piece[:, 0].tolist())
    assert seen == set(range(rows))


def refused(path: Path, **options: Any) -> str:
    one = front_end(path, **options)
    with pytest.raises(InputError) as error:  # noqa: PT012 (the first, or else the second)
        one.refuse_if_not_installed()
        one.account([(key, "") for key in KEYS])
    return str(error.value)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "features.csv"
    assert "features.csv cannot be opened (No such file or directory)" in refused(path)
    assert "unknown format; expected a name with .csv, .tsv, .parquet, .npz" in refused(tmp_path / "features.xlsx")
    path.write_text("name,f0\nu0,1\n")
    assert "has no column utterance or path; found 'name', 'f0'; expected the key of each row there" in refused(path)
    path.write_text("")
    assert "has no column utterance or path; found none; expected" in refused(path)
    path.write_text("utterance,path\nu0,a\n")
    assert "has no feature beside the columns utterance, path" in refused(path)
    assert "ignore: " in refused(path, ignore=("emotion",))
    path.write_text("utterance,f0,f0\nu0,1,2\n")
    assert "has the columns 'f0' twice" in refused(path)
    path.write_text("utterance,f0\nu0,1,2\nu1,1,2\n")
    assert "cannot be read as CSV" in refused(path)
    path.write_text("utterance,f0\nu0,1\n,2\n")
    assert "row 2 of the data has the key ''" in refused(path)
    path.write_bytes(b"utterance,f\xff\n")
    assert "cannot be read as CSV in UTF-8" in refused(path)
    for ending in ("parquet", "npz"):
        damaged = tmp_path / f"damaged.{ending}"
        damaged.write_bytes(b"nothing")
        assert f"damaged.{ending} cannot be read as {'NPZ' if ending == 'npz' else 'Parquet'}" in refused(damaged)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_cell_that_is_not_a_number_is_named(tmp_path: Path, ending: str) -> None:
    table = frame().astype({"f2": object})
    table["f2"] = ["1", "high", "", "low"] if ending == "csv" else ["1", "high", None, "low"]
    path = tmp_path / f"features.{ending}"
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    message = refused(path)
    row = 3 if ending == "csv" else 2
    assert f"column 'f2', row {row}: 'high' is not a number (2 such cells in the column)" in message
    assert "If the column is not a feature, name it under `ignore`" in message


def test_arrays_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    np.savez(path, u0=np.array([{}], dtype=object))
    assert "cannot be read as arrays of numbers: Object arrays cannot be loaded" in refused(path)
    np.savez(path, u0=np.zeros(3), u1=np.zeros(4))
    assert "the array 'u1' is 4 of float64; expected numbers, (3,) for one row or (rows, 3) for many" in refused(path)
    np.savez(path, u0=np.array(["a"]))
    assert "the array 'u0' is 1 of <U1; expected numbers" in refused(path)
    np.savez(path, utterance=np.array(["u0"]), features=np.zeros((2, 3)))
    assert "`features` is 2 x 3 of float64 for 1 key; expected numbers, a row for each key" in refused(path)
    np.savez(path)
    assert "has no arrays" in refused(path)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("keyed", [{"u0": [1e300, 1]}, {"utterance": ["u0"], "features": [[1e300, 1]]}])
def test_a_value_beyond_float32_is_infinite_without_a_warning_of_numpy(tmp_path: Path, keyed: dict[str, Any]) -> None:
    np.savez(tmp_path / "big.npz", **{name: np.array(values) for name, values in keyed.items()})
    (matrix,) = front_end(tmp_path / "big.npz").matrices(Utterance(NONE, [(0, 9)], "u0"))
    np.testing.assert_array_equal(matrix, [[np.inf, 1]])


def test_a_shift_of_single_rows_is_refused() -> None:
    with pytest.raises(InputError, match=r"^shift: 2; with one row an utterance there is none; remove it"):
        TableOptions(kind="table", path="features.csv", shift=2).completed("segment", {})


def test_the_identity_is_the_content(tmp_path: Path) -> None:
    path = written(tmp_path, "csv")
    one = front_end(path, ignore=("f2",))
    described = description(one)
    assert described["shape"]["dims"] == 2
    utterance = Utterance(NONE, [(0, 9)], "u1")
    for other in (pickle.loads(pickle.dumps(one)), front_end_of(described["options"])):  # noqa: S301
        np.testing.assert_allclose(other.matrices(utterance)[0], VALUES[1:2, :2], rtol=1e-6)
    assert one.identity() == {"table": described["identity"]["table"]}
    written(tmp_path, "csv", values=VALUES + 1)
    assert one.identity()["table"] != described["identity"]["table"]
    np.testing.assert_allclose(one.matrices(utterance)[0], VALUES[1:2, :2] + 1, rtol=1e-6)


def test_parquet_without_pyarrow_names_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "parquet")
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "pyarrow" else find_spec(name))
    assert "needs pyarrow to read Parquet, which is not installed; `pip install" in refused(path)
    front_end(written(tmp_path, "csv")).refuse_if_not_installed()
