"""Say how many runs, hours and how much disk the current params will take, from a timed training step."""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.core.errors import InputError
from pipeline.params import Params, load_params

PAPER_SEGMENTS = 6803
PAPER_FRAMES = 2_720_000
"""Spectrogram frames of the paper's six corpora, about: 4 s a segment."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None so far: params.yaml says it all."""


def run(options: argparse.Namespace) -> int:
    """Print runs, hours and disk."""
    from pipeline.runs.cost import cost, time_step
    from pipeline.runs.placement import worker_devices
    from pipeline.training.device import device_name, resolve_device

    params = load_params()
    device = resolve_device(params.execution.device)
    missing = _missing(params)
    runs = len(params.models) * len(params.train.folds) * len(params.train.seeds)
    workers = len(worker_devices(params))
    segments, frames, source = _data(params)
    step = time_step(params, device)
    estimate = cost(params, step, runs=missing, spectrogram_frames=frames, workers=workers)
    per_frame = f"{1000 * step.train:.2f} ms to train on a model frame, {1000 * step.score:.2f} ms to score it"
    print(f"data      {segments} segments, {frames / 6000:.1f} min of spectrogram frames ({source})")
    print(f"runs      {runs} in all, {sum(missing)} not in the store: {len(params.models)} models, {workers} at a time")
    print(
        f"step      {per_frame}, {params.train.precision}, {device_name(device)}, {params.train.threads} threads a run"
    )
    print(f"one run   {_hours(estimate.run_hours)} for {params.train.epochs} epochs")
    print(f"all       {_hours(estimate.hours)}, if the machine has nothing else to do; starting processes comes on top")
    print(
        f"disk      {_gigabytes(2 * estimate.features_bytes)} for features with DVC's copy, "
        f"{_gigabytes(estimate.results_bytes)} for weights and checkpoints"
    )
    return 0


def _missing(params: Params) -> list[int]:
    """How many runs of each model the store lacks."""
    from pipeline.runs.identity import data_hash
    from pipeline.runs.scheduler import plan
    from pipeline.runs.store import STORE, RunFolder

    try:
        data = data_hash(Path("data/inputs.json"), Path("data/folds.csv"))
    except InputError:
        # Nothing can have been trained on data that is not there yet.
        return [len(params.train.folds) * len(params.train.seeds)] * len(params.models)
    return [sum(not RunFolder(STORE, spec).finished() for spec in plan(params, model, data)) for model in params.models]


def _data(params: Params) -> tuple[int, int, str]:
    """Segments, spectrogram frames, and where the figures come from."""
    from pipeline.core.tables import SEGMENTS, read_table

    paths = {corpus: Path(f"data/segments/{corpus}.csv") for corpus in params.corpora}
    ingested = _ingested_paths(Path("dvc.lock"))
    lacking = [
        corpus for corpus, path in paths.items() if not path.exists() or params.corpora[corpus].path != ingested[corpus]
    ]
    if lacking:
        source = f"{', '.join(lacking)} not segmented yet: the paper's six corpora, 4 s a segment, are assumed for all"
        return PAPER_SEGMENTS, PAPER_FRAMES, source
    tables = [read_table(path, SEGMENTS) for path in paths.values()]
    return sum(map(len, tables)), sum(int(table["num_frames"].sum()) for table in tables), "data/segments"


def _ingested_paths(lock: Path) -> defaultdict[str, str | None]:
    """The folder that each corpus was last ingested from; what lies in data may be of another one of the same key."""
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
    """Two digits: a step timed for a second on a machine that may be busy tells no more."""
    number, unit = (3600 * hours, "s") if hours < 1 / 60 else (60 * hours, "min") if hours < 2 else (hours, "h")
    return f"about {round(number, 1 - math.floor(math.log10(number))) if number else 0:,.0f} {unit}"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
