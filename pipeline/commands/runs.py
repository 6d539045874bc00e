"""List the runs of params.yaml: done, running, failed, missing; adopt runs of earlier code; or clean the store."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, printable
from pipeline.params import Params, load_params

if TYPE_CHECKING:
    from pipeline.runs.adoption import Adoptable
    from pipeline.runs.identity import RunSpec
    from pipeline.runs.status import Leftover, RunStatus

STATES = ("done", "diverged", "running", "failed", "stopped", "missing")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The runs to list, and whether to adopt or to clean."""
    parser.add_argument("--all", action="store_true", help="every run, not only those that are not done")
    parser.add_argument("--json", action="store_true", help="every run as one line of JSON")
    parser.add_argument(
        "--clean", action="store_true", help="list runs in the store that params.yaml does not name, with their sizes"
    )
    parser.add_argument(
        "--adopt",
        action="store_true",
        help="list finished runs whose only difference from missing ones is an earlier version of the code",
    )
    parser.add_argument(
        "--yes", action="store_true", help="with --clean: delete them for good; with --adopt: declare them valid"
    )


def run(options: argparse.Namespace) -> int:
    """Print the runs, or what could be adopted or deleted."""
    from pipeline.runs.scheduler import plan_all

    if options.adopt and options.clean:
        raise InputError("--adopt and --clean were given; expected one of them. Adopt first, then clean")
    if options.yes and not (options.adopt or options.clean):
        raise InputError("--yes does nothing by itself; expected it with --clean or --adopt")
    params = load_params()
    specs, store = plan_all(params, params.models), params.execution.store_folder
    if options.adopt:
        return _adopt(specs, store, yes=options.yes)
    if options.clean:
        return _clean(specs, store, yes=options.yes)
    return _list(specs, params, store, every=options.all, as_json=options.json)


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


def _adopt(specs: Sequence[RunSpec], store: Path, *, yes: bool) -> int:
    from pipeline.runs.adoption import adopt, adoptable, declaration, missing

    found = adoptable(specs, store)
    if not found:
        print(_nothing_to_adopt(len(missing(specs, store)), store))
        return 0
    if not yes:
        print(_differences(found))
        print(
            "`python -m pipeline runs --adopt --yes` declares them valid: that the differences between these versions "
            "of the code change no number of these runs. The report will say so, with your name"
        )
        return 0
    declared = declaration()
    refused = [(one.spec.name, reason) for one in found if (reason := adopt(one, store, declared)) is not None]
    for name, reason in refused:
        print(f"{name}: not adopted: {reason}", file=sys.stderr)
    print(f"adopted {counted(len(found) - len(refused), 'run')} of earlier code, as {declared['by']}")
    return 1 if refused else 0


def _nothing_to_adopt(lacking: int, store: Path) -> str:
    if not lacking:
        return f"nothing to adopt: {store} has every run of params.yaml"
    return (
        f"nothing to adopt: {counted(lacking, 'run')} of params.yaml {'is' if lacking == 1 else 'are'} missing, and no "
        f"finished run in {store} differs from one of them in the code alone. A run of other params or data cannot be "
        "adopted; `python -m pipeline runs --clean` lists what the store holds beside params.yaml"
    )


def _differences(found: Sequence[Adoptable]) -> str:
    """The runs by the version of the code that trained them, and its differences from the code here."""
    versions: dict[tuple[str, tuple[str, ...] | None], list[RunSpec]] = {}
    for one in found:
        versions.setdefault((one.source, one.files), []).append(one.spec)
    lines = []
    for (source, files), specs in versions.items():
        lines.append(f"{counted(len(specs), 'finished run')} of code {source}, here {specs[0].source}:")
        for model in dict.fromkeys(spec.model for spec in specs):
            folds: dict[str, list[str]] = {}
            for spec in specs:
                if spec.model == model:
                    of_repeat = "" if spec.repeat == 1 else f"repeat {spec.repeat} "
                    folds.setdefault(f"{of_repeat}fold {spec.fold}", []).append(str(spec.seed))
            parts = (f"{fold} seed{'s' * (len(seeds) > 1)} {', '.join(seeds)}" for fold, seeds in folds.items())
            lines.append(f"  {model}: {'; '.join(parts)}")
        if files is None:
            lines.append("  which files differ is not known: the run was recorded without their hashes")
        else:
            lines += [f"  {file}" for file in files]
    return "\n".join(lines)


def _clean(specs: Sequence[RunSpec], store: Path, *, yes: bool) -> int:
    from pipeline.runs.status import drop, leftovers

    found = list(leftovers(store, {spec.identity for spec in specs}))
    if not found:
        print(f"{store}: every run in it is one of params.yaml")
        return 0
    for one in found:
        print(_line(one))
    ours = [one for one in found if not one.refusal]
    free = [one for one in ours if not one.held_by]
    if not ours:
        print(f"{store}: every run in it is one of params.yaml")
        return 0
    if not yes:
        print(
            f"{counted(len(ours), 'run')} of other params, data or code, {_megabytes(free)}; training them again "
            "costs their time. `python -m pipeline runs --clean --yes` deletes them"
        )
        return 0
    dropped, failed = [], 0
    for one in free:
        try:
            if drop(one):
                dropped.append(one)
        except InputError as error:
            print(error, file=sys.stderr)
            failed = 1
    print(f"deleted {counted(len(dropped), 'run')}, {_megabytes(dropped)}")
    return failed


def _line(one: Leftover) -> str:
    if one.refusal:
        return f"{printable(str(one.folder))}  is no run of this software, kept: {one.refusal}"
    held = f", kept: {one.held_by} trains it" if one.held_by else ""
    return f"{one.folder}  {one.model}, {one.what}, {one.epochs} epochs, {_megabytes([one])}{held}"


def _megabytes(found: Sequence[Leftover]) -> str:
    return f"{sum(one.size for one in found) / 1e6:.1f} MB"


def _as_json(status: RunStatus) -> dict[str, object]:
    values = asdict(status) | {"model": status.spec.model, "fold": status.spec.fold, "seed": status.spec.seed}
    values["repeat"] = status.spec.repeat
    values |= {"epochs": status.spec.epochs, "identity": status.spec.identity}
    del values["spec"]
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in values.items()}


def _number(value: float, decimals: int) -> str:
    return "" if math.isnan(value) else f"{value:.{decimals}f}"
