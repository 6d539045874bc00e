"""The depth and epoch selected on each table, wins of the normalisations beside the published ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from studies.networks.activations import histogram
from studies.networks.plain import Activation, Normalisation
from studies.uci.profiles import wins
from studies.uci.runs import Outcome


@dataclass(frozen=True)
class Histograms:
    """Content of a figure: (layers, units, bins) densities by normalisation, bin edges, network and data in words."""

    densities: dict[str, npt.NDArray[np.float64]]
    edges: npt.NDArray[np.float64]
    what: str


def selected(outcomes: Sequence[Outcome], smoothing: int) -> tuple[Outcome, int, float]:
    """The depth and epoch of the lowest smoothed validation error, and the test error there.

    Validation errors are averaged over each epoch and the `smoothing` - 1 before it; over fewer where no run is that
    long, and a run that diverged earlier is left out. Of equal ones the first is taken: the earliest epoch of the
    shallowest network.

    Returns:
        The run, its epoch from 1, and the test error in [0, 1] of that epoch; NaN if all diverged at once.
    """
    best = (outcomes[0], 0, np.nan)
    lowest = np.inf
    span = min(smoothing, max(len(one.valid) for one in outcomes))
    for one in outcomes:
        if not span or len(one.valid) < span:
            continue
        smoothed = np.convolve(one.valid, np.full(span, 1 / span), mode="valid")
        position = int(np.argmin(np.round(smoothed, 12)))
        if smoothed[position] < lowest - 1e-12:
            lowest = float(smoothed[position])
            epoch = position + span
            best = (one, epoch, one.test[epoch - 1])
    return best


def table(outcomes: Iterable[Outcome], smoothing: int) -> pd.DataFrame:
    """`uci.csv`: the depth and epoch selected for each table, split and method, and the test error there."""
    groups: dict[tuple[str, int, Activation, Normalisation], list[Outcome]] = {}
    for one in outcomes:
        key = (one.spec.table.name, one.spec.split, one.spec.activation, one.spec.normalisation)
        groups.setdefault(key, []).append(one)
    rows = []
    for (name, split, activation, normalisation), runs in groups.items():
        chosen, epoch, error = selected(runs, smoothing)
        rows.append({
            "table": name, "split": split, "activation": activation, "normalisation": normalisation,
            "depth": chosen.spec.depth, "epoch": epoch, "test_error": 100 * error,
            "diverged": sum(one.diverged for one in runs), "kurtosis": chosen.kurtosis,
        })  # fmt: skip
    return pd.DataFrame(rows)


def errors_by_method(selection: pd.DataFrame, activation: str | None = None) -> dict[str, list[float]]:
    """Errors in [0, 1] of each `activation+normalisation`, one for each table, in one order.

    The error on a table is the mean over its splits; a diverged run counts 1.
    """
    rows = selection if activation is None else selection[selection["activation"] == activation]
    method = rows["activation"] + "+" + rows["normalisation"]
    return {
        str(name): group.assign(error=group["test_error"].fillna(100.0).div(100))
        .groupby("table")["error"].mean().tolist()
        for name, group in rows.groupby(method, sort=False)
    }  # fmt: skip


def published_errors() -> dict[str, list[float]]:
    """The errors of table 5, in [0, 1], by `activation+normalisation`."""
    with files("studies.uci").joinpath("published_errors.csv").open(encoding="utf-8") as stream:
        errors = pd.read_csv(stream, index_col="table")
    return {str(name): column.tolist() for name, column in errors.items()}


def wins_table(selection: pd.DataFrame) -> pd.DataFrame:
    """`uci_wins.csv`: wins of each normalisation within its activation (table 4), and of all (table 5's last row)."""
    with files("studies.uci").joinpath("published_wins.csv").open(encoding="utf-8") as stream:
        published = pd.read_csv(stream, keep_default_na=False)
    known = {(row.activation, row.normalisation): row for row in published.itertuples()}
    among_all = wins(errors_by_method(selection))
    rows: list[dict[str, Any]] = []
    for activation in selection["activation"].unique():
        errors = errors_by_method(selection, activation)
        counted = wins(errors)
        for method, row in errors.items():
            normalisation = method.removeprefix(f"{activation}+")
            printed = known.get((activation, normalisation))
            rows.append({
                "activation": activation, "normalisation": normalisation, "wins": counted[method],
                "wins_of_all": among_all[method], "of": len(row),
                "mean_test_error": 100 * float(np.mean(row)),
                "published_wins": None if printed is None else printed.wins,
                "published_wins_of_all": None if printed is None else printed.wins_of_all,
                "published_of": None if printed is None else 44,
            })  # fmt: skip
    whole = ("published_wins", "published_wins_of_all", "published_of")
    return pd.DataFrame(rows).astype(dict.fromkeys(whole, "Int64"))


def histograms_of(outcomes: Sequence[Outcome], drawn: str | None = None) -> Histograms:
    """Histograms of the shallowest networks on a table: those with ELU, or else with the first activation.

    Args:
        outcomes: the runs.
        drawn: name of the table; the last one by default. Its last split is drawn.
    """
    last = next(one.spec for one in reversed(outcomes) if drawn in (None, one.spec.table.name))
    activations = [one.spec.activation for one in outcomes]
    activation = "ELU" if "ELU" in activations else activations[0]
    depth = min(one.spec.depth for one in outcomes)
    densities: dict[str, npt.NDArray[np.float64]] = {
        one.spec.normalisation: one.densities
        for one in outcomes
        if (one.spec.table, one.spec.split, one.spec.activation, one.spec.depth)
        == (last.table, last.split, activation, depth)
    }
    edges, _ = histogram(np.zeros(1))
    return Histograms(densities, edges, f"{depth} hidden layers with {activation} on {last.table.name}")
