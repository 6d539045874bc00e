"""Read all of params.yaml and list every mistake in it; nothing is computed."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.core.settings import PARAMS
from pipeline.core.wording import counted
from pipeline.frontends.base import say_notices
from pipeline.params import load_params


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, params.yaml by default."""
    parser.add_argument("path", nargs="?", type=Path, default=PARAMS, help="a params file; default: params.yaml")


def run(options: argparse.Namespace) -> int:
    """Check the file, and that the packages of its front ends are installed."""
    params = load_params(options.path)
    front_ends = [params.front_end(key) for key in params.frontends]
    for front_end in front_ends:
        front_end.refuse_if_not_installed()
    say_notices(front_ends)
    corpora = "1 corpus" if len(params.corpora) == 1 else f"{len(params.corpora)} corpora"
    print(
        f"{options.path}: no mistakes; {corpora}, {counted(len(params.frontends), 'front end')}, "
        f"{counted(len(params.models), 'model')}"
    )
    return 0
