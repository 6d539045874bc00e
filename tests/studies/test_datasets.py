"""Readers, on small files of the owners' own formats."""

import dataclasses
import gzip
import hashlib
import io
import struct
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.core.errors import InputError
from studies.datasets import cifar, digits, mnist, tiny_imagenet
from studies.datasets.files import Publication, PublishedFile
from studies.datasets.params import DataParams
from studies.datasets.registry import load_images

RNG = np.random.default_rng(0)


def published(folder, title, names):
    """A publication of the files that lie in a folder now."""
    files = []
    for name in names:
        content = (folder / name).read_bytes()
        files.append(PublishedFile(name, len(content), hashlib.sha256(content).hexdigest()))
    return Publication(title, "https://example.org/files", tuple(files))


def levels(data, raw):
    """Inputs back to levels, by the training images' own statistics."""
    mean, deviation = raw.mean(axis=(0, 2, 3)), raw.std(axis=(0, 2, 3))
    return data.pixels.numpy() * deviation.reshape(1, -1, 1, 1) + mean.reshape(1, -1, 1, 1)


def test_the_digits_are_all_there_split_by_class_and_standardised():
    data = digits.load()
    assert (len(data.train), len(data.test), data.image_shape) == (1297, 500, (1, 8, 8))
    assert data.train.pixels.mean().item() == pytest.approx(0, abs=1e-5)
    assert data.train.pixels.std(unbiased=False).item() == pytest.approx(1, abs=1e-5)
    assert torch.bincount(data.test.labels).tolist() == pytest.approx([50] * 10, abs=2)
    assert torch.equal(data.test.pixels, digits.load().test.pixels)


def idx(array):
    header = b"\0\0\x08" + bytes([array.ndim]) + b"".join(struct.pack(">I", size) for size in array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


@pytest.fixture
def small_mnist(tmp_path):
    arrays = {
        "train-images-idx3-ubyte.gz": RNG.integers(0, 256, (6, 28, 28), np.uint8),
        "train-labels-idx1-ubyte.gz": np.array([0, 1, 2, 3, 4, 9], np.uint8),
        "t10k-images-idx3-ubyte.gz": RNG.integers(0, 256, (2, 28, 28), np.uint8),
        "t10k-labels-idx1-ubyte.gz": np.array([7, 5], np.uint8),
    }
    for name, array in arrays.items():
        (tmp_path / name).write_bytes(idx(array))
    return tmp_path, arrays


def test_mnist_is_read_from_idx_files(small_mnist):
    folder, arrays = small_mnist
    data = mnist.load(folder, published(folder, "MNIST", arrays))
    raw = arrays["train-images-idx3-ubyte.gz"][:, np.newaxis]
    assert data.image_shape == (1, 28, 28)
    assert data.train.labels.tolist() == [0, 1, 2, 3, 4, 9]
    assert data.test.labels.tolist() == [7, 5]
    np.testing.assert_allclose(levels(data.train, raw), raw, atol=1e-3)
    np.testing.assert_allclose(levels(data.test, raw), arrays["t10k-images-idx3-ubyte.gz"][:, np.newaxis], atol=1e-3)


def test_a_missing_data_set_gives_its_address_names_and_sizes(tmp_path):
    with pytest.raises(InputError) as caught:
        load_images(DataParams(name="mnist", path=str(tmp_path)))
    message = str(caught.value)
    for part in ("train-images-idx3-ubyte.gz, 9912422 bytes", "t10k-labels-idx1-ubyte.gz", "https://", str(tmp_path)):
        assert part in message


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("cifar10", "cifar-10-binary.tar.gz, 170052171 bytes"),
        ("cifar100", "cifar-100-binary.tar.gz, 168513733"),
        ("tiny_imagenet", "tiny-imagenet-200.zip, 248100043 bytes"),
    ],
)
def test_every_set_says_what_it_lacks(tmp_path, name, part):
    with pytest.raises(InputError, match=part):
        load_images(DataParams(name=name, path=str(tmp_path)))


def test_another_size_and_another_content_are_reported(small_mnist):
    folder, arrays = small_mnist
    publication = published(folder, "MNIST", arrays)
    labels = folder / "t10k-labels-idx1-ubyte.gz"
    content = labels.read_bytes()
    labels.write_bytes(content + b"x")
    with pytest.raises(InputError, match=rf"has {len(content) + 1} bytes; expected {len(content)}"):
        mnist.load(folder, publication)
    labels.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(InputError, match=r"has the SHA256 checksum .* fetch it again from https://example.org"):
        mnist.load(folder, publication)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"no gzip", "cannot be unpacked"),
        (gzip.compress(b"\0\0\x0d\x01" + bytes(8), mtime=0), "begins with 00000d01; expected an idx file of bytes"),
        (
            gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 5) + bytes(4), mtime=0),
            "holds 4 values; expected 5 of them",
        ),
        (gzip.compress(b"\0\0\x08\x03" + bytes(2), mtime=0), "ends inside its header"),
    ],
)
def test_a_file_that_is_no_idx_file_is_refused(tmp_path, content, expected):
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(InputError, match=expected):
        mnist.read_idx(tmp_path / "x.gz")


