"""`studies/params.yaml` as frozen, typed objects: a section for each study, and how runs are executed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from pipeline.core.settings import Count, Size, Strict, Text, read_settings
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
    """An image data set, and the folder of its files as published; `digits` needs none."""

    name: Literal["digits", "mnist", "cifar10", "cifar100", "tiny_imagenet"]
    path: Text | None = None

    @model_validator(mode="after")
    def _files_lie_somewhere(self) -> DataParams:
        if (self.path is None) != (self.name == "digits"):
            wanted = "no path: it comes with scikit-learn" if self.name == "digits" else "path: the folder of its files"
            raise ValueError(f"{self.name} needs {wanted}")
        return self

    @property
    def folder(self) -> str:
        """The path of a data set that needs one."""
        if self.path is None:
            raise ValueError(f"{self.name} has no files")
        return self.path


class EmbeddingsParams(Strict):
    """Figures 4, 5 and 6.

    `widths` are the channels of every block, stage by stage; one block of 2 channels, the embedding, follows the last.
    """

    data: DataParams
    stem: Count
    widths: Annotated[tuple[tuple[Count, ...], ...], Field(min_length=1)]
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


class Table1Params(Strict):
    """Table 1; `widths` are of the first stage, 64 for 2x64d, and `depth` counts convolutions and the affine layer."""

    data: DataParams
    depth: Count
    widths: Annotated[tuple[Annotated[int, Field(ge=2, multiple_of=2)], ...], Field(min_length=1)]
    seeds: Seeds
    recipe: Recipe

    @model_validator(mode="after")
    def _depth_is_whole_blocks(self) -> Table1Params:
        _check_depth(self.depth)
        return self


class RulesExperimentParams(Strict):
    """Gastaldi's settings on one data set; `width` is of the first stage, and `depth` as in `Table1Params`.

    `settings` names some of `studies.shake_rules.SETTINGS`; without it all are trained.
    """

    data: DataParams
    depth: Count
    width: Annotated[int, Field(ge=2, multiple_of=2)]
    settings: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    recipe: Recipe

    @model_validator(mode="after")
    def _depth_is_whole_blocks(self) -> RulesExperimentParams:
        _check_depth(self.depth)
        return self


class ShakeRulesParams(Strict):
    """Gastaldi's studies; the correlation of branches is measured in the first experiment."""

    seeds: Seeds
    experiments: Annotated[tuple[RulesExperimentParams, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _experiments_differ(self) -> ShakeRulesParams:
        names = [f"{one.data.name} at width {one.width}" for one in self.experiments]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two experiments are on {twice[0]}, whose rows could not be told apart; expected one")
        return self


class VclTimeParams(Strict):
    """Seconds per 100 iterations (table 1 of Littwin & Wolf 2018) on images of `image`, (channels, height, width)."""

    image: tuple[Count, Count, Count]
    num_classes: Count
    batch_size: Annotated[int, Field(ge=2)]
    multiplier: Annotated[float, Field(gt=0)]
    iterations: Count


class StudiesParams(Strict):
    """All of `studies/params.yaml`."""

    execution: ExecutionParams = ExecutionParams()
    embeddings: EmbeddingsParams
    vcl: VclParams
    uci: UciParams
    vcl_time: VclTimeParams
    table1: Table1Params
    shake_rules: ShakeRulesParams


def load_params(path: Path = PARAMS) -> StudiesParams:
    """Read and check a params file.

    Raises:
        InputError: see `read_settings`.
    """
    return read_settings(path, StudiesParams)


def _check_depth(depth: int) -> None:
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"depth {depth} is no whole number of blocks; expected 8, 14, 20, 26, ...")
