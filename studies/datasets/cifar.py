"""CIFAR-10 and CIFAR-100: 50000 training and 10000 test images, 3 x 32 x 32 (Krizhevsky 2009), the binary version.

The Python version is pickled and is not read. The archive is read as it is published, without unpacking it.
"""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core.errors import InputError
from studies.datasets.files import Publication, PublishedFile, verified
from studies.datasets.images import ImageSet, RawImages, standardised

SHAPE = (3, 32, 32)
"""Red, green and blue planes, each row by row."""


@dataclass(frozen=True)
class Cifar:
    """One of the two sets.

    Attributes:
        name: its key.
        num_classes: number of classes.
        publication: the published archive.
        train: names of the files of the archive with the training images, in order.
        test: name of the file with the test images.
        labels: number of bytes before the pixels of an image; the last is its (fine) class.
    """

    name: str
    num_classes: int
    publication: Publication
    train: tuple[str, ...]
    test: str
    labels: int


CIFAR10 = Cifar(
    "cifar10",
    10,
    Publication(
        "CIFAR-10, binary version",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        (
            PublishedFile(
                "cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
            ),
        ),
    ),
    tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)),
    "cifar-10-batches-bin/test_batch.bin",
    1,
)

CIFAR100 = Cifar(
    "cifar100",
    100,
    Publication(
        "CIFAR-100, binary version",
        "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        (
            PublishedFile(
                "cifar-100-binary.tar.gz", 168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
            ),
        ),
    ),
    ("cifar-100-binary/train.bin",),
    "cifar-100-binary/test.bin",
    2,
)


def load(folder: Path, cifar: Cifar) -> ImageSet:
    """One of the sets, from its published archive.

    Raises:
        InputError: the archive is missing, differs from the published one, or is damaged.
    """
    (archive,) = verified(folder, cifar.publication)
    try:
        with tarfile.open(archive, "r:gz") as files:
            found = {name: _member(files, name, archive) for name in (*cifar.train, cifar.test)}
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise InputError(f"{archive} cannot be unpacked ({error}); fetch it again") from None
    parts = [_records(found[name], f"{archive}: {name}", cifar) for name in cifar.train]
    train = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    test = _records(found[cifar.test], f"{archive}: {cifar.test}", cifar)
    return standardised(cifar.name, cifar.num_classes, train, test)


def _member(files: tarfile.TarFile, name: str, archive: Path) -> bytes:
    try:
        stream = files.extractfile(name)
    except KeyError:
        stream = None
    if stream is None:
        raise InputError(f"{archive} has no file {name}; expected the archive as published")
    return stream.read()


def _records(content: bytes, where: str, cifar: Cifar) -> RawImages:
    """Records of label bytes and pixels to images and classes."""
    size = cifar.labels + int(np.prod(SHAPE))
    if not content or len(content) % size:
        raise InputError(f"{where} has {len(content)} bytes; expected a multiple of {size}, one record for each image")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = records[:, cifar.labels - 1].astype(np.int64)
    if labels.max() >= cifar.num_classes:
        raise InputError(f"{where} names class {labels.max()}; expected 0 to {cifar.num_classes - 1}")
    return records[:, cifar.labels :].reshape(-1, *SHAPE), labels
