"""`studies/params.yaml`, section by section: a study reads its own and `execution`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, StringConstraints, create_model

from pipeline.core.settings import Count, Size, Strict, read_settings

PARAMS = Path("studies/params.yaml")

Seeds = Annotated[tuple[Size, ...], Field(min_length=1)]


class ExecutionParams(Strict):
    """Where and how runs are executed; it has no effect on what they compute."""

    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    workers: Count | Literal["auto"] = "auto"
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0


class Sections(Strict):
    """The sections that a study reads; a subclass adds the study's own."""

    execution: ExecutionParams = ExecutionParams()


Read = TypeVar("Read", bound=Sections)


def read_sections(model: type[Read], path: Path = PARAMS) -> Read:
    """Read and check the sections of a model; of the others, only the names are checked.

    Args:
        model: class with a field for each section.
        path: the params file.

    Raises:
        InputError: see `read_settings`.
    """
    others: dict[str, Any] = {name: (Any, None) for name in _sections() if name not in model.model_fields}
    return read_settings(path, create_model(model.__name__, __base__=model, **others))


def _sections() -> list[str]:
    """The studies whose packages define a section; their code is not imported."""
    return sorted(path.parent.name for path in Path(__file__).parents[1].glob("*/params.py") if _is_study(path))


def _is_study(path: Path) -> bool:
    return path.with_name("study.py").is_file()
