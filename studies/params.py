"""`studies/params.yaml` as frozen, typed objects: a section for each study, and how runs are executed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from pipeline.settings import Count, Size, Strict, Text, read_settings
from studies.networks.plain import Activation, Normalisation
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
    """Figures 4, 5 and 6."""

    data: DataParams
    seeds: Seeds
    recipe: Recipe


class VclParams(Strict):
    """The 11-layer network with each normalisation (Littwin & Wolf 2018, table 2)."""

    data: DataParams
    seeds: Seeds
    activations: Annotated[tuple[Activation, ...], Field(min_length=1)]
    normalisations: Annotated[tuple[Normalisation, ...], Field(min_length=1)]
    samples: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)]
    multiplier: Annotated[float, Field(gt=0)]
    recipe: Recipe


class TableParams(Strict):
    """A UCI table: one that ships with scikit-learn, or one in the folder `path` of the published ones."""

    name: Text
    path: Text | None = None
    rows: Count | None = None


class UciParams(Strict):
    """Fully connected networks on UCI tables (section 3; tables 4 and 5, figure 3)."""

    tables: Annotated[tuple[TableParams, ...], Field(min_length=1)]
    splits: Annotated[tuple[Count, ...], Field(min_length=1)]
    activations: Annotated[tuple[Activation, ...], Field(min_length=1)]
    normalisations: Annotated[tuple[Normalisation, ...], Field(min_length=2)]
    samples: Annotated[int, Field(ge=2)]
    depths: Annotated[tuple[Count, ...], Field(min_length=1)]
    width: Count
    recipe: Recipe
    updates: Count | None = None
    smoothing: Count


class StudiesParams(Strict):
    """All of `studies/params.yaml`."""

    execution: ExecutionParams = ExecutionParams()
    embeddings: EmbeddingsParams
    vcl: VclParams
    uci: UciParams


def load_params(path: Path = PARAMS) -> StudiesParams:
    """Read and check a params file.

    Raises:
        InputError: see `read_settings`.
    """
    return read_settings(path, StudiesParams)
