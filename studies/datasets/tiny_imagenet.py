"""Tiny ImageNet: 200 classes of 500 training and 50 validation images, 3 x 64 x 64, JPEG in a zip archive.

Labels of its test images are not published, so the validation images serve as test images, as is usual.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipeline.core.errors import InputError
from studies.datasets.files import Publication, PublishedFile, verified
from studies.datasets.images import ImageSet, RawImages, standardised

SIZE = 64

TINY_IMAGENET = Publication(
    "Tiny ImageNet",
    "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    (PublishedFile("tiny-imagenet-200.zip", 248100043, "90528d7ca1a48142e341f4ef8d21d0de", "md5"),),
)

ROOT = "tiny-imagenet-200"


def load(folder: Path, publication: Publication = TINY_IMAGENET) -> ImageSet:
    """Tiny ImageNet from its published archive; classes in the order of `wnids.txt`.

    Raises:
        InputError: the archive is missing, differs from the published one, or is damaged.
    """
    (archive,) = verified(folder, publication)
    try:
        with zipfile.ZipFile(archive) as files:
            names = files.read(f"{ROOT}/wnids.txt").decode().split()
            classes = {name: number for number, name in enumerate(names)}
            inside = [PurePosixPath(name) for name in sorted(files.namelist()) if name.endswith(".JPEG")]
            train = [(path, path.parts[2]) for path in inside if path.parts[1] == "train"]
            rows = files.read(f"{ROOT}/val/val_annotations.txt").decode().splitlines()
            test = [(PurePosixPath(ROOT, "val/images", name), label) for name, label, *_ in map(str.split, rows)]
            return standardised(
                "tiny_imagenet", len(classes), _read(files, train, classes), _read(files, test, classes)
            )
    except (zipfile.BadZipFile, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{archive} cannot be read ({error}); fetch it again from {publication.address}") from None
    except KeyError as error:
        raise InputError(f"{archive}: {error.args[0]}; expected the archive as published") from None


def _read(files: zipfile.ZipFile, entries: list[tuple[PurePosixPath, str]], classes: dict[str, int]) -> RawImages:
    if not entries:
        raise InputError(f"{files.filename} holds no images; expected the archive as published")
    pixels = np.empty((len(entries), 3, SIZE, SIZE), np.uint8)
    for number, (path, _) in enumerate(entries):
        pixels[number] = _decoded(files.read(str(path)), f"{files.filename}: {path}")
    return pixels, np.array([classes[label] for _, label in entries], np.int64)


def _decoded(content: bytes, where: str) -> NDArray[np.uint8]:
    """(3, 64, 64) levels; grey images get three equal planes."""
    try:
        levels = np.asarray(Image.open(io.BytesIO(content), formats=("JPEG",)).convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise InputError(f"{where} is not a readable image ({error})") from None
    if levels.shape != (SIZE, SIZE, 3):
        raise InputError(f"{where} is {levels.shape[1]} x {levels.shape[0]} pixels; expected {SIZE} x {SIZE}")
    return levels.transpose(2, 0, 1)
