"""Audit a split: what its parts share (speakers, texts, recordings), and how balanced they are.

Exit status 0: clean; 1: leaks were found; 2: a list cannot be read, or does not say enough.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.wording import did_you_mean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The lists, the folder of the recordings, and what must be apart."""
    parser.add_argument(
        "lists", type=Path, nargs="+", metavar="FILE",
        help="data/folds.csv, CSV, EmoBox's jsonl, EMO-SUPERB's partition, Kaldi's utt2spk or its folder; several "
        "files are the parts, by their names (train, valid, test)",
    )  # fmt: skip
    parser.add_argument(
        "--scheme", choices=("actors", "sessions", "texts", "actors+texts", "corpora"), default="actors",
        help="what the parts must not share, as in partition.scheme; recordings never; default: actors",
    )  # fmt: skip
    parser.add_argument(
        "--audio", type=Path, metavar="FOLDER", help="the recordings, to find identical and almost identical sounds"
    )
    parser.add_argument(
        "--column", action="append", default=[], metavar="ROLE=NAME",
        help="which column is what, where the names do not show it: name, speaker, part, fold, label, text, ...",
    )  # fmt: skip
    parser.add_argument(
        "--no-names", action="store_true", help="believe the list alone; take nothing from names of known corpora"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, with everything that is shared")


def run(options: argparse.Namespace) -> int:
    """Print the audit."""
    from pipeline.audit.audit import STATUS, audit
    from pipeline.audit.report import as_json, as_text

    try:
        found = audit(
            options.lists, scheme=options.scheme, sounds=options.audio, named=_named(options.column),
            by_names=not options.no_names,
        )  # fmt: skip
    except InputError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    print(as_json(found) if options.json else "\n".join(as_text(found)))
    return STATUS[found.verdict]


def _named(columns: list[str]) -> dict[str, str]:
    from pipeline.audit.entries import ROLES

    named = {}
    for one in columns:
        role, equals, name = one.partition("=")
        if not (equals and name) or role not in ROLES:
            raise InputError(
                f"--column {one}: {did_you_mean(role, ROLES)}expected ROLE=NAME with a role of {', '.join(ROLES)}"
            )
        named[role] = name
    return named
