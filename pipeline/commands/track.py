"""Write the history of all runs for TensorBoard, MLflow or DVCLive, the runs of a model grouped."""

from __future__ import annotations

import argparse
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from pipeline.commands.predict import user_path
from pipeline.core.errors import InputError
from pipeline.core.wording import counted, printable
from pipeline.tracking.targets import TARGETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The program, the folder, and the models."""
    parser.add_argument("program", choices=sorted(TARGETS), help="program in which the runs are looked at")
    parser.add_argument("--models", nargs="+", metavar="MODEL", help="keys of models; default: all of params.yaml")
    parser.add_argument(
        "--to", type=user_path, metavar="DIR", help="folder to write; default: results/tracking/<program>"
    )
    parser.add_argument("--overwrite", action="store_true", help="delete the folder of an earlier call first")


def run(options: argparse.Namespace) -> int:
    """Write the folder, and say which command shows it."""
    from pipeline.params import load_params
    from pipeline.tracking.history import tracked_runs

    target = TARGETS[options.program]
    if find_spec(target.needs) is None:
        raise InputError(
            f"{options.program} needs {target.needs}, which is not installed; "
            f"`pip install -c constraints.txt -e '.[{target.install}]'` installs it"
        )
    params = load_params()
    models = {
        key: {
            "model": params.model(key).model_dump(mode="json", exclude={"network", "features", "train"}),
            "train": params.train_of(key).model_dump(mode="json"),
        }
        for key in options.models or params.models
    }
    runs = tracked_runs(models)
    folder = options.to or Path("results/tracking") / options.program
    shown = printable(str(folder))
    marker = folder / ".shaking-emotions-track"
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        if not options.overwrite:
            raise InputError(f"{shown} exists; expected a new or an empty folder, or --overwrite to write it again")
        if not marker.is_file():
            raise InputError(f"{shown} was not written by this command, so it is not deleted; name another folder")
        shutil.rmtree(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker.touch()
        target.write(runs, folder)
    except OSError as error:
        raise InputError(f"{shown} cannot be written: {error.strerror}; name another folder with --to") from None
    number = f"{counted(len(runs), 'run')} of {counted(len(models), 'model')}"
    print(f"{number} in {shown}: `{target.look.format(folder=shown)}`")
    return 0
