"""Class probabilities of any recording, from trained weights alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.audio.decoding import load_with_notes
from pipeline.audio.recording import AudioError, Note
from pipeline.core.errors import InputError
from pipeline.core.features import Utterance
from pipeline.core.wording import as_utf8
from pipeline.features.segmentation import cut, frames_of, longest_segment
from pipeline.frontends.base import FrontEnd
from pipeline.models.base import Classifier
from pipeline.runs.weights import Weights
from pipeline.training.batches import make_bank
from pipeline.training.speech import probabilities


def note_on_standardisation(network: Classifier) -> str:
    """What a user must know of a classifier's standardisation when it is given recordings of other speakers.

    Returns:
        A line, or nothing where there is nothing to know.

    Raises:
        InputError: it needs all recordings of a speaker.
    """
    by = "none" if network.standardisation is None else network.standardisation.by
    if by == "speaker":
        raise InputError(
            "these weights standardise features by speaker, over all recordings of a speaker, and a single recording "
            "of an unknown speaker has no such mean and deviation; expected weights of a model with `standardise: "
            "fold`, corpus or none: train one, and predict with it"
        )
    if by == "corpus":
        return (
            "these weights standardise features by corpus; the corpus of the recordings is not known, so the mean and "
            "deviation of all training recordings together are used"
        )
    return ""


def notes_on_features(weights: Weights, front_end: FrontEnd[Any]) -> Iterator[str]:
    """Lines about versions that differ from those with which the features for training were computed.

    Raises:
        InputError: the front end reads other files than in training, such as another encoder under the same name.
    """
    then, now = dict(_leaves(weights.depends)), dict(_leaves(front_end.identity()))
    for name in sorted(then.keys() & now.keys()):
        if then[name] == now[name] or name.endswith("source"):
            continue
        if re.fullmatch(r"[0-9a-f]{64}", str(then[name])):
            raise InputError(
                f"the front end {front_end.options.kind} reads another {name} than in training (SHA-256 {now[name]} "
                f"now, {then[name]} in training), so predictions would mean nothing; put that file back"
            )
        yield f"features are computed with {name} {now[name]}, and were with {then[name]} in training"


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name} ")
        else:
            yield f"{above}{name}", value


@dataclass(frozen=True)
class Predicted:
    """What a classifier says about one recording.

    Attributes:
        probabilities: (classes,) probabilities in the order of `Weights.classes`.
        notes: what a user should know about the recording.
    """

    probabilities: NDArray[np.float32]
    notes: tuple[Note, ...]


def predict(path: Path, weights: Weights, network: Classifier, front_end: FrontEnd[Any]) -> Predicted:
    """Probabilities of one recording, the mean over its segments, and what a user should know about it.

    Args:
        path: recording in any format that the corpora have.
        weights: trained weights.
        network: the classifier, from `weights.build()`.
        front_end: the front end, from `weights.front_end()`; its packages are installed.

    Raises:
        AudioError: the file cannot be used as a recording, or features or probabilities of it are not finite.
        InputError: the classifier standardises by speaker.
    """
    note_on_standardisation(network)
    loaded = load_with_notes(path)
    bounds = cut(frames_of(len(loaded.samples)), longest_segment(weights.segment.seconds))
    pieces = front_end.matrices(Utterance(loaded.samples, bounds, path=as_utf8(path.name)))
    if not all(np.isfinite(piece).all() for piece in pieces):
        if not front_end.fills_non_finite:
            raise AudioError("not finite: its features are not finite numbers")
        pieces = [np.nan_to_num(piece, nan=0.0, posinf=0.0, neginf=0.0) for piece in pieces]
    reading = weights.reading
    bank = make_bank(
        pieces,
        [0] * len(pieces),
        left=reading.left,
        right=reading.right,
        every=reading.every,
        device=torch.device("cpu"),
    )
    result: NDArray[np.float32] = probabilities(network, bank, torch.arange(len(pieces))).mean(dim=0).float().numpy()
    if not np.isfinite(result).all():
        raise AudioError("not finite: these weights give no finite probabilities for it")
    return Predicted(result, loaded.notes)
