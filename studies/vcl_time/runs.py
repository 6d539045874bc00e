"""The time of iterations: all normalisations in turn, on one machine."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from studies.networks.plain import Normalisation, clip_gradients, eleven_layers, penalised_cross_entropy
from studies.vcl_time.params import VclTimeParams

NORMALISATIONS: tuple[Normalisation, ...] = ("none", "batch", "layer", "group", "vcl")

ROUNDS = 5
"""Number of times that each normalisation is timed, in turn; the median counts, as other work may disturb some."""


def seconds_per_hundred(
    normalisations: Sequence[Normalisation], params: VclTimeParams, device: torch.device
) -> dict[str, float]:
    """Seconds per 100 iterations of the 11-layer ELU network, forward, backward and step, by normalisation."""
    channels, size, _ = params.image
    source = torch.Generator().manual_seed(0)
    images = torch.randn(params.batch_size, *params.image, generator=source).to(device)
    labels = torch.randint(params.num_classes, (params.batch_size,), generator=source).to(device)
    noise = torch.Generator(device=device).manual_seed(0)
    networks = {
        name: eleven_layers("ELU", name, in_channels=channels, size=size, num_classes=params.num_classes,
                            multiplier=params.multiplier).to(device).train()
        for name in normalisations
    }  # fmt: skip
    optimisers = {name: torch.optim.SGD(one.parameters(), lr=1e-3, momentum=0.9) for name, one in networks.items()}
    taken: dict[str, list[float]] = {name: [] for name in networks}
    for repetition in range(ROUNDS + 1):
        for name, network in networks.items():
            _wait(device)
            begin = time.perf_counter()
            for _ in range(params.iterations):
                loss, _scores = penalised_cross_entropy(network, images, labels, noise)
                optimisers[name].zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                clip_gradients(network)
                optimisers[name].step()
            _wait(device)
            # The first round warms caches up.
            if repetition:
                taken[name].append(100 * (time.perf_counter() - begin) / params.iterations)
    return {name: sorted(times)[len(times) // 2] for name, times in taken.items()}


def _wait(device: torch.device) -> None:
    """Wait until queued work has ended, before the time is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
