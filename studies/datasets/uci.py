"""The UCI tables with the splits of Klambauer et al. 2017, as Littwin & Wolf 2018 use them.

They are the 121 tables of Fernández-Delgado et al. 2014, prepared and split; `ADDRESS` is the owners' archive (39 MB).
Unpacked, a folder `data` holds one folder for each table, with four files of comma-separated numbers, without headers:

    <table>/<table>_py.dat              one row for each case, one column for each feature
    <table>/labels_py.dat               one class for each row, from 0 or 1
    <table>/folds_py.dat                one column for each split: 1 where the row is for testing
    <table>/validation_folds_py.dat     likewise: 1 where it is for validation

The owners publish no checksums. Sizes are checked against `ROWS`, and a `SHA256SUMS` (as `sha256sum` writes it, paths
relative to the folder it lies in) in the folder of all tables is checked where there is one.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.core.errors import InputError
from studies.datasets.tables import Split, Table

ADDRESS = "http://www.bioinf.jku.at/people/klambauer/data_py.zip"

SUMS = "SHA256SUMS"

ROWS = {
    "abalone": 4177, "adult": 48842, "bank": 4521, "car": 1728, "cardiotocography-10clases": 2126,
    "cardiotocography-3clases": 2126, "chess-krvk": 28056, "chess-krvkp": 3196, "connect-4": 67557, "contrac": 1473,
    "hill-valley": 1212, "image-segmentation": 2310, "led-display": 1000, "letter": 20000, "magic": 19020,
    "miniboone": 130064, "molec-biol-splice": 3190, "mushroom": 8124, "nursery": 12960,
    "oocytes_merluccius_nucleus_4d": 1022, "oocytes_merluccius_states_2f": 1022, "optical": 5620, "ozone": 2536,
    "page-blocks": 5473, "pendigits": 10992, "plant-margin": 1600, "plant-shape": 1600, "plant-texture": 1599,
    "ringnorm": 7400, "semeion": 1593, "spambase": 4601, "statlog-german-credit": 1000, "statlog-image": 2310,
    "statlog-landsat": 6435, "statlog-shuttle": 58000, "steel-plates": 1941, "thyroid": 7200, "titanic": 2201,
    "twonorm": 7400, "wall-following": 5456, "waveform": 5000, "waveform-noise": 5000, "wine-quality-red": 1599,
    "wine-quality-white": 4898,
}  # fmt: skip
"""Rows of the 44 tables of Littwin & Wolf's table 5, as UCI describes them, training and test files joined."""


def read_table(folder: Path, name: str, rows: int | None = None) -> Table:
    """Read one table.

    Args:
        folder: the folder of all tables.
        name: name of the table and of its folder.
        rows: expected number of rows; default: that of `ROWS`; not checked for a table that is not in `ROWS`.

    Raises:
        InputError: a file is missing, damaged or has another number of rows, or the splits overlap.
    """
    files = [folder / name / file for file in (f"{name}_py.dat", "labels_py.dat", "folds_py.dat",
                                               "validation_folds_py.dat")]  # fmt: skip
    expected = ROWS.get(name) if rows is None else rows
    missing = [path for path in files if not path.is_file()]
    if missing:
        size = "" if expected is None else f", of {expected} rows each"
        raise InputError(
            f"the UCI table {name} lacks {', '.join(str(path) for path in missing)}; download {ADDRESS} (39 MB), "
            f"unpack it, and give its folder `data` as the path; expected there: "
            f"{', '.join(f'{name}/{path.name}' for path in files)}{size}"
        )
    _check_sums(folder, files)
    features, labels, tested, selected = (_numbers(path) for path in files)
    for path, numbers in zip(files, (features, labels, tested, selected), strict=True):
        if len(numbers) != (expected or len(features)):
            raise InputError(
                f"{path} has {len(numbers)} rows; expected {expected or len(features)}; "
                f"unpack {ADDRESS} again, or set `rows` of the table to the right number"
            )
    if not np.isfinite(features).all():
        raise InputError(f"{files[0]} has values that are not finite numbers; expected none; unpack {ADDRESS} again")
    if tested.shape != selected.shape:
        raise InputError(
            f"{files[2]} has {tested.shape[1]} splits and {files[3]} {selected.shape[1]}; expected the same number"
        )
    classes, codes = np.unique(labels[:, 0], return_inverse=True)
    if len(classes) < 2 or len(classes) > len(labels) // 2:
        raise InputError(f"{files[1]} has {len(classes)} different classes in {len(labels)} rows; expected classes")
    splits = tuple(
        _split(tested[:, number] == 1, selected[:, number] == 1, f"split {number + 1} of {folder / name}")
        for number in range(tested.shape[1])
    )
    return Table(name, features, codes.astype(np.int64), splits)


def _split(tested: npt.NDArray[np.bool_], selected: npt.NDArray[np.bool_], where: str) -> Split:
    both = int((tested & selected).sum())
    if both:
        raise InputError(
            f"{where}: {both} rows are both for testing and for validation; expected none; unpack {ADDRESS} again"
        )
    split = Split(*(np.flatnonzero(rows) for rows in (~tested & ~selected, selected, tested)))
    if min(len(split.train), len(split.valid), len(split.test)) == 0:
        raise InputError(
            f"{where} has {len(split.train)} training, {len(split.valid)} validation and {len(split.test)} test rows; "
            f"expected some of each; unpack {ADDRESS} again"
        )
    return split


def _numbers(path: Path) -> npt.NDArray[np.float64]:
    """(rows, columns) of a file."""
    try:
        return np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not a table of comma-separated numbers ({error}); unpack {ADDRESS} again"
        ) from None


def _check_sums(folder: Path, files: list[Path]) -> None:
    """Compare files with `SHA256SUMS`, if there is one."""
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return
    sums = {match[2]: match[1] for line in lines if (match := re.fullmatch(r"([0-9a-f]{64}) [ *](?:\./)?(.+)", line))}
    for path in files:
        key = path.relative_to(folder).as_posix()
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if key in sums and sums[key] != found:
            raise InputError(
                f"{path} has the SHA-256 {found}; expected {sums[key]} ({folder / SUMS}); unpack {ADDRESS} again"
            )
