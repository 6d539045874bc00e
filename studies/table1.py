"""Table 1: where normalisation stands decides whether shaking helps (section 4.1, CIFAR-10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from pipeline.models.layers import count_parameters
from pipeline.models.shaking import Shaking
from pipeline.training.device import resolve_device
from studies.datasets.registry import load_images
from studies.networks.cifar import build_cifar
from studies.params import ExecutionParams, Table1Params
from studies.statistics import over_seeds
from studies.training.checkpoints import checkpoint_path, load_checkpoint, saver
from studies.training.fit import fit, start_fit

DEPTH = 26

WIDTHS = (32, 64, 96)

PUBLISHED_EPOCHS = 1800

LAYOUTS = ("RPreAct", "PreAct", "PreActBN", "BN-Shake")

MODELS: tuple[tuple[str, bool], ...] = (("RPreAct", False), *((layout, True) for layout in LAYOUTS))
"""Layout, and whether it is shaken; unshaken RPreAct is the paper's baseline ResNeXt."""

PUBLISHED_ERROR: dict[tuple[str, int], float] = {
    ("RPreAct", 32): 4.27,
    ("RPreAct", 64): 3.76,
    ("RPreAct", 96): 3.58,
    ("RPreAct, shaken", 32): 3.55,
    ("RPreAct, shaken", 64): 2.98,
    ("RPreAct, shaken", 96): 2.86,
    ("PreAct, shaken", 64): 6.92,
    ("PreActBN, shaken", 64): 2.95,
    ("BN-Shake, shaken", 64): 3.65,
}
"""CIFAR-10, percent, by model and width. RPreAct: Gastaldi 2017, Even-Even-Batch and Shake-Shake-Image (of which the
paper quotes 3.76, 2.98 and 2.86); the others: the paper's means of three runs."""


@dataclass(frozen=True)
class Table1Spec:
    """One run."""

    layout: str
    shaken: bool
    width: int
    seed: int
    params: Table1Params
    execution: ExecutionParams

    @property
    def model(self) -> str:
        """For people: `PreActBN, shaken`."""
        return model_name(self.layout, self.shaken)

    def description(self) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code."""
        params = self.params.model_dump(mode="json", exclude={"seeds", "widths"})
        return {"layout": self.layout, "shaken": self.shaken, "width": self.width, "seed": self.seed, **params}


@dataclass(frozen=True)
class Table1Run:
    """What a run came to.

    Attributes:
        spec: the run.
        parameters: of its network.
        status: whether losses stayed finite.
        train_error: percent, of the last epoch, in train mode.
        error: percent of the test images, after the last epoch.
    """

    spec: Table1Spec
    parameters: int
    status: Literal["done", "diverged"]
    train_error: float
    error: float


@dataclass(frozen=True)
class Claim:
    """A model that the paper says errs less than another."""

    text: str
    better: str
    worse: str


CLAIMS = (
    Claim("shaking helps RPreAct", "RPreAct, shaken", "RPreAct"),
    Claim("PreAct shaken is worse than the unshaken baseline", "RPreAct", "PreAct, shaken"),
    Claim("the last normalisation makes shaking PreAct work", "PreActBN, shaken", "PreAct, shaken"),
    Claim("one normalisation before shaking is enough to beat PreAct", "BN-Shake, shaken", "PreAct, shaken"),
    Claim("PreActBN shaken beats the unshaken baseline", "PreActBN, shaken", "RPreAct"),
    Claim("BN-Shake shaken beats the unshaken baseline", "BN-Shake, shaken", "RPreAct"),
    Claim("the other normalisations help a little", "PreActBN, shaken", "BN-Shake, shaken"),
)


def model_name(layout: str, shaken: bool) -> str:
    """For people: `PreActBN, shaken`."""
    return f"{layout}, shaken" if shaken else layout


def specs(params: Table1Params, execution: ExecutionParams) -> list[Table1Spec]:
    """All runs of the study."""
    return [
        Table1Spec(layout, shaken, width, seed, params, execution)
        for width in params.widths
        for seed in params.seeds
        for layout, shaken in MODELS
    ]


def train_one(spec: Table1Spec) -> Table1Run:
    """Train a run, or take it from its checkpoint."""
    device = resolve_device(spec.execution.device)
    data = load_images(spec.params.data)
    network = build_cifar(
        spec.layout,
        spec.width,
        depth=spec.params.depth,
        in_channels=data.image_shape[0],
        num_classes=data.num_classes,
        shaking=Shaking() if spec.shaken else None,
        seed=spec.seed,
    )
    recipe = spec.params.recipe
    state = start_fit(network, recipe, spec.seed, device)
    path = checkpoint_path("table1", spec.description())
    load_checkpoint(state, path)
    save = saver(path, recipe.epochs, spec.execution.checkpoint_seconds)
    fit(state, data.train.to(device), data.test.to(device), recipe, after_epoch=save)
    done = state.status == "done"
    train_error = state.history[-1].train_error if done else np.nan
    return Table1Run(spec, count_parameters(network), state.status, train_error, state.test_error)


def published_networks() -> pd.DataFrame:
    """The networks of the paper in CIFAR-10's shape, built and counted; `error` is empty."""
    counts = {(layout, width): _parameters(layout, width) for layout in LAYOUTS for width in WIDTHS}
    rows = [
        (model_name(layout, shaken), DEPTH, f"2x{width}d", counts[layout, width], np.nan,
         PUBLISHED_ERROR.get((model_name(layout, shaken), width), np.nan))
        for width in WIDTHS
        for layout, shaken in MODELS
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "depth", "width", "parameters", "error", "published_error"])


