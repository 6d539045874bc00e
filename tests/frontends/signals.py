"""Signals on which front ends are compared with other implementations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from pipeline.core.features import Matrix, Utterance
from pipeline.frontends.registry import front_end_of

GOLDEN = Path(__file__).parents[1] / "golden" / "kaldi"
"""What the Kaldi binaries make of three recordings."""


def speech() -> Tensor:
    """(num_samples,) float32 speech at 16 kHz."""
    samples, _ = soundfile.read(GOLDEN / "speech.wav", dtype="int16")
    return torch.from_numpy(samples.astype(np.float32))


def noise(samples: int, *, seed: int = 0, scale: float = 3000) -> Tensor:
    """White noise in whole numbers."""
    return (torch.randn(samples, generator=torch.Generator().manual_seed(seed)) * scale).round()


def matrices(samples: Tensor, bounds: list[tuple[int, int]] | None = None, **described: object) -> list[Matrix]:
    """What a front end makes of a recording, by default as one segment."""
    bounds = bounds or [(0, 1 + (len(samples) - 400) // 160)]
    return front_end_of(described).matrices(Utterance(samples.numpy(), bounds, key="u1", path="a/u1.wav"))
