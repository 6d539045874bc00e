"""`studies/params.yaml` as frozen, typed objects: a section for each study, and how runs are executed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pipeline.settings import Count, Size, Strict, Text, read_settings
from studies.training.recipe import Recipe

PARAMS = Path("studies/params.yaml")

Seeds = Annotated[tuple[Size, ...], Field(min_length=1)]


class ExecutionParams(Strict):
    """How runs are executed: never what they compute."""

    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    workers: Count | Literal["auto"] = "auto"
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0


class DataParams(Strict):
    """An image data set, and the folder of its files; `digits` needs none."""

    name: Literal["digits"]
    path: Text | None = None


class EmbeddingsParams(Strict):
    """Figures 4, 5 and 6.

    `widths` are the channels of every block, stage by stage; one block of 2 channels, the embedding, follows the last.
    """

    data: DataParams
    stem: Count
    widths: Annotated[tuple[tuple[Count, ...], ...], Field(min_length=1)]
    seeds: Seeds
    recipe: Recipe


class StudiesParams(Strict):
    """All of `studies/params.yaml`."""

    execution: ExecutionParams = ExecutionParams()
    embeddings: EmbeddingsParams


def load_params(path: Path = PARAMS) -> StudiesParams:
    """Read and check a params file.

    Raises:
        InputError: see `read_settings`.
    """
    return read_settings(path, StudiesParams)
