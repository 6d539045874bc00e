"""List the configured corpora: what was found of each, its licence and its source; or print the expected tree."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, did_you_mean, listed
from pipeline.corpora.base import Reader
from pipeline.corpora.registry import READERS
from pipeline.corpora.scanning import genders
from pipeline.params import Params, load_params

if TYPE_CHECKING:
    from pipeline.corpora.survey import Survey


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The corpus whose tree is printed, or none for the list."""
    parser.add_argument(
        "--expect",
        metavar="CORPUS",
        help="print the folders, files, emotions and columns that this corpus or reader expects",
    )


def run(options: argparse.Namespace) -> int:
    """Print a block for each corpus; one that is missing or not usable is listed with the reason, not a failure."""
    from pipeline.corpora.survey import survey

    params = load_params()
    if options.expect is not None:
        print("\n".join(_expected(_reader(options.expect, params))))
        return 0
    for key, corpus in params.corpora.items():
        reader = READERS[params.reader(key)]
        try:
            found = survey(key, corpus, reader, params.classes)
        except InputError as error:
            lines = [f"{'not usable' if os.access(corpus.path, os.F_OK) else 'not found'}: {error}"]
        else:
            lines = ["found", *_described(found, reader)]
        lines += [f"licence: {reader.licence}", f"where to get it: {reader.source}"]
        print(f"{key} in {corpus.path}: " + "\n  ".join(lines), end="\n\n")
    return 0


def _described(found: Survey, reader: Reader) -> Iterator[str]:
    yield found.headline
    yield from found.notes
    if found.complete is not None:
        state = "complete" if found.complete else "incomplete"
        yield f"{state}: its owner's release has {reader.stated} recordings"
    classes = ", ".join(f"{name} {count}" for name, count in found.classes.items())
    yield f"classes: {classes}; {found.others} of other emotions or excluded actors"
    rates = ", ".join(f"{count} at {rate} Hz" for rate, count in found.rates.items())
    yield f"audio: {found.seconds / 3600:.2f} h of the classes; {rates or 'none'}"
    yield from found.warnings
    if found.unreadable:
        yield f"warning: {counted(found.unreadable, 'recording')} cannot be read; ingest names them"


def _expected(reader: Reader) -> Iterator[str]:
    yield reader.title
    yield reader.tree
    if reader.emotions:
        codes = {name: code for code, name in reader.codes.items() if code != name}
        emotions = ", ".join(
            f"{codes[name]} {count}: {name}" if name in codes else f"{name} {count}"
            for name, count in reader.emotions.items()
        )
        yield f"recordings: {reader.stated} ({emotions})"
    elif reader.stated:
        yield f"recordings: {reader.stated} ({', '.join(reader.own_emotions)})"
    if reader.actors:
        yield f"actors: {len(reader.actors)} ({genders(reader.actors.values())})"
    for column, values in reader.columns.items():
        yield f"column {column}" + (f": {listed(values, most=12)}" if values else "")
    if reader.unknown:
        yield f"not known: {reader.unknown}"
    yield f"licence: {reader.licence}"
    yield f"where to get it: {reader.source}"
    if reader.paper:
        yield f"to cite: {reader.paper}"


def _reader(name: str, params: Params) -> Reader:
    if name in params.corpora:
        return READERS[params.reader(name)]
    if name in READERS:
        return READERS[name]
    choices = list(dict.fromkeys([*params.corpora, *READERS]))
    hint = did_you_mean(name, choices)
    raise InputError(
        f"{name!r} is neither a corpus in params.yaml nor a reader; {hint}expected one of {', '.join(choices)}"
    )
