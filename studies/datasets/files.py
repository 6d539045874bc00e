"""Files as their owner publishes them: present, whole and unchanged, or an error that says what to fetch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.errors import InputError


@dataclass(frozen=True)
class PublishedFile:
    """One file of a data set.

    Attributes:
        name: its name.
        size: size in bytes.
        digest: checksum in hexadecimal digits.
        algorithm: algorithm of the checksum; MD5 where the owner or the usual loaders give no other.
    """

    name: str
    size: int
    digest: str
    algorithm: Literal["md5", "sha256"] = "sha256"


@dataclass(frozen=True)
class Publication:
    """The address of a data set, and its files."""

    title: str
    address: str
    files: tuple[PublishedFile, ...]

    def expected(self) -> str:
        """Names, sizes and address in words, for messages."""
        names = "; ".join(f"{file.name}, {file.size} bytes" for file in self.files)
        return f"{names}; from {self.address}"


def verified(folder: Path, publication: Publication) -> Sequence[Path]:
    """The paths of all files of a publication, in its order, after their sizes and checksums were compared.

    Raises:
        InputError: a file is missing or differs from the published one.
    """
    paths = [folder / file.name for file in publication.files]
    if missing := [path.name for path in paths if not path.is_file()]:
        raise InputError(
            f"{publication.title}: {', '.join(missing)} not found in {folder}; expected there, as published and not "
            f"unpacked: {publication.expected()}; put them there, or set the data's path to where they lie"
        )
    for path, file in zip(paths, publication.files, strict=True):
        _verify(path, file, publication)
    return paths


def _verify(path: Path, file: PublishedFile, publication: Publication) -> None:
    size = path.stat().st_size
    if size != file.size:
        what = f"has {size} bytes; expected {file.size}"
    else:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, file.algorithm).hexdigest()
        if digest == file.digest:
            return
        what = f"has the {file.algorithm.upper()} checksum {digest}; expected {file.digest}"
    raise InputError(
        f"{publication.title}: {path} {what}; the download is incomplete or the file is not the published one: "
        f"fetch it again from {publication.address}"
    )
