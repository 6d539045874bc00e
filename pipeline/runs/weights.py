"""Trained weights as files that hold everything needed to use them: no params.yaml, no pickle."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from torch import Tensor

from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.core.settings import Classes
from pipeline.core.wording import printable
from pipeline.features.described import front_end_of
from pipeline.features.params import SegmentParams
from pipeline.models.base import Classifier
from pipeline.models.family import Design
from pipeline.models.options import FeatureParams, NetworkParams
from pipeline.models.registry import family
from pipeline.runs.calibration import LARGEST_TEMPERATURE, LEAST_TEMPERATURE
from pipeline.runs.params import LONGEST_CONTEXT
from pipeline.runs.soundness import (
    LARGEST,
    LARGEST_IN_FRONT_END,
    LARGEST_SUM,
    refuse_large_numbers,
    refuse_other_tensors,
)
from pipeline.training.params import Reading
from pipeline.training.tensors import read_tensors, write_tensors

if TYPE_CHECKING:
    from pipeline.frontends.base import FrontEnd

FORMAT = "shaking-emotions-weights-3"

BOUNDED = ("model", "network", "features", "shape", "reading")
"""Parts of the header whose whole numbers are sizes."""

MOST = 1000
"""Most characters of a reason in a message."""


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
        temperature: number that its scores are divided by, so that its probabilities are frequencies, see
            `runs.calibration`; None if it is not known.
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
    temperature: float | None = None

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
        # Only where it is known, so that the bytes of other weights stay as they are.
        **({} if weights.temperature is None else {"temperature": json.dumps(weights.temperature)}),
    }
    write_tensors(weights.tensors, path, header)


def load_weights(path: Path) -> Weights:
    """Read what `save_weights` wrote.

    Raises:
        InputError: the file is missing or damaged, or does not hold weights of this version of this software.
    """
    shown = printable(str(path))
    try:
        tensors, header = read_tensors(path)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise InputError(f"{shown} cannot be read as weights: {error}; expected a file of results/weights") from None
    if header.get("format") != FORMAT:
        raise InputError(f"{shown} {_of_another_version(header.get('format'))}")
    try:
        weights = _described(tensors, header)
        refuse_other_tensors(weights.design, tensors)
        weights.build()
        weights.front_end()
    except MemoryError:
        raise
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InputError(f"{shown} is damaged: {printable('; '.join(lines))[:MOST]}") from None
    except Exception as error:
        known = isinstance(error, InputError | ValueError | RuntimeError)
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        raise InputError(f"{shown} is damaged: {printable(' '.join(reason.split()))[:MOST]}") from None
    return weights


def _of_another_version(written: str | None) -> str:
    """The message about a file of another format."""
    base, _, number = FORMAT.rpartition("-")
    difference = f"has format {printable(repr(written))}, expected {FORMAT!r}: "
    other = re.fullmatch(rf"{re.escape(base)}-([0-9]{{1,4}})", written or "")
    if other is None:
        return f"{difference}not written by this version of this software"
    if int(other[1]) > int(number):
        return f"{difference}written by a newer version of this software; install that version"
    return f"{difference}written by an older version of this software; `dvc repro` writes it again"


def _described(tensors: dict[str, Tensor], header: Mapping[str, str]) -> Weights:
    """The content of a header, with every value of its type and within bounds."""
    parts = {name: json.loads(header[name]) for name in (*BOUNDED, "classes", "segment", "frontend")}
    if sum(refuse_large_numbers(name, parts[name]) for name in BOUNDED) > LARGEST_SUM:
        raise ValueError(f"the sum of all whole numbers is above {LARGEST_SUM}")
    refuse_large_numbers("frontend", parts["frontend"], LARGEST_IN_FRONT_END)
    classes = TypeAdapter(Classes).validate_json(header["classes"], strict=True)
    kind = family(str(parts["model"]["family"]))
    shape = TypeAdapter(Shape).validate_json(header["shape"], strict=True)
    design = Design(
        kind.options.model_validate_json(header["model"]),
        NetworkParams.model_validate_json(header["network"]),
        FeatureParams.model_validate_json(header["features"]),
        len(classes),
        shape,
    )
    reading = TypeAdapter(Reading).validate_json(header["reading"], strict=True)
    if shape.dims < 1 or shape.layers < 1:
        raise ValueError(f"the shape of its features is {shape}")
    features = design.features
    splicing = (features.left, features.right, features.every) if kind.reads == "spliced" else (0, 0, 1)
    if (reading.left, reading.right, reading.every) != splicing:
        raise ValueError(f"it reads frames {(reading.left, reading.right, reading.every)}; expected {splicing}")
    if reading.context > LONGEST_CONTEXT:
        raise ValueError(f"a model frame has {reading.context} frames; expected at most {LONGEST_CONTEXT}")
    if not header["epoch"].isascii() or not header["epoch"].isdigit():
        raise ValueError(f"epoch is {header['epoch']!r}; expected a number")
    temperature = json.loads(header["temperature"]) if "temperature" in header else None
    if temperature is not None and not (
        type(temperature) is float and LEAST_TEMPERATURE <= temperature <= LARGEST_TEMPERATURE
    ):
        raise ValueError(
            f"temperature is {str(temperature)[:40]}; expected {LEAST_TEMPERATURE:g} to {LARGEST_TEMPERATURE:g}"
        )
    if contradictions := list(kind.mistakes(design, LARGEST, 1)):
        raise ValueError("; ".join(contradictions))
    return Weights(
        tensors,
        header["identity"],
        int(header["epoch"]),
        design,
        reading,
        dict(parts["frontend"]),
        classes,
        SegmentParams.model_validate_json(header["segment"]),
        dict(json.loads(header["depends"])),
        temperature,
    )
