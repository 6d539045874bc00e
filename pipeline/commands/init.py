"""Make a project of your own in a folder: dvc.yaml, params.yaml, stages, a README; the code is the installed one."""

from __future__ import annotations

import argparse

from pipeline.commands.predict import user_path
from pipeline.core.wording import counted, printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The folder."""
    parser.add_argument("folder", type=user_path, metavar="DIR", help="folder of the project, made if need be")
    parser.add_argument(
        "--update", action="store_true", help="after an upgrade: keep params.yaml and README.md, replace the rest"
    )


def run(options: argparse.Namespace) -> int:
    """Write the project."""
    from pipeline.project.template import write_project

    written = write_project(options.folder, update=options.update)
    shown = printable(str(options.folder))
    print(f"{counted(len(written), 'file')} written to {shown}")
    if not options.update:
        print(
            f"next: put recordings and a table recordings.csv into {shown}/speech, or set `corpora` in "
            f"{shown}/params.yaml to corpora that you have; then, in {shown}: `shaking-emotions check`, "
            "`shaking-emotions corpora`, `dvc repro`"
        )
    else:
        print(f"next, in {shown}: `dvc repro`, which makes again what depends on code that has changed")
    return 0
