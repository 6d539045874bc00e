"""The training of the units: all shares and seeds side by side, each a unit of one layer with points of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pipeline.models.variance_constancy import variance_constancy
from studies.mixtures.params import MixturesParams

MEASURED_POINTS = 2000
"""Number of new points on which a trained unit is measured, and that are drawn."""

DRAWN_STEPS = 100
"""Number of steps whose points are drawn at once."""

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """A trained unit.

    Attributes:
        share: p of its mixture.
        seed: its seed.
        weights: (2,) theta. The means lie along the first axis.
        points: (points, 2) new points.
        smaller: (points,) whether a point is of the smaller Gaussian.
    """

    share: float
    seed: int
    weights: Points
    points: Points
    smaller: npt.NDArray[np.bool_]

    @property
    def activations(self) -> Points:
        """(points,) projections of the points."""
        projected: Points = self.points @ self.weights
        return projected

    @property
    def angle(self) -> float:
        """Degrees between theta and the line through both means: 0 separates the Gaussians best, 90 unites them."""
        along, across = np.abs(self.weights)
        return float(np.degrees(np.arctan2(across, along)))


def train(params: MixturesParams) -> list[Outcome]:
    """Train a unit for every share and seed; no checkpoint, since all of them take seconds."""
    cases = [(share, seed) for share in params.shares for seed in params.seeds]
    sources = [torch.Generator().manual_seed(seed) for _, seed in cases]
    weights = torch.stack([torch.randn(2, generator=source) for source in sources])
    weights = (weights / weights.norm(dim=1, keepdim=True)).requires_grad_()
    log_beta = torch.zeros(len(cases), requires_grad=True)
    optimiser = torch.optim.Adam([weights, log_beta], lr=params.learning_rate)
    rows = 2 * params.samples
    for step in range(params.iterations):
        within = step % DRAWN_STEPS
        if within == 0:
            drawn = torch.stack(
                [
                    _draw(share, DRAWN_STEPS * rows, params.separation, source)[0]
                    for (share, _), source in zip(cases, sources, strict=True)
                ],
                dim=1,
            )
        activations = (drawn[within * rows : (within + 1) * rows] * weights).sum(dim=2)
        # The mean over units: each has a gradient of its own, which Adam does not mix.
        loss = variance_constancy(activations, log_beta.exp(), params.samples) * len(cases)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
    outcomes = []
    for (share, seed), source, theta in zip(cases, sources, weights.detach(), strict=True):
        points, smaller = _draw(share, MEASURED_POINTS, params.separation, source)
        outcomes.append(Outcome(share, seed, theta.double().numpy(), points.double().numpy(), smaller.numpy()))
    return outcomes


def _draw(share: float, count: int, separation: float, source: torch.Generator) -> tuple[Tensor, Tensor]:
    """(count, 2) points of two round Gaussians of variance 1, and (count,) whether each is of the smaller one."""
    points = torch.randn(count, 2, generator=source)
    smaller = torch.rand(count, generator=source) < share
    points[:, 0] += torch.where(smaller, -separation / 2, separation / 2)
    return points, smaller
