"""Seconds per 100 iterations beside the published ones."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

import pandas as pd

from studies.vcl_time.params import VclTimeParams


def table(seconds: Mapping[str, float], params: VclTimeParams) -> pd.DataFrame:
    """`vcl_time.csv`: one row for each normalisation; `ratio` is to the first, without normalisation.

    Args:
        seconds: seconds per 100 iterations by normalisation.
        params: the section `vcl_time` of the params.
    """
    with files("studies.vcl_time").joinpath("published.csv").open(encoding="utf-8") as stream:
        published = pd.read_csv(stream, keep_default_na=False).pivot(
            index="normalisation", columns="device", values="seconds"
        )
    first = next(iter(seconds.values()))
    return pd.DataFrame(
        {
            "normalisation": name, "image": "x".join(map(str, params.image)), "multiplier": params.multiplier,
            "batch_size": params.batch_size, "seconds": taken, "ratio": taken / first,
            "published_cpu_seconds": published["Intel i7 CPU"].get(name),
            "published_gpu_seconds": published["Volta GPU"].get(name),
        }
        for name, taken in seconds.items()
    )  # fmt: skip
