"""The start of a stage of `dvc.yaml`: it runs only the code of its folder, with messages instead of tracebacks."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from pipeline.core.errors import explained
from pipeline.core.source import refuse_other_code, refuse_other_version


def run_stage(name: str, main: Callable[..., None], description: str | None, *arguments: tuple[str, str]) -> None:
    """Run a stage with the arguments of the command line.

    Args:
        name: name of the stage in `dvc.yaml`.
        main: function of the stage; takes the arguments as text.
        description: docstring of the stage.
        arguments: name and help of each argument.
    """
    parser = argparse.ArgumentParser(prog=f"python -m stages.{name}", description=description)
    for argument, text in arguments:
        parser.add_argument(argument, help=text)
    given = list(vars(parser.parse_args()).values())
    with explained("@".join([name, "-".join(given)] if given else [name])):
        refuse_other_code()
        refuse_other_version()
        main(*given)
