"""MNIST: 60000 training and 10000 test images of handwritten digits, 28 x 28, in idx files (LeCun & Cortes 2010)."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import InputError
from studies.datasets.files import Publication, PublishedFile, verified
from studies.datasets.images import ImageSet, RawImages, standardised

MNIST = Publication(
    "MNIST",
    "https://ossci-datasets.s3.amazonaws.com/mnist/ (a mirror of http://yann.lecun.com/exdb/mnist/)",
    (
        PublishedFile(
            "train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        PublishedFile(
            "train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        PublishedFile(
            "t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        PublishedFile(
            "t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    ),
)


def load(folder: Path, publication: Publication = MNIST) -> ImageSet:
    """MNIST from the four published files.

    Raises:
        InputError: a file is missing, differs from the published one, or is not an idx file.
    """
    images, labels, test_images, test_labels = verified(folder, publication)
    return standardised("mnist", 10, _pair(images, labels), _pair(test_images, test_labels))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of a gzipped idx file of bytes.

    Two zero bytes, the type (8 for unsigned bytes), the number of dimensions, each size in four bytes, most
    significant first, then the values.

    Raises:
        InputError: the file is not such a file, or shorter or longer than its header says.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked ({error}); expected a gzipped idx file") from None
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise InputError(f"{path} begins with {content[:4].hex()}; expected an idx file of bytes, 000008..")
    ends = 4 + 4 * content[3]
    if len(content) < ends:
        raise InputError(f"{path} ends inside its header, after {len(content)} bytes; expected a whole idx file")
    shape = tuple(int(size) for size in np.frombuffer(content[4:ends], ">u4"))
    if len(content) != ends + int(np.prod(shape, dtype=np.int64)):
        raise InputError(f"{path} holds {len(content) - ends} values; expected {' x '.join(map(str, shape))} of them")
    return np.frombuffer(content, np.uint8, offset=ends).reshape(shape)


def _pair(images: Path, labels: Path) -> RawImages:
    pixels, classes = read_idx(images), read_idx(labels)
    if pixels.ndim != 3 or classes.shape != pixels.shape[:1]:
        raise InputError(
            f"{images} holds {pixels.shape} values and {labels} {classes.shape}; expected images x height x width and "
            "one label for each image"
        )
    return pixels[:, np.newaxis], classes.astype(np.int64)
