"""List the runs of params.yaml: done, running, failed, missing; or clean the store of what it does not name."""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import InputError
from pipeline.core.wording import counted
from pipeline.params import Params, load_params

if TYPE_CHECKING:
    from pipeline.runs.identity import RunSpec
    from pipeline.runs.status import Leftover, RunStatus

STATES = ("done", "diverged", "running", "failed", "stopped", "missing")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to list, and whether to clean."""
    parser.add_argument("--all", action="store_true", help="every run, not only those that are not done")
    parser.add_argument("--json", action="store_true", help="every run as one line of JSON")
    parser.add_argument("--clean", action="store_true", help="list what params.yaml does not name, with its size")
    parser.add_argument("--yes", action="store_true", help="with --clean: delete it for good")


def run(options: argparse.Namespace) -> int:
    """Print the runs, or what could be dropped."""
    from pipeline.runs.identity import data_hash
    from pipeline.runs.scheduler import plan
    from pipeline.runs.store import STORE

    if options.yes and not options.clean:
        raise InputError("--yes deletes nothing by itself; expected it with --clean")
    params = load_params()
    data = data_hash(Path("data/inputs.json"), Path("data/folds.csv"))
    specs = [spec for model in params.models for spec in plan(params, model, data)]
    if options.clean:
        return _clean(specs, STORE, yes=options.yes)
    return _list(specs, params, STORE, every=options.all, as_json=options.json)


def _list(specs: Sequence[RunSpec], params: Params, store: Path, *, every: bool, as_json: bool) -> int:
    from pipeline.runs.status import run_status

    found = [run_status(spec, store) for spec in specs]
    if as_json:
        for status in found:
            print(json.dumps(_as_json(status)))
        return 0
    width = max(len("model"), *map(len, params.models))
    print(f"{'model':<{width}}  {'  '.join(f'{state:>8}' for state in STATES)}")
    for model in params.models:
        counts = Counter[str](status.state for status in found if status.spec.model == model)
        print(f"{model:<{width}}  {'  '.join(f'{counts[state] or str():>8}' for state in STATES)}")
    shown = [status for status in found if every or status.state not in ("done", "missing")]
    if shown:
        print(f"\n{'run':<{width + 15}}  {'state':<8}  {'epoch':>11}  {'valid UA':>8}  {'s/epoch':>8}")
    for status in shown:
        epochs = f"{status.epoch}/{status.spec.epochs}"
        line = (
            f"{status.spec.name:<{width + 15}}  {status.state:<8}  {epochs:>11}  {_number(status.valid_ua, 1):>8}  "
            f"{_number(status.seconds_per_epoch, 2):>8}  {status.note}"
        )
        print(line.rstrip())
    return 0


def _clean(specs: Sequence[RunSpec], store: Path, *, yes: bool) -> int:
    from pipeline.runs.status import drop, leftovers

    found = list(leftovers(store, {spec.identity for spec in specs}))
    if not found:
        print(f"{store}: every run in it is one of params.yaml")
        return 0
    for one in found:
        print(_shown(one))
    free = [one for one in found if not one.held_by]
    if not yes:
        print(
            f"{counted(len(found), 'run')} of other params, data or code, {_megabytes(free)}; training them again "
            "costs their time. `python -m pipeline runs --clean --yes` deletes them"
        )
        return 0
    dropped = [one for one in free if drop(one)]
    print(f"deleted {counted(len(dropped), 'run')}, {_megabytes(dropped)}")
    return 0


def _shown(one: Leftover) -> str:
    held = f", kept: {one.held_by} trains it" if one.held_by else ""
    return f"{one.folder}  {one.model}, {one.what}, {one.epochs} epochs, {_megabytes([one])}{held}"


def _megabytes(found: Sequence[Leftover]) -> str:
    return f"{sum(one.size for one in found) / 1e6:.1f} MB"


def _as_json(status: RunStatus) -> dict[str, object]:
    values = asdict(status) | {"model": status.spec.model, "fold": status.spec.fold, "seed": status.spec.seed}
    values |= {"epochs": status.spec.epochs, "identity": status.spec.identity}
    del values["spec"]
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}


def _number(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:.{decimals}f}"
