"""Named tensors in safetensors files: whole or not at all, equal bytes for equal content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline.core.files import replacing


def write_tensors(tensors: Mapping[str, Tensor], path: Path, header: Mapping[str, str]) -> None:
    """Write tensors and a header of text, atomically."""
    with replacing(path) as temporary:
        # Clones, in the plain memory layout: safetensors stores neither views nor one tensor under two names.
        plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        save_file(plain, temporary, metadata=dict(header))
        _sort_header(temporary)


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the header of a file.

    Raises:
        OSError, SafetensorError: it cannot be read, or is not a safetensors file.
    """
    with safe_open(path, framework="pt") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}, stored.metadata() or {}  # noqa: SIM118


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix/`, without that."""
    return {name.removeprefix(f"{prefix}/"): value for name, value in tensors.items() if name.startswith(f"{prefix}/")}


def _sort_header(path: Path) -> None:
    """Put the header's entries in order, so that equal runs give equal bytes: safetensors shuffles them.

    The header is JSON, padded with blanks to the length that the file's first eight bytes give.
    """
    with path.open("rb+") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > length:
            raise ValueError(f"{path}: sorting the header's entries made it longer; expected the same JSON style")
        stream.seek(8)
        stream.write(text.ljust(length))
