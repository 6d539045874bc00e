from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import InputError
from pipeline.features.archive import ArchiveWriter, MappedMatrices, kaldi_io, read_archive, read_keys

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"

ARK, SCP = Path("data/features/emodb.ark"), Path("data/features/emodb.scp")


@pytest.fixture(autouse=True)
def _repository_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def matrices() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {f"u{i}-1": rng.normal(size=(i + 1, 257)).astype(np.float32) for i in range(4)}


def write(written: dict[str, np.ndarray]) -> None:
    with ArchiveWriter(ARK, SCP) as archive:
        for key, matrix in written.items():
            archive.write(key, matrix)


def test_what_is_written_is_read_in_order() -> None:
    write(matrices())
    read = dict(read_archive(SCP))
    assert list(read) == list(matrices()) == read_keys(SCP)
    for key, matrix in matrices().items():
        assert read[key].dtype == np.float32
        assert read[key].flags.writeable
        np.testing.assert_array_equal(read[key], matrix)


def test_mapped_matrices_are_those_that_are_read() -> None:
    write(matrices())
    mapped = MappedMatrices([SCP, SCP])
    assert len(mapped) == 2 * len(matrices())
    for position, matrix in [*enumerate(matrices().values()), (5, matrices()["u1-1"]), (-1, matrices()["u3-1"])]:
        np.testing.assert_array_equal(mapped[position], matrix)
        mapped[position][:] = 0  # a copy: what is mapped stays
        np.testing.assert_array_equal(mapped[position], matrix)
    assert [len(matrix) for matrix in mapped[1:3]] == [2, 3]
    with pytest.raises(IndexError):
        mapped[8]


def test_an_archive_that_is_missing_empty_or_cut_cannot_be_mapped() -> None:
    write(matrices())
    whole = ARK.read_bytes()
    ARK.write_bytes(whole[:-10])
    with pytest.raises(
        InputError, match=r"emodb\.scp line 4: matrix u3-1 in data/features/emodb\.ark cannot be read at byte"
    ):
        MappedMatrices([SCP])[3]
    ARK.write_bytes(b"")
    with pytest.raises(InputError, match=r"archive data/features/emodb\.ark cannot be mapped .*`dvc repro`"):
        MappedMatrices([SCP])
    ARK.unlink()
    with pytest.raises(InputError, match=r"archive data/features/emodb\.ark cannot be mapped"):
        MappedMatrices([SCP])


def test_bytes_are_kaldis() -> None:
    matrix = np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    write({"a-1": matrix, "b-1": matrix[:1]})
    first = b"\0BFM \4" + struct.pack("<i", 2) + b"\4" + struct.pack("<i", 3) + struct.pack("<6f", 1, 2, 3, 4, 5, 6)
    second = b"\0BFM \4" + struct.pack("<i", 1) + b"\4" + struct.pack("<i", 3) + struct.pack("<3f", 1, 2, 3)
    assert ARK.read_bytes() == b"a-1 " + first + b"b-1 " + second
    assert SCP.read_bytes() == f"a-1 {ARK}:4\nb-1 {ARK}:{4 + len(first) + 4}\n".encode()


def test_a_golden_archive_is_copied_byte_for_byte() -> None:
    Path("spectrogram.ark").write_bytes((GOLDEN / "spectrogram.ark").read_bytes())
    with ArchiveWriter(Path("copy.ark"), Path("copy.scp")) as archive:
        for key, matrix in read_archive(GOLDEN / "spectrogram.scp"):
            archive.write(key, matrix)
    assert Path("copy.ark").read_bytes() == Path("spectrogram.ark").read_bytes()
    golden = (GOLDEN / "spectrogram.scp").read_text(encoding="ascii")
    assert Path("copy.scp").read_text(encoding="ascii") == golden.replace("spectrogram.ark", "copy.ark")


def test_kaldi_io_reads_it_by_name() -> None:
    write(matrices())
    with SCP.open("rb") as stream:
        read = dict(kaldi_io.read_mat_scp(stream))
    assert list(read) == list(matrices())
    np.testing.assert_array_equal(read["u3-1"], matrices()["u3-1"])


def test_paths_are_relative_to_the_root_given() -> None:
    write(matrices())
    root = Path.cwd()
    os.chdir(root / "data")
    assert [key for key, _ in read_archive(root / SCP, root)] == list(matrices())


def test_nothing_appears_before_the_end_or_after_an_error() -> None:
    archive = ArchiveWriter(ARK, SCP)
    with pytest.raises(ValueError, match="key ''"), archive:
        _write_one_and_look(archive)
    assert list(ARK.parent.iterdir()) == []


def _write_one_and_look(archive: ArchiveWriter) -> None:
    archive.write("a-1", np.zeros((1, 2), np.float32))
    assert not ARK.exists()
    assert not SCP.exists()
    archive.write("", np.zeros((1, 2), np.float32))


