"""Trained weights as files that hold all that is needed to use them: no params, no pickle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from pipeline.core.errors import InputError
from pipeline.models.configured import configured_network
from pipeline.models.resnext import ResNeXt
from pipeline.params import FeatureParams, ModelParams, NetworkParams, SegmentParams
from pipeline.training.tensors import read_tensors, write_tensors

FORMAT = "shaking-emotions-weights-1"


@dataclass(frozen=True)
class Weights:
    """A trained network's tensors and what they were trained as."""

    tensors: dict[str, Tensor]
    identity: str
    epoch: int
    network: NetworkParams
    model: ModelParams
    classes: tuple[str, ...]
    features: FeatureParams
    segment: SegmentParams

    def build(self) -> ResNeXt:
        """The network in eval mode, with these weights."""
        network = configured_network(self.network, self.model, self.features, len(self.classes))
        network.load_state_dict(self.tensors)
        return network.eval()


_PARTS: dict[str, type[BaseModel]] = {
    "network": NetworkParams,
    "model": ModelParams,
    "features": FeatureParams,
    "segment": SegmentParams,
}


def save_weights(weights: Weights, path: Path) -> None:
    """Write a safetensors file; the header holds everything but the tensors, as JSON."""
    header = {name: getattr(weights, name).model_dump_json() for name in _PARTS}
    header |= {
        "format": FORMAT,
        "identity": weights.identity,
        "epoch": str(weights.epoch),
        "classes": json.dumps(weights.classes),
    }
    write_tensors(weights.tensors, path, header)


def load_weights(path: Path) -> Weights:
    """Read what `save_weights` wrote.

    Raises:
        InputError: the file is missing, damaged, or holds no weights of this software.
    """
    try:
        tensors, header = read_tensors(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read as weights: {error}; expected a file of results/weights") from None
    if header.get("format") != FORMAT:
        raise InputError(
            f"{path} has format {header.get('format')!r}, expected {FORMAT!r}: not written by this version of this "
            "software"
        )
    try:
        parts: dict[str, Any] = {name: kind.model_validate_json(header[name]) for name, kind in _PARTS.items()}
        classes = tuple(str(name) for name in json.loads(header["classes"]))
        weights = Weights(tensors, header["identity"], int(header["epoch"]), classes=classes, **parts)
        weights.build()
    except (KeyError, ValueError, ValidationError, RuntimeError) as error:
        raise InputError(f"{path} is damaged: {error}") from None
    return weights
