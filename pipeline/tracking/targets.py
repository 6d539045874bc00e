"""Writers of runs for each program; runs of a model are a group in each of them."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pipeline.tracking.history import TrackedRun

Writer: TypeAlias = "Callable[[Sequence[TrackedRun], Path], None]"
"""Writes runs into a new folder."""


@dataclass(frozen=True)
class Target:
    """A program in which runs can be looked at.

    Attributes:
        write: its writer.
        needs: import name of the package that writes.
        install: name of the extra with it.
        look: command that shows the folder `{folder}`.
    """

    write: Writer
    needs: str
    install: str
    look: str


def write_tensorboard(runs: Sequence[TrackedRun], folder: Path) -> None:
    """One folder of events for each run, below that of its model: `<model>/fold1-seed1`."""
    from torch.utils.tensorboard import SummaryWriter

    for run in runs:
        with closing(SummaryWriter(str(folder / run.model / run.name))) as writer:
            for epoch, metrics in run.epochs:
                for name, value in metrics.items():
                    writer.add_scalar(_sorted(name), value, epoch)
            for name, value in run.summary.items():
                writer.add_scalar(f"reported/{name}", value, 0)
            text = "\n".join(
                [
                    "| parameter | value |",
                    "| --- | --- |",
                    *(f"| {one} | {value} |" for one, value in run.params.items()),
                ]
            )
            writer.add_text("params", text)


def _sorted(name: str) -> str:
    """`valid_ua` as `ua/valid`, so that curves of one measure are side by side."""
    kind, measure, *mode = name.split("_")
    return f"{measure}/{'_'.join([kind, *mode])}"


def write_mlflow(runs: Sequence[TrackedRun], folder: Path) -> None:
    """A file store with one experiment, a parent run for each model, and its runs below it."""
    # Files need neither a server nor a database; MLflow asks whoever uses them to say that this is meant.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.tracking import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the future of file stores, which need no server
        client = MlflowClient(tracking_uri=folder.absolute().as_uri())
        experiment = client.create_experiment("shaking-emotions")
        for model in dict.fromkeys(run.model for run in runs):
            parent = client.create_run(experiment, run_name=model).info.run_id
            for run in (one for one in runs if one.model == model):
                tags = {"mlflow.parentRunId": parent, "model": model}
                child = client.create_run(experiment, run_name=f"{model} {run.name}", tags=tags).info.run_id
                metrics = [
                    Metric(name, value, 0, epoch) for epoch, values in run.epochs for name, value in values.items()
                ] + [Metric(name, value, 0, 0) for name, value in run.summary.items()]
                params = [Param(name, value[:500]) for name, value in run.params.items()]
                for first in range(0, max(len(metrics), 1), 900):  # MLflow takes a thousand at a time
                    client.log_batch(child, metrics[first : first + 900], params if first == 0 else [])
                client.set_terminated(child)
            client.log_batch(parent, tags=[RunTag("model", model)])
            client.set_terminated(parent)


def write_dvclive(runs: Sequence[TrackedRun], folder: Path) -> None:
    """A DVCLive folder for each run, below that of its model: metrics, parameters, and a table for each curve."""
    from dvclive.live import Live

    logging.getLogger("dvclive").setLevel(logging.ERROR)
    for run in runs:
        with Live(
            str(folder / run.model / run.name), save_dvc_exp=False, report=None, dvcyaml=None, monitor_system=False
        ) as live:
            live.log_params(dict(run.params))
            for epoch, metrics in run.epochs:
                live.step = epoch
                for name, value in metrics.items():
                    live.log_metric(name, value)
                live.make_summary()
            live.summary.update(run.summary)
            live.make_summary()


TARGETS: Mapping[str, Target] = {
    "tensorboard": Target(write_tensorboard, "tensorboard", "tensorboard", "tensorboard --logdir {folder}"),
    "mlflow": Target(
        write_mlflow, "mlflow", "mlflow", "MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri {folder}"
    ),
    "dvclive": Target(write_dvclive, "dvclive", "dvclive", "dvc plots show {folder}/*/*/plots/metrics"),
}
