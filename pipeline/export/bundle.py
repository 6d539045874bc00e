"""The bundle of an export: the graph, the weights, a description, a runner and a model card, in one folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.frames import SAMPLE_RATE, SHIFT, WINDOW
from pipeline.core.errors import InputError
from pipeline.core.features import Utterance
from pipeline.core.wording import counted, printable
from pipeline.export.classifiers import Form, add_probabilities
from pipeline.export.features import add_frames, add_rows, expressible
from pipeline.export.graph import Graph
from pipeline.features.segmentation import longest_segment
from pipeline.frontends.base import FrontEnd
from pipeline.prediction.ensemble import Ensemble
from pipeline.prediction.segments import probabilities_of, reach

FORMAT = "shaking-emotions-export-1"
RUNNER = Path(__file__).with_name("runner.py")
TOLERANCE = 1e-4
"""Largest difference of a probability from that of torch; a bundle with more is not written."""

LENGTHS_S = (0.3, 1.7, 6.4, 15.0)
"""Seconds of the sounds that a bundle is compared on before it is written."""

INSTALL = "pip install -c constraints.txt -e '.[export]'"


@dataclass(frozen=True)
class Exported:
    """An export that was written.

    Attributes:
        folder: where.
        with_front_end: whether the graph reads samples; else features.
        difference: largest difference of a probability from that of torch.
    """

    folder: Path
    with_front_end: bool
    difference: float


def export(ensemble: Ensemble, folder: Path, card: str, label: str) -> Exported:
    """Write a bundle.

    Args:
        ensemble: the classifiers; all read one front end.
        folder: folder that does not exist or is empty; it appears whole or not at all.
        card: text of the model card.
        label: name of the model.

    Raises:
        InputError: the folder cannot be written, the packages of exports are not installed, the classifiers read
            several front ends, or a family has no ONNX form; or the graph does not give the probabilities of torch.
    """
    refuse_if_not_installed()
    refuse_used(folder)
    if len(ensemble.front_ends) > 1:
        kinds = ", ".join(one.options.kind for one in ensemble.front_ends)
        raise InputError(
            f"the weights read {len(ensemble.front_ends)} front ends ({kinds}); expected one: export each apart"
        )
    (front_end,) = ensemble.front_ends
    content = build_model(ensemble).SerializeToString()
    difference = largest_difference(content, ensemble)
    if not difference <= TOLERANCE:
        raise InputError(
            f"the ONNX graph gives probabilities that differ from those of torch by {difference:.2g}; expected at most "
            f"{TOLERANCE:g}. Nothing was written; this is a mistake of the software, and the versions of onnxruntime "
            "and torch belong into a report of it"
        )
    inside, names = expressible(front_end.options), _names([one.path for one in ensemble.members])
    config = {
        "format": FORMAT,
        "label": label,
        "classes": list(ensemble.classes),
        "input": "samples" if inside else "features",
        "sample_rate": SAMPLE_RATE,
        "window": WINDOW,
        "shift": SHIFT,
        "longest_segment": longest_segment(ensemble.segment.seconds),
        "reach": reach(front_end.options) if inside else 0,
        "dims": front_end.dims,
        "frontend": front_end.options.model_dump(mode="json"),
        "family": sorted({one.weights.design.model.family for one in ensemble.members}),
        "members": [
            {
                "weights": f"weights/{name}",
                "identity": one.weights.identity,
                "epoch": one.weights.epoch,
                "temperature": temperature,
            }
            for one, name, temperature in zip(ensemble.members, names, ensemble.temperatures, strict=True)
        ],
        "difference_from_torch": float(f"{difference:.2g}"),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temporary:
            inner = Path(temporary) / "bundle"
            (inner / "weights").mkdir(parents=True)
            (inner / "model.onnx").write_bytes(content)
            (inner / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", "utf-8")
            (inner / "README.md").write_text(card, "utf-8")
            shutil.copyfile(RUNNER, inner / "run.py")
            for one, name in zip(ensemble.members, names, strict=True):
                shutil.copyfile(one.path, inner / "weights" / name)
            inner.replace(folder)
    except OSError as error:
        raise InputError(f"{printable(str(folder))} cannot be written: {error.strerror}; name another folder") from None
    return Exported(folder, inside, difference)


def _names(paths: Sequence[Path]) -> list[str]:
    """A file name for each file of weights, with that of its folder where two would be the same."""
    twice = len({path.name for path in paths}) < len(paths)
    names = [f"{path.absolute().parent.name}-{path.name}" if twice else path.name for path in paths]
    if len(set(names)) < len(names):
        names = [f"{number}-{name}" for number, name in enumerate(names, 1)]
    return names


def refuse_if_not_installed() -> None:
    """Make sure that the packages of exports are there.

    Raises:
        InputError: one is missing, and the message has the command that installs it.
    """
    if missing := [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]:
        raise InputError(f"an export needs {' and '.join(missing)}, not installed here; `{INSTALL}` installs it")


def refuse_used(folder: Path) -> None:
    """Make sure that a folder is new or empty.

    Raises:
        InputError: it is not.
    """
    shown = printable(str(folder))
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{shown} is not a folder; expected a new or an empty one")
    try:
        if folder.is_dir() and any(folder.iterdir()):
            raise InputError(
                f"the folder {shown} is not empty; expected a new or an empty one, so that nothing is lost"
            )
    except OSError as error:
        raise InputError(f"the folder {shown} may not be read: {error.strerror}; name another one") from None


def build_model(ensemble: Ensemble) -> Any:
    """The ONNX model of an ensemble with one front end.

    Inputs are `samples` (n,), float32 at 16 kHz on the int16 scale, or `features` (rows, dims) where the front end
    cannot be in the graph; and `bounds` (segments, 2), int64: first frame (row) and number of frames of each segment.
    Outputs are `probabilities` (segments, classes), the mean over members, and `members` (segments, members, classes).
    """
    from onnx import TensorProto

    (front_end,) = ensemble.front_ends
    options, inside = front_end.options, expressible(front_end.options)
    graph = Graph()
    frames = add_frames(graph, "samples", options) if inside else "features"
    body = Graph(graph)
    index = body.name("segment")
    pair = body.op("Gather", "bounds", index, axis=0)
    start, length = (body.slice(pair, body.constant([place]), body.constant([place + 1])) for place in (0, 1))
    piece = body.slice(frames, start, body.op("Add", start, length))
    features = add_rows(body, piece, options) if inside else piece
    found = [
        add_probabilities(body, features, one.network, Form(one.weights.reading, front_end.dims), temperature)
        for one, temperature in zip(ensemble.members, ensemble.temperatures, strict=True)
    ]
    shape = [len(found), len(ensemble.classes)]
    together = body.op("Concat", *found, axis=0)
    stacked = graph.for_each(graph.length("bounds"), body, index, together, shape)
    from onnx import helper

    graph.nodes.append(helper.make_node("Identity", [stacked], ["members"]))
    graph.nodes.append(helper.make_node("ReduceMean", ["members", graph.constant([1])], ["probabilities"], keepdims=0))
    source = (
        {"samples": (TensorProto.FLOAT, ["samples"])}
        if inside
        else {"features": (TensorProto.FLOAT, ["rows", front_end.dims])}
    )
    return graph.model(
        "emotions",
        {**source, "bounds": (TensorProto.INT64, ["segments", 2])},
        {"probabilities": ["segments", shape[1]], "members": ["segments", *shape]},
    )


def largest_difference(content: bytes, ensemble: Ensemble, lengths: Sequence[float] = LENGTHS_S) -> float:
    """The largest difference between the probabilities of a graph and those of torch, on sounds of these seconds."""
    import onnxruntime

    (front_end,) = ensemble.front_ends
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    largest = 0.0
    for number, seconds in enumerate(lengths):
        samples = sound(seconds, number)
        frames = 1 + (len(samples) - WINDOW) // SHIFT
        longest = longest_segment(ensemble.segment.seconds)
        bounds = [(0, min(frames, longest)), (max(0, frames - longest), min(frames, longest))]
        largest = max(largest, _difference(session, ensemble, front_end, samples, bounds))
    return largest


def _difference(
    session: Any,
    ensemble: Ensemble,
    front_end: FrontEnd[Any],
    samples: NDArray[np.float32],
    bounds: list[tuple[int, int]],
) -> float:
    if expressible(front_end.options):
        matrices = front_end.matrices(Utterance(samples, bounds))
        inputs: dict[str, NDArray[Any]] = {"samples": samples, "bounds": np.array(bounds)}
    else:
        # The encoder itself is not compared, only what reads it.
        source = np.random.default_rng(len(samples))
        rows = [front_end.shape.rows(length) or length for _, length in bounds]
        matrices = [source.standard_normal((number, front_end.dims)).astype(np.float32) for number in rows]
        starts = np.cumsum([0, *rows])[:-1]
        inputs = {"features": np.concatenate(matrices), "bounds": np.stack([starts, rows], axis=1)}
    expected = probabilities_of([matrices], ensemble)
    found = session.run(["members"], inputs)[0]
    difference = np.abs(found - expected).max()
    return float(difference) if np.isfinite(difference) else float("inf")


def sound(seconds: float, seed: int) -> NDArray[np.float32]:
    """A tone with overtones that rises and swells, in noise: on the int16 scale, at 16 kHz."""
    number = round(seconds * SAMPLE_RATE)
    time = np.arange(number) / SAMPLE_RATE
    source = np.random.default_rng(seed)
    phase = 2 * np.pi * np.cumsum(120 + 60 * np.sin(2 * np.pi * 0.7 * time + seed)) / SAMPLE_RATE
    voice = sum(np.sin(order * phase) / order for order in range(1, 12))
    swelling = 0.2 + np.abs(np.sin(2 * np.pi * 1.3 * time))
    samples: NDArray[np.float32] = (2500 * swelling * voice + 150 * source.standard_normal(number)).astype(np.float32)
    return samples


def summary_line(exported: Exported) -> str:
    """One line about an export."""
    reads = "recordings" if exported.with_front_end else "features, since its front end has no ONNX form"
    size = sum(path.stat().st_size for path in exported.folder.rglob("*") if path.is_file())
    files = counted(sum(path.is_file() for path in exported.folder.rglob("*")), "file")
    return (
        f"{printable(str(exported.folder))}: {files}, {size / 1e6:.1f} MB; it reads {reads}; largest difference from "
        f"torch {exported.difference:.1g}. `python {printable(str(exported.folder))}/run.py recording.wav` runs it"
    )
