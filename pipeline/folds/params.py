"""The section `partition` of params.yaml."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from pipeline.core.settings import Classes, Count, Key, Sections, Size, Strict, class_mistakes


class PartitionParams(Strict):
    """Actor-disjoint folds (Table 4); `repeats` different partitions, of which the first is that of one."""

    folds: Annotated[int, Field(ge=2)]
    seed: Size
    balance_classes: bool = True
    repeats: Count = 1


class PartitionSections(Sections):
    """The sections of params.yaml that the partition depends on; of `corpora` the keys alone."""

    classes: Classes
    corpora: dict[Key, Any]
    partition: PartitionParams

    def mistakes(self) -> list[str]:
        """See `Sections`."""
        return class_mistakes(self.classes)
