"""Class probabilities of any recording, from trained weights alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.audio.decoding import load
from pipeline.features.segmentation import cut, longest_segment
from pipeline.frontends.spectrogram import normalised_segments, spectrogram
from pipeline.models.resnext import ResNeXt
from pipeline.runs.weights import Weights
from pipeline.training.batches import make_bank
from pipeline.training.loop import probabilities


def predict(path: Path, weights: Weights, network: ResNeXt) -> NDArray[np.float32]:
    """Probabilities of one recording: the mean over its segments.

    Args:
        path: a recording of any format that the corpora have.
        weights: what the network was trained as.
        network: `weights.build()`.

    Returns:
        (classes,) probabilities in the order of `weights.classes`.

    Raises:
        AudioError: the file cannot serve as a recording.
    """
    values = spectrogram(torch.from_numpy(load(path)))
    features = weights.features
    pieces = normalised_segments(values, cut(len(values), longest_segment(weights.segment.seconds)), features.cmvn)
    bank = make_bank(
        [piece.numpy() for piece in pieces],
        [0] * len(pieces),
        left=features.left,
        right=features.right,
        every=features.every,
        device=torch.device("cpu"),
    )
    result: NDArray[np.float32] = probabilities(network, bank, torch.arange(len(pieces))).mean(dim=0).numpy()
    return result
