"""Cost of the variance constancy loss; apart from `vcl`, whose results are the same every time."""

from __future__ import annotations

import torch

from pipeline.training.device import resolve_device
from studies.core.output import save
from studies.core.params import Sections, read_sections
from studies.vcl_time.params import VclTimeParams
from studies.vcl_time.results import table
from studies.vcl_time.runs import NORMALISATIONS, seconds_per_hundred


class Params(Sections):
    """The sections that this study reads."""

    vcl_time: VclTimeParams


def main() -> None:
    """Write `vcl_time.csv` in `studies/results/`."""
    params = read_sections(Params)
    torch.set_num_threads(1)
    device = resolve_device(params.execution.device)
    seconds = seconds_per_hundred(NORMALISATIONS, params.vcl_time, device)
    save("vcl_time", {"vcl_time": table(seconds, params.vcl_time)})