def test_an_error_leaves_the_files_before_it() -> None:
    write(matrices())
    with pytest.raises(ValueError, match="key 'a b' is not printable ASCII"), ArchiveWriter(ARK, SCP) as archive:
        archive.write("a b", np.zeros((1, 2), np.float32))
    assert read_keys(SCP) == list(matrices())


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.zeros(4, np.float32)])
def test_only_float32_matrices_are_written(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected two dimensions of float32"), ArchiveWriter(ARK, SCP) as archive:
        archive.write("a-1", matrix)


@pytest.mark.parametrize("path", ["/tmp/x.ark", "../x.ark", "a b.ark", "x|.ark", "é.ark"])  # noqa: S108
def test_an_archive_lies_inside_the_repository(path: str) -> None:
    with pytest.raises(ValueError, match=r"archive .* (leaves the repository|shell command|printable ASCII)"):
        ArchiveWriter(Path(path), SCP)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a-1 touch owned |", r"line 2: 'a-1 touch owned \|' has `\|`, with which Kaldi runs a shell command"),
        ("a-1 |touch owned:0", "shell command"),
        ("a-1 /etc/passwd:0", "leaves the repository"),
        ("a-1 data/../../x.ark:0", "leaves the repository"),
        ("a-1 data\\x.ark:0", "leaves the repository"),
        ("a-1", "is not `key path:offset`"),
        ("a-1 data/features/emodb.ark", "is not `key path:offset`"),
        ("a-1 data/features/emodb.ark:4[0:1]", "is not `key path:offset`"),
        ("", "is not `key path:offset`"),
        ("a-1 data/features/no.ark:4", "line 2: archive data/features/no.ark cannot be opened"),
        ("a-1 data/features:4", "cannot be opened"),
        ("a-1 data/features/emodb.ark:0", "line 2: matrix a-1 in data/features/emodb.ark cannot be read at byte 0"),
        ("a-1 data/features/emodb.ark:999999", "cannot be read at byte 999999"),
        ("a-1 data/features/emodb.ark:999999999999999999", "line 2: .* a-1 in data/features/emodb.ark cannot be read"),
        (f"a-1 data/features/emodb.ark:{2**63 - 1}", "line 2: .* has an offset of 19 digits; expected at most 18"),
        (f"a-1 data/features/emodb.ark:{'9' * 5000}", r"line 2: 'a-1 .{190,200}\.\.\.' has an offset of 5000 digits"),
    ],
)
def test_a_line_that_must_not_be_followed(line: str, message: str) -> None:
    write(matrices())
    first = SCP.read_text(encoding="ascii").splitlines()[0]
    SCP.write_text(f"{first}\n{line}\nu0-1 {ARK}:5\n", encoding="ascii")
    with pytest.raises(InputError, match=message):
        list(read_archive(SCP))
    with pytest.raises(InputError, match=r"emodb\.scp line 2"):
        MappedMatrices([SCP])[1]
    assert not Path("owned").exists()


@pytest.mark.parametrize("keep", [4, 6, 9, 12, 30, 1000])
def test_a_truncated_archive_is_named(keep: int) -> None:
    write({"a-1": np.ones((3, 257), np.float32)})
    ARK.write_bytes(ARK.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"matrix a-1 in .*emodb.ark cannot be read .* run `dvc repro`"):
        list(read_archive(SCP))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"CM " + bytes(16), "compressed, type CM of Kaldi; expected FM, single precision without compression"),
        (b"CM2 " + bytes(16), "compressed, type CM2 of Kaldi"),
        (b"FM \4" + struct.pack("<i", 2**31 - 1) + b"\4" + struct.pack("<i", 257), "promises 2147483647 x 257 values"),
        (
            b"DM \4" + struct.pack("<i", -1) + b"\4" + struct.pack("<i", 1),
            "promises -1 x 1 values, and 21 bytes are left",
        ),
        (b"FM \4" + struct.pack("<i", 70000) + b"\4" + struct.pack("<i", 70000), "promises 70000 x 70000 values"),
    ],
    ids=["compressed", "compressed without columns", "too many", "negative", "product beyond 32 bits"],
)
def test_a_header_that_cannot_be_followed(header: bytes, reason: str) -> None:
    write({"a-1": np.ones((3, 257), np.float32)})
    ARK.write_bytes(b"a-1 \0B" + header + bytes(6))
    expected = rf"emodb\.scp line 1: matrix a-1 in data/features/emodb\.ark cannot be read at byte 4 \(.*{reason}"
    with pytest.raises(InputError, match=expected):
        list(read_archive(SCP))
    with pytest.raises(InputError, match=expected):
        MappedMatrices([SCP])[0]


def test_a_missing_or_unreadable_index_is_named() -> None:
    with pytest.raises(InputError, match=r"emodb.scp does not exist; `dvc repro` makes it"):
        list(read_archive(SCP))
    SCP.parent.mkdir(parents=True)
    SCP.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as an scp"):
        read_keys(SCP)


def test_importing_is_silent_and_leaves_the_environment_alone() -> None:
    program = (
        "import os; before = dict(os.environ); import pipeline.features.archive; assert dict(os.environ) == before"
    )
    environment = {name: value for name, value in os.environ.items() if name != "KALDI_ROOT"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
