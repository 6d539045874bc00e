"""The kinds of front ends by name. A new front end is one file and one line here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.source import import_closure, source_hash, source_hashes
from pipeline.core.wording import did_you_mean
from pipeline.frontends.base import FrontEnd, FrontEndOptions
from pipeline.frontends.variation import Varied

FRONT_ENDS: dict[str, str] = {
    "spectrogram": "pipeline.frontends.spectrogram",
    "logmel": "pipeline.frontends.logmel",
    "mfcc": "pipeline.frontends.mfcc",
    "functionals": "pipeline.frontends.functionals",
    "opensmile": "pipeline.frontends.opensmile",
    "ssl": "pipeline.frontends.ssl",
    "table": "pipeline.frontends.table",
}
"""The module of each kind; it is imported when a front end of the kind is configured."""

VARIATION = Varied.__module__


def front_end_class(kind: str) -> type[FrontEnd[Any]]:
    """The class of a kind.

    Raises:
        InputError: there is no such kind.
    """
    if kind not in FRONT_ENDS:
        hint = did_you_mean(kind, FRONT_ENDS)
        raise InputError(f"{kind!r} is not a kind of front end; {hint}expected one of {', '.join(FRONT_ENDS)}")
    found: type[FrontEnd[Any]] = import_module(FRONT_ENDS[kind]).FRONT_END
    return found


def make_front_end(options: FrontEndOptions) -> FrontEnd[Any]:
    """The front end of an entry of `frontends`.

    Raises:
        InputError: its options contradict each other; the message begins with the name of one.
    """
    front_end = front_end_class(options.kind)(options)
    return Varied(front_end) if options.varied else front_end


def front_end_of(described: Mapping[str, Any]) -> FrontEnd[Any]:
    """The front end with options given as plain values, as files keep them."""
    kind = front_end_class(str(described.get("kind")))
    return make_front_end(kind.options_class.model_validate_json(json.dumps(dict(described))))


def description(front_end: FrontEnd[Any]) -> dict[str, Any]:
    """Everything that features depend on: options, code of the front end as it parses, versions, weights.

    It is written to `data/frontends/<key>.json`, on which the extraction of this front end alone depends.
    """
    modules = [FRONT_ENDS[front_end.options.kind], *([VARIATION] if front_end.options.varied else [])]
    code = import_closure(modules, ["pipeline/frontends"])
    return {
        "options": front_end.options.model_dump(mode="json"),
        "shape": asdict(front_end.shape),
        "source": source_hash(source_hashes(code)),
        "identity": front_end.identity(),
    }
