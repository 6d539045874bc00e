"""`studies/params.yaml` as frozen, typed objects: a section for each study, and how runs are executed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from pipeline.settings import Count, Size, Strict, Text, read_settings
from studies.shake_models import MODELS
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


class Table1Params(Strict):
    """Table 1; `widths` are of the first stage, 64 for 2x64d, and `depth` counts convolutions and the affine layer."""

    data: DataParams
    depth: Count
    widths: Annotated[tuple[Annotated[int, Field(ge=2, multiple_of=2)], ...], Field(min_length=1)]
    seeds: Seeds
    recipe: Recipe

    @model_validator(mode="after")
    def _depth_is_whole_blocks(self) -> Table1Params:
        _refuse_part_of_a_block(self.depth)
        return self


class ShakeNetworkParams(Strict):
    """Networks of Gastaldi's recipe; `width` is of the first stage, 32 for 2x32d."""

    data: DataParams
    depth: Count
    width: Annotated[int, Field(ge=2, multiple_of=2)]
    recipe: Recipe

    @model_validator(mode="after")
    def _depth_is_whole_blocks(self) -> ShakeNetworkParams:
        _refuse_part_of_a_block(self.depth)
        return self


class ShakeSetting(ShakeNetworkParams):
    """Models that are compared on one data set, by their names in `studies.shake_models`."""

    models: Annotated[tuple[Text, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _models_are_known(self) -> ShakeSetting:
        for name in self.models:
            if name not in MODELS:
                raise ValueError(f"there is no model {name!r}; expected some of: {'; '.join(MODELS)}")
        if len(set(self.models)) < len(self.models):
            raise ValueError(f"models {list(self.models)} name one twice")
        return self


class ShakeRulesParams(Strict):
    """Shake-Shake's rules, architectures and rivals: one comparison a setting."""

    seeds: Seeds
    settings: Annotated[tuple[ShakeSetting, ...], Field(min_length=1)]


class CorrelationParams(ShakeNetworkParams):
    """Correlation of the two branches of every block, unshaken and shaken."""

    seeds: Seeds


class StudiesParams(Strict):
    """All of `studies/params.yaml`."""

    execution: ExecutionParams = ExecutionParams()
    embeddings: EmbeddingsParams
    table1: Table1Params
    shake_rules: ShakeRulesParams
    correlation: CorrelationParams


def load_params(path: Path = PARAMS) -> StudiesParams:
    """Read and check a params file.

    Raises:
        InputError: see `read_settings`.
    """
    return read_settings(path, StudiesParams)


def _refuse_part_of_a_block(depth: int) -> None:
    if depth < 8 or (depth - 2) % 6:
        raise ValueError(f"depth {depth} is no whole number of blocks; expected 8, 14, 20, 26, ...")
