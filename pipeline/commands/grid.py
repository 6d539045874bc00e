"""Train the runs of all models of params.yaml that the store lacks; `dvc repro` then only collects them.

Several of these may run on one store, on one machine or on many: each takes runs that no other process trains.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping

from pipeline.core.errors import InputError
from pipeline.core.wording import counted
from pipeline.params import load_params

DATA_STAGES = ("inputs", "partition")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The models, and what to do about runs of other processes."""
    parser.add_argument("models", nargs="*", help="keys under models in params.yaml; default: all of them")
    parser.add_argument("--wait", action="store_true", help="wait for the runs that other processes train")
    parser.add_argument(
        "--no-data",
        action="store_true",
        help="do not run `dvc repro inputs partition` first; tasks of Slurm arrays never do",
    )


def run(options: argparse.Namespace) -> int:
    """Make features and folds, then fill the store."""
    from pipeline.runs.scheduler import fill_store, plan_all

    params = load_params()
    models = options.models or list(params.models)
    for model in models:
        params.model(model)
    offset = array_task(os.environ)
    if offset is None and not options.no_data:
        _make_data()
    try:
        specs = plan_all(params, models)
    except InputError as error:
        raise InputError(f"{error}: run `dvc repro {' '.join(DATA_STAGES)}` once, before the jobs") from None
    # Tasks of an array begin at different runs, so that they do not all try to lock the same one.
    start = (offset or 0) % len(specs)
    filled = fill_store([*specs[start:], *specs[:start]], params, params.execution.store_folder, wait=options.wait)
    done = len(specs) - filled.trained - len(filled.locked)
    print(
        f"{counted(len(specs), 'run')}: {filled.trained} trained, {done} already in the store, "
        f"{len(filled.locked)} left to other processes, which train them"
    )
    return 0


def array_task(environment: Mapping[str, str]) -> int | None:
    """The number of a task of a Slurm array, None outside of one."""
    number = environment.get("SLURM_ARRAY_TASK_ID", "")
    return int(number) if number.isdecimal() else None


def _make_data() -> None:
    # DVC makes the data, since only it knows what is out of date.
    ended = subprocess.run([sys.executable, "-m", "dvc", "repro", *DATA_STAGES], check=False)  # noqa: S603
    if ended.returncode:
        raise InputError(
            f"features and folds could not be made (`dvc repro {' '.join(DATA_STAGES)}` ended with "
            f"{ended.returncode}; its message is above)"
        )
