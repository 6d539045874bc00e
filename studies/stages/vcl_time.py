"""Stage `vcl_time`: what the variance constancy loss costs; apart from `vcl`, whose results are the same every time."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.errors import explained
from pipeline.files import write_text
from pipeline.training.device import resolve_device
from studies.datasets.registry import load_images
from studies.iteration_time import seconds_per_hundred
from studies.params import load_params


def main() -> None:
    """Time iterations on images of the configured data set's shape, and write the table."""
    params = load_params()
    torch.set_num_threads(1)
    images = load_images(params.vcl.data)
    table = seconds_per_hundred(
        params.vcl.normalisations, image_shape=images.image_shape, num_classes=images.num_classes,
        batch_size=params.vcl.recipe.batch_size, multiplier=params.vcl.multiplier, iterations=20,
        device=resolve_device(params.execution.device),
    )  # fmt: skip
    text = table.to_csv(index=False, lineterminator="\n", float_format="%.4g")
    write_text(Path("studies/results/vcl_time.csv"), text)


if __name__ == "__main__":
    with explained("vcl_time"):
        main()
