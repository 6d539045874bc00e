"""Class probabilities of any recording, from trained weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.audio.decoding import load
from pipeline.core.errors import InputError
from pipeline.core.features import Utterance
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


def predict(path: Path, weights: Weights, network: Classifier, front_end: FrontEnd[Any]) -> NDArray[np.float32]:
    """Probabilities of one recording: the mean over its segments.

    Args:
        path: recording in any format that the corpora have.
        weights: trained weights.
        network: the classifier, from `weights.build()`.
        front_end: the front end, from `weights.front_end()`; its packages are installed.

    Returns:
        (classes,) probabilities in the order of `weights.classes`.

    Raises:
        AudioError: the file cannot be used as a recording.
        InputError: the classifier standardises by speaker.
    """
    note_on_standardisation(network)
    samples = load(path)
    bounds = cut(frames_of(len(samples)), longest_segment(weights.segment.seconds))
    pieces = front_end.matrices(Utterance(samples, bounds, path=path.name))
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
    return result
