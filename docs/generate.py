"""Write `params.md`, the reference of every key of params.yaml, from the classes that read it.

`make docs` runs it, and a test compares the file with what it would write. Descriptions are those of the classes'
docstrings, else the comments of `params.yaml`; units stand in both.
"""

from __future__ import annotations

import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]

HEAD = """# Every key of params.yaml

Made by `python docs/generate.py` from the classes that read the file; do not edit it. `python -m pipeline check` lists
every mistake in a `params.yaml` at once. "Paper" is the value of `params.paper.yaml`, where it has one. A key whose
default is "required" must be there. Times are in seconds, frames are of 10 ms, accuracies in percent, unless a
description says otherwise.
"""


def main() -> None:
    """Write the page."""
    (ROOT / "docs/params.md").write_text(page(), encoding="utf-8")


def page() -> str:
    """The page as Markdown."""
    from pipeline.corpora.params import CorpusParams
    from pipeline.evaluation.params import ReportParams
    from pipeline.features.params import SegmentParams
    from pipeline.folds.params import PartitionParams
    from pipeline.frontends.base import FrontEndOptions
    from pipeline.frontends.registry import FRONT_ENDS, front_end_class
    from pipeline.models.options import FeatureParams, ModelParams, NetworkParams
    from pipeline.models.registry import FAMILIES, family
    from pipeline.runs.params import ExecutionParams
    from pipeline.training.params import TrainParams

    paper = YAML(typ="safe").load((ROOT / "params.paper.yaml").read_text("utf-8"))
    classes = "A list of at least two keys: the emotions to classify, in the order of every table and column."
    lines = [HEAD, "## classes", "", f"{classes} Paper: `{_value(paper['classes'])}`.", ""]
    lines += _section("corpora.&lt;key&gt;", CorpusParams, {})
    lines += _section("segment", SegmentParams, paper["segment"])
    lines += _section("frontends.&lt;key&gt;", FrontEndOptions, {}, note="Of every kind; each kind adds its own.")
    for kind in FRONT_ENDS:
        options = front_end_class(kind).options_class
        lines += _section(f"frontends.&lt;key&gt; with kind: {kind}", options, {}, FrontEndOptions)
    lines += _section("features", FeatureParams, paper["features"])
    lines += _section("partition", PartitionParams, paper["partition"])
    lines += _section("network", NetworkParams, paper["network"], note="Of the family `resnext` alone.")
    lines += _section("models.&lt;key&gt;", ModelParams, {}, note="Of every family; each family adds its own.")
    for name in FAMILIES:
        lines += _section(f"models.&lt;key&gt; with family: {name}", family(name).options, {}, ModelParams)
    lines += _section("train", TrainParams, paper["train"])
    lines += _section("report", ReportParams, paper["report"])
    how = "How runs are executed; never what they compute."
    lines += _section("execution", ExecutionParams, paper.get("execution", {}), note=how)
    return "\n".join(lines).rstrip() + "\n"


def _section(
    title: str, model: type[BaseModel], paper: dict[str, Any], base: type[BaseModel] | None = None, note: str = ""
) -> Iterator[str]:
    """One table, and those of the groups of options in it; fields of `base` are left out."""
    yield f"## {title}"
    yield ""
    if text := note or _first_line(model):
        yield text
        yield ""
    fields = {name: one for name, one in model.model_fields.items() if base is None or name not in base.model_fields}
    if not fields:
        yield "It has no options of its own."
        yield ""
        return
    section = title.partition(".")[0].partition(" ")[0]
    yield "| key | type | default | paper | meaning |"
    yield "| --- | --- | --- | --- | --- |"
    groups: list[tuple[str, type[BaseModel]]] = []
    for name, one in fields.items():
        published = f"`{_value(paper[name])}`" if name in paper else ""
        meaning = _meaning(model, name) or _comment(section, name)
        yield f"| `{name}` | {_type(one)} | {_default(one)} | {published} | {_cell(meaning)} |"
        groups += [(name, inner) for inner in _groups(one.annotation)]
    yield ""
    for name, inner in groups:
        yield from _section(f"{title}: {name}", inner, {})


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n")[0]


