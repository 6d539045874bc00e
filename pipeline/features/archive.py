"""Kaldi's archives: float32 matrices by key in an `.ark`, and the `.scp` with the position of each.

kaldi_io opens a file name that begins or ends with `|` as a shell command, so it is given open files only.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from types import ModuleType, TracebackType
from typing import BinaryIO, Self, overload

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import InputError
from pipeline.core.files import replacing

Matrix = NDArray[np.float32]

_KEY = re.compile(r"[!-~]+")
_OFFSET_DIGITS = 18  # below 2^63, the largest position that files have
_SHOWN = 200  # characters of a line in a message
_REMEDY = "Delete both files and run `dvc repro`, which makes them again"


def _import_kaldi_io() -> ModuleType:
    """Import kaldi_io without its side effects: a banner unless KALDI_ROOT exists, and a longer PATH."""
    before = {name: os.environ.get(name) for name in ("KALDI_ROOT", "PATH")}
    os.environ["KALDI_ROOT"] = os.curdir
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # newer Pythons warn of the escapes in its regular expressions
            import kaldi_io
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
    module: ModuleType = kaldi_io
    return module


kaldi_io = _import_kaldi_io()


class ArchiveWriter:
    """Writer of matrices to an ark and its scp; both files appear when the block ends without an error, else neither.

    >>> with ArchiveWriter(Path("data/features/mine/emodb.ark"), Path("data/features/mine/emodb.scp")) as archive:
    ...     archive.write("03a01Fa-1", matrix)  # doctest: +SKIP
    """

    def __init__(self, ark: Path, scp: Path) -> None:
        """Prepare to write.

        Args:
            ark: path of the archive, relative to the repository root, which the scp contains on every machine.
            scp: path of its index.

        Raises:
            ValueError: `ark` is absolute, leaves the repository, or is a name that Kaldi cannot read.
        """
        self._location = ark.as_posix()
        if problem := _problem(self._location):
            raise ValueError(f"archive {self._location} {problem}")
        self._ark, self._scp = ark, scp

    def __enter__(self) -> Self:
        with ExitStack() as files:
            # They are closed in reverse order: the scp appears last, when the archive exists.
            scp, ark = (files.enter_context(replacing(path)) for path in (self._scp, self._ark))
            self._ark_stream: BinaryIO = files.enter_context(ark.open("wb"))
            self._scp_stream = files.enter_context(scp.open("w", encoding="ascii", newline="\n"))
            self._files = files.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, error, trace)

    def write(self, key: str, matrix: Matrix) -> None:
        """Append a matrix.

        Args:
            key: printable ASCII without blanks.
            matrix: (rows, columns), float32.

        Raises:
            ValueError: Kaldi could not read the key or the matrix.
        """
        if not _KEY.fullmatch(key):
            raise ValueError(f"key {key!r} is not printable ASCII without blanks")
        if matrix.dtype != np.float32 or matrix.ndim != 2:
            raise ValueError(f"matrix {key} is {matrix.shape} of {matrix.dtype}; expected two dimensions of float32")
        self._ark_stream.write(f"{key} ".encode("ascii"))
        self._scp_stream.write(f"{key} {self._location}:{self._ark_stream.tell()}\n")
        kaldi_io.write_mat(self._ark_stream, matrix)


def read_archive(scp: Path, root: Path = Path()) -> Iterator[tuple[str, Matrix]]:
    """Read the matrices of an scp in its order, one at a time.

    Args:
        scp: path of a file with lines `key path:offset`, with paths relative to `root`.
        root: the repository root.

    Yields:
        Each key and its matrix, (rows, columns) of float32, writable.

    Raises:
        InputError: the scp or an archive is missing or damaged; or an entry is a shell command or leaves `root`,
            which Kaldi would follow and this reader does not follow.
    """
    with ExitStack() as files:
        archives: dict[str, BinaryIO] = {}
        for number, (key, location, offset) in enumerate(_entries(scp), start=1):
            if location not in archives:
                try:
                    archives[location] = files.enter_context((root / location).open("rb"))
                except OSError as error:
                    raise InputError(
                        f"{scp} line {number}: archive {location} cannot be opened ({error.strerror}). {_REMEDY}"
                    ) from None
            yield key, _read_matrix(archives[location], offset, f"{scp} line {number}: matrix {key} in {location}")


class MappedMatrices(Sequence[Matrix]):
    """The matrices of several scps by position, each read from a memory map on access.

    The system's cache keeps what was read recently, once for all processes, as long as there is memory.
    """

    def __init__(self, scps: Sequence[Path], root: Path = Path()) -> None:
        """Map the archives.

        Args:
            scps: paths of the indices; their matrices are concatenated in this order.
            root: the repository root.

        Raises:
            InputError: as `read_archive`.
        """
        self._entries = [(scp, line, *entry) for scp in scps for line, entry in enumerate(_entries(scp), start=1)]
        self._maps: dict[str, mmap.mmap] = {}
        for scp, line, _, location, _ in self._entries:
            if location not in self._maps:
                try:
                    with (root / location).open("rb") as stream:
                        self._maps[location] = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                except (OSError, ValueError) as error:
                    raise InputError(
                        f"{scp} line {line}: archive {location} cannot be mapped ({error}). {_REMEDY}"
                    ) from None

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, position: int) -> Matrix: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Matrix]: ...
    def __getitem__(self, position: int | slice) -> Matrix | Sequence[Matrix]:
        if isinstance(position, slice):
            return [self[index] for index in range(len(self))[position]]
        scp, line, key, location, offset = self._entries[position]
        return _read_matrix(self._maps[location], offset, f"{scp} line {line}: matrix {key} in {location}")


def read_keys(scp: Path) -> list[str]:
    """The keys of an scp, in its order.

    Raises:
        InputError: the scp is missing or damaged, as in `read_archive`.
    """
    return [key for key, _, _ in _entries(scp)]


def _entries(scp: Path) -> Iterator[tuple[str, str, int]]:
    """Key, location of the archive and byte offset of each line."""
    try:
        lines = scp.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        raise InputError(f"{scp} does not exist; `dvc repro` makes it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{scp} cannot be read as an scp: {error}. {_REMEDY}") from None
    for number, line in enumerate(lines, start=1):
        key, _, entry = line.partition(" ")
        location, _, offset = entry.rpartition(":")
        problem = _problem(entry) if entry else ""
        if not problem and not (_KEY.fullmatch(key) and location and offset.isdecimal()):
            problem = "is not `key path:offset`"
        elif not problem and len(offset) > _OFFSET_DIGITS:
            problem = f"has an offset of {len(offset)} digits; expected at most {_OFFSET_DIGITS}"
        if problem:
            shown = repr(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}...")
            raise InputError(f"{scp} line {number}: {shown} {problem}. {_REMEDY}")
        yield key, location, int(offset)


def _problem(location: str) -> str:
    """The reason why an archive with this name must not be read or written, else empty."""
    path = PurePosixPath(location)
    if "|" in location:
        return "has `|`, with which Kaldi runs a shell command"
    if path.is_absolute() or ".." in path.parts or "\\" in location:
        return "leaves the repository; expected a path relative to its root"
    if not _KEY.fullmatch(location):
        return "is not printable ASCII without blanks, which Kaldi needs"
    return ""


def _read_matrix(stream: BinaryIO | mmap.mmap, offset: int, what: str) -> Matrix:
    try:
        stream.seek(offset)
        _refuse_header(stream.read(15), _size(stream) - offset)
        stream.seek(offset)
        matrix = kaldi_io.read_mat(stream)
    # The errors of kaldi_io for bytes that are not a matrix or end too early.
    except (
        AssertionError, IndexError, OSError, OverflowError, UnicodeDecodeError, ValueError, struct.error,
        kaldi_io.UnknownMatrixHeader, kaldi_io.BadInputFormat,
    ) as error:  # fmt: skip
        raise InputError(
            f"{what} cannot be read at byte {offset} ({error or type(error).__name__}). {_REMEDY}"
        ) from None
    return np.array(matrix, dtype=np.float32)


def _size(stream: BinaryIO | mmap.mmap) -> int:
    return len(stream) if isinstance(stream, mmap.mmap) else os.fstat(stream.fileno()).st_size


def _refuse_header(header: bytes, size: int) -> None:
    """Raise a `ValueError` for a binary matrix that kaldi_io cannot read: it believes every number of rows.

    Args:
        header: first 15 bytes of the matrix: the mark, the type, and rows and columns, each after a byte with its size.
        size: number of bytes from its begin to the end of the archive.
    """
    kind = header[2:5]
    if not header.startswith(b"\0B"):
        return
    if kind.startswith(b"CM"):
        raise ValueError(
            f"it is compressed, type {kind.decode('ascii', 'replace').strip()} of Kaldi; expected FM, single "
            "precision without compression"
        )
    values = {b"FM ": 4, b"DM ": 8}.get(kind)
    if values and len(header) == 15:
        rows, columns = struct.unpack("<xixi", header[5:])
        if min(rows, columns) < 0 or len(header) + rows * columns * values > size:
            raise ValueError(f"its header promises {rows} x {columns} values, and {size} bytes are left")
