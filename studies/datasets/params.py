"""The data set of a study, as params.yaml names it."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from pipeline.core.settings import Strict, Text


class DataParams(Strict):
    """An image data set, and the folder of its files as published; `digits` needs none."""

    name: Literal["digits", "mnist", "cifar10", "cifar100", "tiny_imagenet"]
    path: Text | None = None

    @model_validator(mode="after")
    def _files_have_a_folder(self) -> DataParams:
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
