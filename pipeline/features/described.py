"""The descriptions of the configured front ends, which the stage `check` writes to `data/frontends`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import InputError
from pipeline.core.features import Shape

if TYPE_CHECKING:
    from pipeline.frontends.base import FrontEnd

FOLDER = Path("data/frontends")


def described_front_ends(folder: Path = FOLDER) -> list[str]:
    """The keys of the configured front ends, sorted."""
    return sorted(path.stem for path in folder.glob("*.json"))


def front_end_options(key: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The options of a configured front end as plain values.

    Raises:
        InputError: there is no description of it.
    """
    return _described(key, "options", folder)


def front_end_identity(key: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Values that a configured front end's numbers depend on beside options and code, see `FrontEnd.identity`.

    Raises:
        InputError: there is no description of it.
    """
    return _described(key, "identity", folder)


def described_shape(key: str, root: Path = Path()) -> Shape:
    """The shape of a configured front end's features.

    Raises:
        InputError: there is no description of it.
    """
    return Shape(**_described(key, "shape", root / FOLDER))


def _described(key: str, part: str, folder: Path) -> dict[str, Any]:
    path = folder / f"{key}.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))[part]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} does not describe a front end ({type(error).__name__}: {error}); `dvc repro check` makes it from "
            "params.yaml"
        ) from None
    return found


def front_end_of(options: Mapping[str, Any]) -> FrontEnd[Any]:
    """The front end with options given as plain values; see `registry.front_end_of`.

    Its code is imported when it is needed, so that the extraction of a front end depends on its description, which has
    a hash of its code, and not on the code of other front ends.
    """
    front_end: FrontEnd[Any] = import_module("pipeline.frontends.registry").front_end_of(options)
    return front_end


def load_front_end(key: str, folder: Path = FOLDER) -> FrontEnd[Any]:
    """A configured front end.

    Raises:
        InputError: there is no description of it, or its packages are not installed.
    """
    front_end = front_end_of(front_end_options(key, folder))
    front_end.refuse_if_not_installed()
    return front_end
