"""Print how many runs, hours and how much disk space params.yaml will take, or which differences it can show."""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from pipeline.core.errors import InputError
from pipeline.core.wording import counted
from pipeline.paper.settings import ACTOR_COUNT, FRAME_COUNT, SEGMENT_COUNT
from pipeline.params import Params, load_params

if TYPE_CHECKING:
    from pipeline.evaluation.power import Noise, Plan
    from pipeline.runs.identity import RunSpec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether costs or power are printed; everything else is in params.yaml."""
    parser.add_argument(
        "--power", nargs="?", type=float, const=math.nan, metavar="DIFFERENCE",
        help="chance to find a difference of 1, 2, 4 and DIFFERENCE points of UA, and what would raise it",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Print runs, hours and disk; or the power."""
    if options.power is not None:
        return _power(None if math.isnan(options.power) else options.power)
    from pipeline.runs.cost import cost, time_steps
    from pipeline.runs.placement import warnings_of, worker_devices
    from pipeline.runs.scheduler import lacks
    from pipeline.training.device import device_name, resolve_device

    params = load_params()
    device = resolve_device(params.execution.device)
    for warning in warnings_of(params, list(params.models)):
        print(warning, file=sys.stderr)
    runs = _runs(params)
    missing = {key: sum(lacks(params.execution.store_folder, spec) for spec in specs) for key, specs in runs.items()}
    workers = len(worker_devices(params))
    segments, frames, source = _data(params)
    shapes = {key: params.front_end(model.frontend).shape for key, model in params.models.items()}
    steps = time_steps(params, shapes.__getitem__, device)
    counts = {"segments": segments, "frames": frames, "workers": workers}
    estimate = cost(params, steps, shapes.__getitem__, runs=missing, **counts)
    print(f"data      {segments} segments, {frames / 6000:.1f} min of spectrogram frames ({source})")
    lacking, models = sum(missing.values()), len(params.models)
    number = sum(map(len, runs.values()))
    print(f"runs      {number} in all, {lacking} not in the store: {models} models, {workers} at a time")
    for step in dict.fromkeys(steps.values()):
        keys = [key for key, one in steps.items() if one == step]
        timed, item = params.train_of(keys[0]), "model frame" if params.reading_of(keys[0]).framewise else "segment"
        per_item = f"{1000 * step.train:.2f} ms to train on a {item}, {1000 * step.score:.2f} ms to score it"
        setting = f"{timed.precision}, {device_name(device)}, {counted(timed.threads, 'thread')} a run"
        print(f"step      {per_item}, {setting}: {', '.join(keys)}")
    if untimed := [key for key in params.models if key not in steps]:
        print(f"not timed {', '.join(untimed)}: one fit a run; seconds, or minutes with thousands of columns")
    if longest := estimate.longest:
        print(f"one run   {_hours(estimate.run_hours)} for {params.train_of(longest).epochs} epochs of {longest}")
    print(f"all       {_hours(estimate.hours)}, if the machine has nothing else to do; starting processes comes on top")
    print(
        f"disk      {_gigabytes(2 * _feature_bytes(params, segments, frames))} for features with DVC's copy, "
        f"{_gigabytes(estimate.results_bytes)} for weights and checkpoints"
    )
    return 0


def _power(difference: float | None) -> int:
    """Print what the configured experiment can show."""
    from pipeline.evaluation.planning import plan_lines

    if difference is not None and not 0 < difference <= 100:
        raise InputError(f"--power is {difference:g}; expected a difference in points of UA, above 0 and at most 100")
    params = load_params()
    noise, source = _noise(params)
    plan, assumed, unknown = _plan(params)
    for line in plan_lines(noise, source, plan, difference, unknown):
        print(line)
    if assumed:
        print(f"actors    {assumed}")
    return 0


def _noise(params: Params) -> tuple[Noise, str]:
    """The noise of differences between models: as stored results have it, else a typical one."""
    import pandas as pd

    from pipeline.core.selections import PREDICTED
    from pipeline.core.tables import SEGMENTS, read_table
    from pipeline.evaluation.bootstrap import count_by_actor
    from pipeline.evaluation.hypotheses import all_hypotheses
    from pipeline.evaluation.loading import headline, load_predictions
    from pipeline.evaluation.planning import noise_of, typical_noise
    from pipeline.folds.people import source_of

    pairs = list(dict.fromkeys((one.better, one.reference) for one in all_hypotheses(params.report.tables)))
    paths = [Path(f"data/segments/{corpus}.csv") for corpus in params.corpora]
    if all(path.exists() for path in paths):
        segments = pd.concat([read_table(path, SEGMENTS) for path in paths])
        selection = params.report.selection if params.report.selection in PREDICTED else "last"
        sources = {corpus: source_of(corpus, entry.model_dump()) for corpus, entry in params.corpora.items()}
        predictions = load_predictions(Path("results/predictions"), params.models, params.classes, segments, sources)
        counts = {
            model: count_by_actor(known[known["selection"] == selection], params.classes)
            for model, table in predictions.items()
            if len(known := headline(table, params.partition))
        }
        if found := noise_of(pairs, counts):
            noise, number = found
            return noise, f"{counted(number, 'pair')} of models, results/predictions, {selection} epoch"
    random = {model: params.family_of(model).stochastic for model in params.models}
    claimed = [(random[one], random[other]) for one, other in pairs if one in random and other in random]
    noise, kind = typical_noise(claimed or list(itertools.combinations_with_replacement(random.values(), 2)))
    return noise, f"no predictions of two claimed models yet: {kind} on RAVDESS, docs/statistics.md"