def table(runs: Sequence[Table1Run]) -> pd.DataFrame:
    """`table1.csv`: the published networks, and what was trained as mean error over seeds.

    Runs on CIFAR-10 of a published network and its number of epochs fill its row; others have rows of their own below,
    data and epochs after the model's name.
    """
    result = published_networks()
    trained = run_table(runs)
    rows = []
    keys = ["model", "depth", "width", "data", "epochs"]
    for (model, depth, width, data, epochs), group in trained.groupby(keys, sort=False):
        error = over_seeds(group["error"]).mean
        own = (result["model"] == model) & (result["depth"] == depth) & (result["width"] == width)
        if data == "cifar10" and epochs == PUBLISHED_EPOCHS and own.any():
            result.loc[own, "error"] = error
        else:
            rows.append(
                (f"{model} ({data}, {epochs} epochs)", depth, width, group["parameters"].iloc[0], error, np.nan)
            )
    if not rows:
        return result
    return pd.concat([result, pd.DataFrame(rows, columns=result.columns)], ignore_index=True)


def run_table(runs: Sequence[Table1Run]) -> pd.DataFrame:
    """`table1_runs.csv`: every run."""
    rows = [
        (run.spec.model, run.spec.params.depth, f"2x{run.spec.width}d", run.spec.params.data.name, run.spec.seed,
         run.spec.params.recipe.epochs, run.parameters, run.status, run.train_error, run.error)
        for run in runs
    ]  # fmt: skip
    columns = ["model", "depth", "width", "data", "seed", "epochs", "parameters", "status", "train_error", "error"]
    return pd.DataFrame(rows, columns=columns)


def claims(runs: pd.DataFrame, listed: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """`table1_claims.csv`: error of the better model less that of the worse, paired by seed, width by width.

    Args:
        runs: rows of `run_table`.
        listed: the claims.

    Returns:
        Mean difference in points with its 95 % interval, and the verdict: `shows` and `reversed` are intervals on one
        side of 0, `undecided` one that holds it.
    """
    rows = []
    for width, group in runs.groupby("width", sort=False):
        errors = group.pivot(index="seed", columns="model", values="error")
        for claim in listed:
            difference = (errors[claim.better] - errors[claim.worse]).dropna()
            interval = over_seeds(difference)
            published = _published(claim.better, str(width)) - _published(claim.worse, str(width))
            rows.append((claim.text, claim.better, claim.worse, width, len(difference), interval.mean, interval.low,
                         interval.high, published, interval.verdict(-1)))  # fmt: skip
    columns = ["claim", "better", "worse", "width", "seeds", "difference", "ci_low", "ci_high", "published_difference",
               "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _published(model: str, width: str) -> float:
    """The paper's own widths alone have a published error; a toy width is set beside 2x64d, the paper's choice."""
    known = int(width.removeprefix("2x").removesuffix("d"))
    return PUBLISHED_ERROR.get((model, known if known in WIDTHS else 64), np.nan)


def _parameters(layout: str, width: int) -> int:
    with torch.device("meta"):
        return count_parameters(build_cifar(layout, width, depth=DEPTH))
