"""Class probabilities of any recording, from trained weights alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.audio.decoding import load
from pipeline.core.features import Utterance
from pipeline.features.segmentation import cut, frames_of, longest_segment
from pipeline.frontends.base import FrontEnd
from pipeline.models.base import Classifier
from pipeline.runs.weights import Weights
from pipeline.training.batches import make_bank
from pipeline.training.speech import probabilities


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
    """
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