def _meaning(model: type[BaseModel], name: str) -> str:
    """The description of a field in the docstring of its class, or of a class that it refers to."""
    for one in model.__mro__:
        found = _attributes(one.__doc__ or "").get(name, "")
        if reference := re.match(r"see `(\w+)`", found):
            other = getattr(sys.modules[one.__module__], reference[1], None)
            if other is not None and (there := _attributes(other.__doc__ or "").get(name)):
                rest = found[reference.end() :].lstrip(".;: ")
                return f"{there.strip()} {rest[:1].upper()}{rest[1:]}".strip()
        if found:
            return found
    return ""


def _attributes(doc: str) -> dict[str, str]:
    """Descriptions by name, from the part `Attributes:` of a docstring."""
    _, _, block = doc.partition("Attributes:\n")
    block = re.split(r"\n\s*\n", block)[0]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in block.splitlines():
        if entry := re.match(r" {8}([\w, ]+): (.*)", line):
            names = [one.strip() for one in entry[1].split(",")]
            found |= dict.fromkeys(names, entry[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}" for name in names}
    return found


def _comment(section: str, name: str) -> str:
    """The comment beside a key of a section in params.yaml, without what is about the values of that file."""
    text = (ROOT / "params.yaml").read_text("utf-8")
    block = re.search(rf"^{section}:.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    line = re.search(rf"^  {name}:[^#\n]*# (.*)$", block[0] if block else "", re.MULTILINE)
    return re.sub(r"; the paper.*|: \d+ x \d+ in all.*", "", line[1]) if line else ""


def _type(one: FieldInfo) -> str:
    return _kind(one.annotation) + _limits(one.annotation, one.metadata)


def _kind(kind: Any) -> str:
    """A type in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        marks = [mark for argument in arguments[1:] for mark in getattr(argument, "metadata", [argument])]
        return _kind(arguments[0]) + _limits(arguments[0], marks)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_kind(one) for one in arguments))
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            return f"list of {_kind(arguments[0])}"
        return f"list of {len(arguments)}: {', '.join(_kind(one) for one in arguments)}"
    if origin is dict:
        return f"mapping of {_kind(arguments[0])} to {_kind(arguments[1])}"
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "options"
    names = {bool: "`true` or `false`", int: "whole number", float: "number", str: "text", type(None): "`null`"}
    return names.get(kind, "any value")


def _limits(kind: Any, marks: Iterable[Any]) -> str:
    """Bounds in words; that a text is not empty goes without saying."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    if get_origin(kind) is tuple:
        words["min_length"] = "of at least"
    bounds = [(word, getattr(mark, name, None)) for mark in marks for name, word in words.items()]
    return ",".join(f" {word} {_bound(bound)}" for word, bound in bounds if isinstance(bound, int | float))


def _bound(value: float) -> str:
    return "2^63" if value == 2**63 else f"{value:g}"


def _groups(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind.__name__ != "FrontEndOptions":  # a front end within another has a section of its own
            yield kind
        return
    for one in get_args(kind):
        if not isinstance(one, str):
            yield from _groups(one)


def _default(one: FieldInfo) -> str:
    if one.is_required():
        return "required"
    value = one.get_default(call_default_factory=True)  # type: ignore[call-arg]
    return "required" if value is PydanticUndefined else f"`{_value(value)}`"


def _value(value: Any) -> str:
    """A value as params.yaml has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, BaseModel):
        return "options"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_value(one)}' for name, one in value.items())}}}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    """A description as params.yaml would say it: null, not None."""
    return re.sub(r"\bNone\b", "null", text).replace("|", "\\|").strip()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # the classes of this checkout, also where another one is installed
    main()
