"""`python -m studies NAME`: run a study, or check the params file of all."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from pipeline.core.errors import InputError, explained
from pipeline.core.source import refuse_other_code
from pipeline.core.wording import did_you_mean

FOLDER = Path(__file__).parent
STUDIES = sorted(path.parent.name for path in FOLDER.glob("*/study.py"))
"""Packages with a `main()` in `study.py`, by name: the code of one study does not import the others."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study that the command line names; exit status 1 with a message if it cannot run."""
    lines = {**{name: description(name) for name in STUDIES}, "check": "Check all of studies/params.yaml."}
    parser = argparse.ArgumentParser(
        prog="python -m studies",
        description=(__doc__ or "").replace("`", ""),
        epilog="names:\n" + "\n".join(f"  {name:12} {line}" for name, line in lines.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="one of the names below")
    name = parser.parse_args(arguments).name
    if name is None:
        parser.print_help()
        return
    with explained(name):
        refuse_other_code()
        run(name)


def description(study: str) -> str:
    """The one-line docstring of a study, which is not imported: a mistake in one study does not stop the others."""
    text = (FOLDER / study / "study.py").read_text("utf-8")
    return text.partition('"""')[2].partition('"""')[0].split("\n")[0]


def run(name: str) -> None:
    """Run a study, or `check`.

    Raises:
        InputError: the name is not that of a study, or the study cannot run.
    """
    if name == "check":
        import_module("studies.params").load_params()
        print("studies/params.yaml is valid")
    elif name in STUDIES:
        import_module(f"studies.{name}.study").main()
    else:
        hint = did_you_mean(name, [*STUDIES, "check"])
        raise InputError(f"{name!r} is not a study; {hint}expected one of {', '.join(STUDIES)}, or check")


if __name__ == "__main__":
    main()
