"""Numbers of the embeddings beside the published one, and the paper's claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.core.claims import VALUES, Claim, claims_table
from studies.core.labels import model_name
from studies.core.statistics import over_seeds
from studies.embeddings.measures import PAPER_RADIUS, RADII, measure, share_within
from studies.embeddings.runs import Outcome, Sample

SHARE = "share_within_0.3"

TRAINING: Sample = "train, train mode"
TRAIN: Sample = "train, eval mode"
TEST: Sample = "test, eval mode"

PUBLISHED: Mapping[tuple[str, str, str], float] = {("PreActBN, shaken", TRAIN, SHARE): 100.0}
"""Section 4.1: "almost 100%". The paper states no other number."""

CLAIMS: tuple[Claim, ...] = (
    Claim("shaking PreAct degrades separability", "PreAct, shaken", "PreAct", "overlap", TEST, 1),
    Claim("shaking PreAct makes it err more", "PreAct, shaken", "PreAct", "error", TEST, 1),
    Claim("shaking PreAct disturbs its symmetry", "PreAct, shaken", "PreAct", "symmetry", TRAINING, -1),
    Claim("PreActBN leaves more margin than PreAct", "PreActBN", "PreAct", "margin", TRAINING, 1),
    Claim("PreActBN errs less than PreAct", "PreActBN", "PreAct", "error", TEST, -1),
    Claim("shaking PreActBN closes the margin", "PreActBN, shaken", "PreActBN", "margin", TRAINING, -1),
    Claim("shaken, PreActBN overlaps less than PreAct", "PreActBN, shaken", "PreAct, shaken", "overlap", TRAINING, -1),
    Claim("shaken, PreActBN is more symmetric than PreAct", "PreActBN, shaken", "PreAct, shaken", "symmetry",
          TRAINING, 1),
    Claim("shaking PreActBN makes test classes compact", "PreActBN, shaken", "PreActBN", "spread", TEST, -1),
    Claim("shaking gathers training embeddings, PreAct", "PreAct, shaken", "PreAct", SHARE, TRAIN, 1),
    Claim("shaking gathers training embeddings, PreActBN", "PreActBN, shaken", "PreActBN", SHARE, TRAIN, 1),
    Claim("shaking PreActBN makes it err less", "PreActBN, shaken", "PreActBN", "error", TEST, -1),
    Claim("shaking spreads the training embeddings of PreActBN", f"PreActBN, shaken: {TRAINING}",
          f"PreActBN, shaken: {TRAIN}", "spread", "train", 1),
)  # fmt: skip
"""The last one is Figure 5, which compares two modes of one model."""


def run_table(outcomes: Iterable[Outcome]) -> pd.DataFrame:
    """Every number of every run: columns `model`, `seed`, `sample`, `measure`, `value`."""
    return pd.concat([run_measures(one) for one in outcomes], ignore_index=True)


def run_measures(outcome: Outcome) -> pd.DataFrame:
    """Every number of a run: columns `model`, `seed`, `sample`, `measure`, `value`; none after a divergence."""
    rows: list[tuple[str, str, float]] = []
    for sample, points in outcome.points.items():
        rows += [(sample, name, value) for name, value in measure(points, outcome.labels[sample]).items()]
    rows.append(("training", "diverged", float(outcome.status == "diverged")))
    if outcome.points:
        rows += [(TRAIN, "error", outcome.train_error), (TEST, "error", outcome.test_error)]
        rows.append((TRAIN, SHARE, float(curve(outcome, np.array([PAPER_RADIUS]))[0])))
    table = pd.DataFrame(rows, columns=["sample", "measure", "value"])
    table.insert(0, "seed", outcome.spec.seed)
    table.insert(0, "model", model_name(outcome.spec.layout, outcome.spec.shaken))
    return table


def curve(outcome: Outcome, radii: NDArray[np.float64] = RADII) -> NDArray[np.float64]:
    """A run's curve of Figure 6 in percent."""
    return share_within(
        outcome.points[TRAIN],
        outcome.points[TRAINING],
        outcome.labels[TRAIN],
        radii,
    )


def table(measures: pd.DataFrame) -> pd.DataFrame:
    """`embeddings.csv`: mean and 95 % interval over seeds of every number, and what the paper says of it.

    Args:
        measures: rows of `run_table`.
    """
    rows = []
    for (model, sample, name), group in measures.groupby(["model", "sample", "measure"], sort=False):
        interval = over_seeds(group["value"])
        published = PUBLISHED.get((str(model), str(sample), str(name)), np.nan)
        rows.append((model, sample, name, len(group), interval.mean, interval.low, interval.high, published))
    columns = ["model", "sample", "measure", "seeds", "value", "ci_low", "ci_high", "published_value"]
    return pd.DataFrame(rows, columns=columns)


def claims(measures: pd.DataFrame, chosen: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """`embeddings_claims.csv`: every claim as a difference.

    Args:
        measures: rows of `run_table`.
        chosen: the claims.
    """
    values = measures.rename(columns={"model": "name"})[VALUES]
    training = values[values["sample"].isin([TRAINING, TRAIN])]
    modes = training.assign(name=training["name"] + ": " + training["sample"], sample="train")
    result = claims_table(chosen, pd.concat([values, modes], ignore_index=True))
    return result.drop(columns="published_difference")
