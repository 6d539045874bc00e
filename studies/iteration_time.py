"""Time of a training iteration with each normalisation (Littwin & Wolf 2018, table 1)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib.resources import files

import pandas as pd
import torch

from studies.networks.plain import Normalisation, clipped, eleven_layers, penalised_cross_entropy

ROUNDS = 5
"""Each normalisation is timed so many times, in turn, and the median counts: other work on the machine comes and goes.
"""


def seconds_per_hundred(
    normalisations: Sequence[Normalisation],
    *,
    image_shape: tuple[int, int, int],
    num_classes: int,
    batch_size: int,
    multiplier: float,
    iterations: int,
    device: torch.device,
) -> pd.DataFrame:
    """Seconds per 100 iterations of the 11-layer ELU network, forward, backward and step, beside the published ones."""
    channels, size, _ = image_shape
    source = torch.Generator().manual_seed(0)
    images = torch.randn(batch_size, *image_shape, generator=source).to(device)
    labels = torch.randint(num_classes, (batch_size,), generator=source).to(device)
    noise = torch.Generator(device=device).manual_seed(0)
    networks = {
        name: eleven_layers("ELU", name, in_channels=channels, size=size, num_classes=num_classes,
                            multiplier=multiplier).to(device).train()
        for name in normalisations
    }  # fmt: skip
    optimisers = {name: torch.optim.SGD(one.parameters(), lr=1e-3, momentum=0.9) for name, one in networks.items()}
    taken: dict[str, list[float]] = {name: [] for name in networks}
    for repetition in range(ROUNDS + 1):
        for name, network in networks.items():
            _wait(device)
            begin = time.perf_counter()
            for _ in range(iterations):
                loss, _scores = penalised_cross_entropy(network, images, labels, noise)
                optimisers[name].zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                clipped(network)
                optimisers[name].step()
            _wait(device)
            # The first round warms caches up.
            if repetition:
                taken[name].append(100 * (time.perf_counter() - begin) / iterations)
    with files("studies").joinpath("published/vcl_time.csv").open(encoding="utf-8") as stream:
        published = pd.read_csv(stream, keep_default_na=False).pivot(
            index="normalisation", columns="device", values="seconds"
        )
    median = {name: sorted(times)[len(times) // 2] for name, times in taken.items()}
    return pd.DataFrame(
        {
            "normalisation": name, "image": "x".join(map(str, image_shape)), "multiplier": multiplier,
            "batch_size": batch_size, "seconds": seconds, "ratio": seconds / median[normalisations[0]],
            "published_cpu_seconds": published["Intel i7 CPU"].get(name),
            "published_gpu_seconds": published["Volta GPU"].get(name),
        }
        for name, seconds in median.items()
    )  # fmt: skip


def _wait(device: torch.device) -> None:
    """Let queued work end before a clock is read."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
