"""Stage `vcl_time`: what the variance constancy loss costs; apart from `vcl`, whose results are the same every time."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.core.errors import explained
from pipeline.training.device import resolve_device
from studies.iteration_time import seconds_per_hundred
from studies.params import load_params
from studies.tables import write_csv


def main() -> None:
    """Write `vcl_time.csv` in `studies/results/`."""
    params = load_params()
    torch.set_num_threads(1)
    timed = params.vcl_time
    table = seconds_per_hundred(
        ("none", "batch", "layer", "group", "vcl"), image_shape=timed.image, num_classes=timed.num_classes,
        batch_size=timed.batch_size, multiplier=timed.multiplier, iterations=timed.iterations,
        device=resolve_device(params.execution.device),
    )  # fmt: skip
    write_csv(table, Path("studies/results/vcl_time.csv"))


if __name__ == "__main__":
    with explained("vcl_time"):
        main()