def small_cifar(folder, full, images=3):
    """An archive of the same layout, a few images a file, and what is in it."""
    content, raw = {}, {}
    for name in (*full.train, full.test):
        pixels = RNG.integers(0, 256, (images, 3072), np.uint8)
        labels = RNG.integers(1, full.num_classes, (images, full.labels), np.uint8)
        content[name] = np.hstack([labels, pixels]).tobytes()
        raw[name] = pixels.reshape(images, 3, 32, 32), labels[:, -1]
    archive = full.publication.files[0].name
    with tarfile.open(folder / archive, "w:gz") as files:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            files.addfile(info, io.BytesIO(data))
    return dataclasses.replace(full, publication=published(folder, "CIFAR", [archive])), raw


@pytest.mark.parametrize("full", [cifar.CIFAR10, cifar.CIFAR100], ids=["cifar10", "cifar100"])
def test_cifar_is_read_from_its_binary_archive(tmp_path, full):
    small, raw = small_cifar(tmp_path, full)
    data = cifar.load(tmp_path, small)
    train = np.concatenate([raw[name][0] for name in full.train])
    assert data.train.labels.tolist() == [int(one) for name in full.train for one in raw[name][1]]
    assert data.test.labels.tolist() == raw[full.test][1].tolist()
    np.testing.assert_allclose(levels(data.train, train), train, atol=1e-3)
    assert data.image_shape == (3, 32, 32)


def test_cifars_records_are_checked(tmp_path):
    small, _ = small_cifar(tmp_path, cifar.CIFAR10)
    with pytest.raises(InputError, match=r"has no file other.bin"):
        cifar.load(tmp_path, dataclasses.replace(small, test="other.bin"))
    with pytest.raises(InputError, match="has 9219 bytes; expected a multiple of 3074"):
        cifar.load(tmp_path, dataclasses.replace(small, labels=2))
    with pytest.raises(InputError, match=r"names class .; expected 0 to 0"):
        cifar.load(tmp_path, dataclasses.replace(small, num_classes=1))


def jpeg(value, mode="RGB", size=64):
    stream = io.BytesIO()
    Image.new(mode, (size, size), value).save(stream, "JPEG")
    return stream.getvalue()


def small_tiny(folder, images):
    with zipfile.ZipFile(folder / "tiny-imagenet-200.zip", "w") as files:
        files.writestr("tiny-imagenet-200/wnids.txt", "n2\nn1\n")
        for name, content in images.items():
            files.writestr(f"tiny-imagenet-200/{name}", content)
        files.writestr("tiny-imagenet-200/val/val_annotations.txt", "val_0.JPEG\tn1\t0\t0\t62\t57\n")
    return published(folder, "Tiny ImageNet", ["tiny-imagenet-200.zip"])


TINY = {
    "train/n1/images/n1_0.JPEG": jpeg((200, 10, 30)),
    "train/n2/images/n2_0.JPEG": jpeg(90, "L"),
    "val/images/val_0.JPEG": jpeg((200, 10, 30)),
    "test/images/test_0.JPEG": jpeg((1, 2, 3)),
}


def test_tiny_imagenet_is_read_from_its_archive(tmp_path):
    data = tiny_imagenet.load(tmp_path, small_tiny(tmp_path, TINY))
    assert (len(data.train), len(data.test), data.num_classes, data.image_shape) == (2, 1, 2, (3, 64, 64))
    assert data.train.labels.tolist() == [1, 0]
    assert data.test.labels.tolist() == [1]
    assert torch.allclose(data.test.pixels[0], data.train.pixels[0])


def test_tiny_imagenets_images_are_checked(tmp_path):
    small = small_tiny(tmp_path, TINY | {"train/n1/images/n1_0.JPEG": jpeg((1, 2, 3), size=32)})
    with pytest.raises(InputError, match=r"n1_0.JPEG is 32 x 32 pixels; expected 64 x 64"):
        tiny_imagenet.load(tmp_path, small)
    small = small_tiny(tmp_path, {name: content for name, content in TINY.items() if not name.startswith("val")})
    with pytest.raises(InputError, match=r"val_0.JPEG.*expected the archive as published"):
        tiny_imagenet.load(tmp_path, small)
    small = small_tiny(tmp_path, TINY | {"train/n1/images/n1_0.JPEG": b"no image"})
    with pytest.raises(InputError, match=r"n1_0.JPEG is not a readable image"):
        tiny_imagenet.load(tmp_path, small)


def test_a_constant_channel_stays_finite(tmp_path):
    small = small_tiny(tmp_path, {name: jpeg((9, 9, 9)) for name in TINY})
    assert torch.isfinite(tiny_imagenet.load(tmp_path, small).train.pixels).all()
