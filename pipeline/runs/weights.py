"""Trained weights as files that hold everything needed to use them: no params.yaml, no pickle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from safetensors import SafetensorError
from torch import Tensor

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.features.described import front_end_of
from pipeline.features.params import SegmentParams
from pipeline.models.base import Classifier
from pipeline.models.family import Design
from pipeline.models.options import FeatureParams, NetworkParams
from pipeline.models.registry import family
from pipeline.training.params import Reading
from pipeline.training.tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from pipeline.frontends.base import FrontEnd

FORMAT = "shaking-emotions-weights-3"


@dataclass(frozen=True)
class Weights:
    """A trained classifier's tensors, and what is needed to build it and to compute its features.

    Attributes:
        tensors: tensors of the classifier by name.
        identity: identity of the run.
        epoch: epoch after which the tensors were taken.
        design: design that the classifier was built from.
        reading: form in which it reads the data.
        frontend: options of its front end, as plain values.
        depends: what the features that it learned from depend on beside options and code, see `FrontEnd.identity`.
        classes: emotions in the order of the probabilities.
        segment: rule by which utterances are cut into segments.
    """

    tensors: dict[str, Tensor]
    identity: str
    epoch: int
    design: Design
    reading: Reading
    frontend: dict[str, Any]
    classes: tuple[str, ...]
    segment: SegmentParams
    depends: dict[str, Any] = field(default_factory=dict)

    def build(self) -> Classifier:
        """The classifier in eval mode, with these weights."""
        network = family(self.design.model.family).classifier(self.design, 0)
        network.load_state_dict(self.tensors)
        return network.eval()

    def front_end(self) -> FrontEnd[Any]:
        """The front end whose features the classifier reads; its packages may be missing."""
        return front_end_of(self.frontend)


def save_weights(weights: Weights, path: Path) -> None:
    """Write a safetensors file; its header holds everything except the tensors, as JSON."""
    design, reading = weights.design, weights.reading
    header = {
        "format": FORMAT,
        "identity": weights.identity,
        "epoch": str(weights.epoch),
        "classes": json.dumps(weights.classes),
        "model": design.model.model_dump_json(),
        "network": design.network.model_dump_json(),
        "features": design.features.model_dump_json(),
        "shape": json.dumps(asdict(design.shape)),
        "segment": weights.segment.model_dump_json(),
        "frontend": json.dumps(weights.frontend),
        "depends": json.dumps(weights.depends),
        "reading": json.dumps(vars(reading)),
    }
    write_tensors(weights.tensors, path, header)


def load_weights(path: Path) -> Weights:
    """Read what `save_weights` wrote.

    Raises:
        InputError: the file is missing or damaged, or does not hold weights of this version of this software.
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
        classes = tuple(str(name) for name in json.loads(header["classes"]))
        options = family(str(json.loads(header["model"])["family"])).options
        design = Design(
            options.model_validate_json(header["model"]),
            NetworkParams.model_validate_json(header["network"]),
            FeatureParams.model_validate_json(header["features"]),
            len(classes),
            Shape(**json.loads(header["shape"])),
        )
        weights = Weights(
            tensors,
            header["identity"],
            int(header["epoch"]),
            design,
            _reading(json.loads(header["reading"])),
            dict(json.loads(header["frontend"])),
            classes,
            SegmentParams.model_validate_json(header["segment"]),
            dict(json.loads(header["depends"])),
        )
        weights.build()
        weights.front_end()
    except (KeyError, ValueError, TypeError, ValidationError, RuntimeError, InputError) as error:
        raise InputError(f"{path} is damaged: {error}") from None
    return weights


def _reading(values: dict[str, Any]) -> Reading:
    """The form in which data are read; JSON has lists for tuples."""
    return Reading(**values | {"variants": tuple(values.get("variants", ()))})
