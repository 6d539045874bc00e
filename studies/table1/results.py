"""Tables of Table 1's runs beside the published numbers, and the paper's claims."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
import torch

from pipeline.models.base import count_parameters
from pipeline.paper.published import published_rows
from studies.core.claims import Claim, claims_table, values_of_runs
from studies.core.labels import model_name
from studies.core.statistics import over_seeds
from studies.networks.cifar import build_cifar
from studies.table1.runs import LAYOUTS, MODELS, Outcome

DEPTH = 26

WIDTHS = (32, 64, 96)

PUBLISHED_EPOCHS = 1800

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

CLAIMS = (
    Claim("shaking helps RPreAct", "RPreAct, shaken", "RPreAct"),
    Claim("PreAct shaken is worse than the unshaken baseline", "RPreAct", "PreAct, shaken"),
    Claim("the last normalisation makes shaking PreAct work", "PreActBN, shaken", "PreAct, shaken"),
    Claim("one normalisation before shaking is enough to beat PreAct", "BN-Shake, shaken", "PreAct, shaken"),
    Claim("PreActBN shaken beats the unshaken baseline", "PreActBN, shaken", "RPreAct"),
    Claim("BN-Shake shaken beats the unshaken baseline", "BN-Shake, shaken", "RPreAct"),
    Claim("the other normalisations help a little", "PreActBN, shaken", "BN-Shake, shaken"),
)


def run_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """`table1_runs.csv`: every run."""
    rows = [
        (model_name(one.spec.layout, one.spec.shaken), one.spec.params.depth, f"2x{one.spec.width}d",
         one.spec.params.data.name, one.spec.seed, one.spec.params.recipe.epochs, one.parameters, one.status,
         one.train_error, one.error)
        for one in outcomes
    ]  # fmt: skip
    columns = ["model", "depth", "width", "data", "seed", "epochs", "parameters", "status", "train_error", "error"]
    return pd.DataFrame(rows, columns=columns)


def table(runs: pd.DataFrame) -> pd.DataFrame:
    """`table1.csv`: the published networks, and what was trained as mean error over seeds.

    Runs on CIFAR-10 of a published network and its number of epochs fill its row; others have rows of their own below,
    data and epochs after the model's name. `errors` are those of single runs, in the order of their seeds.

    Args:
        runs: rows of `run_table`.
    """
    result = published_networks()
    rows = []
    keys = ["model", "depth", "width", "data", "epochs"]
    for (model, depth, width, data, epochs), group in runs.groupby(keys, sort=False):
        error, single = over_seeds(group["error"]).mean, _as_text(group.sort_values("seed")["error"])
        own = (result["model"] == model) & (result["depth"] == depth) & (result["width"] == width)
        if data == "cifar10" and epochs == PUBLISHED_EPOCHS and own.any():
            result.loc[own, "error"] = error
            result.loc[own, "errors"] = single
        else:
            name = f"{model} ({data}, {epochs} epochs)"
            rows.append((name, depth, width, group["parameters"].iloc[0], error, single, np.nan, ""))
    if not rows:
        return result
    return pd.concat([result, pd.DataFrame(rows, columns=result.columns)], ignore_index=True)


def published_networks() -> pd.DataFrame:
    """The networks of the paper in CIFAR-10's shape, built and counted, `error` empty; last those it only quotes.

    Parameters of the latter are as printed. `published_errors` are the single runs where the paper prints them.
    """
    counts = {(layout, width): _parameters(layout, width) for layout in LAYOUTS for width in WIDTHS}
    single = _published_runs()
    rows = [
        (model_name(layout, shaken), DEPTH, f"2x{width}d", counts[layout, width], np.nan, "",
         PUBLISHED_ERROR.get((model_name(layout, shaken), width), np.nan),
         single.get((model_name(layout, shaken), width), ""))
        for width in WIDTHS
        for layout, shaken in MODELS
    ]  # fmt: skip
    columns = ["model", "depth", "width", "parameters", "error", "errors", "published_error", "published_errors"]
    return pd.DataFrame([*rows, *_quoted()], columns=columns)


def _quoted() -> list[tuple[str, int, str, int, float, str, float, str]]:
    """The rows of Table 1 about networks that are not built here: `ResNeXt (29, 16x64d)`, `Wide ResNet`."""
    rows = []
    for row in published_rows("table1"):
        name, _, shape = row["model"].partition(" (")
        if int(row["depth"]) != DEPTH:
            width = shape.rstrip(")").partition(", ")[2]
            count = round(float(row["params"].removesuffix("M")) * 1e6)
            rows.append((f"{name} (quoted)", int(row["depth"]), width, count, np.nan, "", float(row["error"]), ""))
    return rows


def _published_runs() -> dict[tuple[str, int], str]:
    """The errors of single runs that the paper prints, by model and width: `PreActBN (26, 2x64d), shaking`."""
    known = {}
    for row in published_rows("table1"):
        layout, _, rest = row["model"].partition(" (")
        if rest.endswith(", shaking"):
            width = int(rest.partition("2x")[2].partition("d")[0])
            known[model_name(layout, True), width] = row["note"]
    return known


def _as_text(errors: pd.Series[float]) -> str:
    """`2.89 3.00 2.95`, as the paper prints runs."""
    return " ".join(f"{error:.2f}" for error in errors)


def claims(runs: pd.DataFrame) -> pd.DataFrame:
    """`table1_claims.csv`: error of the better model less that of the worse, width by width.

    Args:
        runs: rows of `run_table`.
    """
    tables = [
        claims_table(
            CLAIMS,
            values_of_runs(group, "model", ["error"]),
            partial(_published_difference, str(width)),
        ).assign(width=width)
        for width, group in runs.groupby("width", sort=False)
    ]
    columns = ["claim", "better", "worse", "width", "seeds", "difference", "ci_low", "ci_high", "published_difference",
               "verdict"]  # fmt: skip
    return pd.concat(tables, ignore_index=True).rename(columns={"first": "better", "second": "worse"})[columns]


def _published_difference(width: str, claim: Claim) -> float:
    return _published(claim.first, width) - _published(claim.second, width)


def _published(model: str, width: str) -> float:
    """The published error of a width; for a width without one, that of 2x64d, the paper's choice."""
    known = int(width.removeprefix("2x").removesuffix("d"))
    return PUBLISHED_ERROR.get((model, known if known in WIDTHS else 64), np.nan)


def _parameters(layout: str, width: int) -> int:
    with torch.device("meta"):
        return count_parameters(build_cifar(layout, width, depth=DEPTH))