def _plan(params: Params) -> tuple[Plan, str, str]:
    """The configured experiment, a sentence where its number of actors is assumed, and why there is no such test."""
    from pipeline.core.tables import read_folds
    from pipeline.evaluation.power import Plan
    from pipeline.folds.params import headline_folds

    trained = [fold for fold in headline_folds(params.partition) if fold in params.train.folds]
    folds, seeds, scheme = len(trained), len(params.train.seeds), params.partition.scheme
    several = "the test over actors needs every actor to be validated in one fold of each partition; scheme: "
    several += f"{scheme} validates some in several"
    if not any(params.family_of(model).stochastic for model in params.models):
        seeds = 1
    path = Path("data/folds.csv")
    if not path.exists():
        overlapping = scheme == "texts" or (scheme == "cross_corpus" and not params.partition.leave_one_out)
        assumed = "data/folds.csv does not exist, so the paper's 96 are assumed; `dvc repro partition` makes it"
        return Plan(ACTOR_COUNT, folds, params.partition.repeats, seeds), assumed, several if overlapping else ""
    table = read_folds(path, params.partition.folds, by_actor=params.partition.by_actor)
    names = table.loc[table["fold"].isin(trained), ["corpus", "actor"]]
    plan = Plan(len(names.drop_duplicates()), folds, params.partition.repeats, seeds)
    return plan, "", several if names.duplicated().any() else ""


def _runs(params: Params) -> dict[str, list[RunSpec]]:
    """The runs of each model; those equal to one of an earlier model are left out: they are trained once."""
    from pipeline.runs.identity import distinct
    from pipeline.runs.scheduler import plan, plan_all

    specs: list[RunSpec] = []
    for model in params.models:
        try:
            specs += plan_all(params, [model])
        except InputError:
            # Nothing can have been trained on data that is not there yet.
            specs += plan(params, model, [""] * params.partition.repeats)
    runs: dict[str, list[RunSpec]] = {model: [] for model in params.models}
    for spec in distinct(specs):
        runs[spec.model].append(spec)
    return runs


def _feature_bytes(params: Params, segments: int, frames: int) -> int:
    """The size of the archives of all front ends: each is extracted, also if no model reads it."""
    shapes = [params.front_end(key).shape for key in params.frontends]
    return sum(4 * shape.dims * (frames // (shape.shift or 1) if shape.framewise else segments) for shape in shapes)


def _data(params: Params) -> tuple[int, int, str]:
    """The numbers of segments and spectrogram frames, and where they come from."""
    from pipeline.core.tables import SEGMENTS, read_table

    paths = {corpus: Path(f"data/segments/{corpus}.csv") for corpus in params.corpora}
    ingested = _ingested_paths(Path("dvc.lock"))
    lacking = [
        corpus for corpus, path in paths.items() if not path.exists() or params.corpora[corpus].path != ingested[corpus]
    ]
    if lacking:
        source = (
            f"{', '.join(lacking)} not segmented yet, so the paper's six corpora are assumed, 4 s a segment; run "
            f"`dvc repro {' '.join(f'segment@{corpus}' for corpus in lacking)}` for the numbers of your own"
        )
        return SEGMENT_COUNT, FRAME_COUNT, source
    tables = [read_table(path, SEGMENTS) for path in paths.values()]
    return sum(map(len, tables)), sum(int(table["num_frames"].sum()) for table in tables), "data/segments"


def _ingested_paths(lock: Path) -> defaultdict[str, str | None]:
    """The folder that each corpus was last ingested from; it may differ from its path in params.yaml."""
    found: defaultdict[str, str | None] = defaultdict(lambda: None)
    if lock.exists():
        stages = YAML(typ="safe").load(lock.read_text("utf-8")).get("stages", {})
        for name, stage in stages.items():
            if name.startswith("ingest@"):
                code = ("pipeline/", "stages/")
                paths = (dep["path"] for dep in stage["deps"] if not dep["path"].startswith(code))
                found[name.removeprefix("ingest@")] = next(paths, None)
    return found


def _hours(hours: float) -> str:
    """A duration with two digits: a step timed for a second on a machine that may be busy is not more exact."""
    number, unit = (3600 * hours, "s") if hours < 1 / 60 else (60 * hours, "min") if hours < 2 else (hours, "h")
    return f"about {round(number, 1 - math.floor(math.log10(number))) if number else 0:,.0f} {unit}"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
