"""All commands beside `dvc repro`: `python -m pipeline COMMAND` or `shaking-emotions COMMAND`; each has `--help`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline import __version__, commands
from pipeline.core.errors import explained
from pipeline.core.source import refuse_other_code


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exit status 1 when it could not do all that was asked."""
    started = Path(sys.argv[0]).name
    program = started if started == "shaking-emotions" else "python -m pipeline"
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("--version", action="version", version=f"shaking-emotions {__version__}")
    parsers = parser.add_subparsers(dest="command", required=True)
    for command in commands.ALL:
        description = (command.__doc__ or "").split("\n\n")[0]
        subparser = parsers.add_parser(command.__name__.rsplit(".")[-1], help=description, description=description)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    options = parser.parse_args(arguments)
    with explained(options.command):
        refuse_other_code()
        try:
            status = options.run(options)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (`| head`) has seen enough; what is left to flush at exit goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            status = 1
        sys.exit(status)


if __name__ == "__main__":
    main()
