"""One run of a study from its checkpoint, or from its beginning, to its end.

Checkpoints lie outside DVC's outputs, which DVC removes before it runs a stage: a killed stage continues, and a
finished run is not trained again.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from pipeline.core.source import import_closure, source_hash, source_hashes
from pipeline.training.checkpoints import load_checkpoint, save_checkpoint
from pipeline.training.loop import Scoring
from pipeline.training.loop import train as train_network
from pipeline.training.state import RunState, start_run
from studies.core.params import ExecutionParams
from studies.core.task import ImageTask

STORE = Path(".runs/studies")

ROOMS = ("studies", "pipeline/models", "pipeline/training")
"""The code that may compute a study's numbers; the rest of what a run imports reads files and writes messages."""


def train_run(
    study: str,
    description: Mapping[str, Any],
    network: nn.Module,
    task: ImageTask,
    seed: int,
    execution: ExecutionParams,
    *,
    after_epoch: Callable[[RunState], None] = lambda state: None,
    score_every: int = 0,
    store: Path = STORE,
) -> RunState:
    """Train a network, or take it from its checkpoint.

    Batch order and noise (shaking, augmentation) have a random stream each, seeded by `seed` and not by the network, so
    that compared networks see the same batches.

    Args:
        study: the name of the study, whose `runs` module names the code that the run depends on.
        description: everything that the run's numbers depend on, but the code.
        network: the network before its first epoch.
        task: the images that it learns from, and the loss.
        seed: the seed of batches and noise.
        execution: the time between two checkpoints.
        after_epoch: called after each epoch before the checkpoint is written, and when the run has diverged.
        score_every: epochs between two scorings of the test images; 0: after the last epoch alone.
        store: the folder of the runs of all studies.

    Returns:
        The state after the last epoch, or after the one that diverged.
    """
    recipe = task.recipe
    order, noise = (int(one) for one in np.random.SeedSequence(seed).generate_state(2))
    state = start_run(network, recipe, (order, noise), task.train.pixels.device)
    folder = checkpoint_folder(study, description, store)
    load_checkpoint(state, folder, recipe.epochs)
    saved = time.monotonic()

    def after(state: RunState) -> None:
        nonlocal saved
        after_epoch(state)
        ended = state.epoch == recipe.epochs or state.diverged_epoch is not None
        if ended or time.monotonic() - saved >= execution.checkpoint_seconds:
            save_checkpoint(state, folder, keep=())
            saved = time.monotonic()

    train_network(state, task, recipe, Scoring(valid_every=score_every), after)
    return state


def final_error(state: RunState) -> float:
    """The test error of the last epoch in percent; NaN when the run diverged or has not begun."""
    return state.history[-1].valid_score if state.history and state.diverged_epoch is None else math.nan


def final_train_error(state: RunState) -> float:
    """The training error of the last epoch in percent, in train mode; NaN when the run diverged or has not begun."""
    return state.history[-1].train_score if state.history and state.diverged_epoch is None else math.nan


def checkpoint_folder(study: str, run: Mapping[str, Any], store: Path = STORE) -> Path:
    """The folder of a run's checkpoints.

    Args:
        study: the name of the study.
        run: everything that the run's numbers depend on, as JSON can hold it; the code is added here.
        store: the folder of the runs of all studies.
    """
    text = json.dumps({"run": dict(run), "source": _source(study)}, sort_keys=True)
    return store / study / hashlib.sha256(text.encode()).hexdigest()[:20]


@cache
def _source(study: str) -> str:
    """Hash of the code that computes a run: what the study's `runs` module imports of studies, models and training."""
    return source_hash(source_hashes(import_closure([f"studies.{study}.runs"], ROOMS)))
