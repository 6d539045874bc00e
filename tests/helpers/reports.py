"""Made-up experiments for the tests of the tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.selections import SELECTIONS
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.hypotheses import all_hypotheses
from pipeline.evaluation.results import Results, RunDetails
from pipeline.evaluation.tables import INTERVALS
from pipeline.paper.published import published_models, published_rows
from pipeline.params import Params
from pipeline.runs.tables import RUNS

NAN = float("nan")


@dataclass(frozen=True)
class Layer:
    layer: str
    structure: str
    blocks: int | None
    stride: str
    params: int | None


PAPER_LAYERS = [
    Layer("prelim-conv", "2x16, 4", 1, "1,1", 132),
    Layer("res-8", "2x16, 8; 2x16, 8", 3, "1,1", 22840),
    Layer("res-16", "2x16, 16; 2x16, 16", 1, "1,1", 24880),
    Layer("res-32", "2x16, 32; 2x16, 32", 1, "1,1", 99168),
    Layer("average", "", None, "", None),
    Layer("affine", "256x4", None, "", 1024),
    Layer("total", "", None, "", 148044),
]
DEMO_LAYERS = [
    Layer("prelim-conv", "2x16, 2", 1, "1,1", 66),
    Layer("res-4", "2x16, 4; 2x16, 4", 1, "1,1", 1000),
    Layer("res-8", "2x16, 8; 2x16, 8", 1, "1,1", 2000),
    Layer("average", "", None, "", None),
    Layer("affine", "64x4", None, "", 256),
    Layer("total", "", None, "", 3322),
]


READERS = ("enterface", "ravdess", "iemocap", "emodb", "emovo", "savee")
DEMO = {
    "classes": ("joy", "anger", "sadness", "fear"),
    "corpora": {reader: {"path": f"demo/corpora/{reader}"} for reader in READERS},
    "segment": {"seconds": 6.4},
    "features": {"left": 10, "right": 5, "every": 32, "cmvn": "segment"},
    "partition": {"folds": 4, "seed": 0},
    "network": {
        "kernel": (2, 16), "widths": (2, 4, 8), "blocks": (1, 1), "branches": 2, "pooling": "bands",
        "padding": "paired", "dropout": 0.5,
    },
    "models": {
        key: published_models()[key].model_dump()
        for key in ("PreAct", "PreAct-Full", "PreAct-Both", "PreActBN", "PreActBN-Full")
    },
    "train": {
        "epochs": 20, "seeds": (1, 2), "folds": (1, 2, 3, 4), "batch_segments": 8, "learning_rate": 1e-3,
        "precision": "fp32", "threads": 1, "eval_train_every": 1,
    },
    "report": {"selection": "last", "gap": "train_mode", "rope": 1.0, "tables": {}},
}  # fmt: skip


def params_with(**changes) -> Params:
    """Small params with the paper's classes and corpora, some sections replaced."""
    return Params.model_validate({**DEMO, **changes})


def paper_params() -> Params:
    """The paper's settings, with its 22 models."""
    return params_with(
        features={**DEMO["features"], "every": 8},
        network={**DEMO["network"], "widths": (4, 8, 16, 32), "blocks": (3, 1, 1)},
        train={**DEMO["train"], "epochs": 1000, "seeds": (1, 2, 3)},
        models={key: model.model_dump() for key, model in published_models().items()},
    )


def published_runs(params: Params, spread: float = 1.0) -> pd.DataFrame:
    """Runs of the paper's models whose means are the published UA and Gap at every selection."""
    rows = (*published_rows("table8"), *published_rows("table10"))
    means = [(float(row["valid_ua"]), float(row["gap"])) for row in rows]
    figures = dict(zip(published_models(), means, strict=True))
    return pd.concat([
        runs_of(model, *figures[model], params, spread, seed) for seed, model in enumerate(figures)
    ], ignore_index=True)  # fmt: skip


def runs_of(model, ua, gap, params: Params, spread=1.0, seed=0, gap_eval=None, diverged=()) -> pd.DataFrame:
    pairs = [(fold, seed) for fold in params.train.folds for seed in params.train.seeds]
    random = np.random.default_rng(seed)
    noise, gap_noise = (spread * (values - values.mean()) for values in random.normal(size=(2, len(pairs))))
    rows = []
    for index, run in enumerate(pairs):
        valid, difference = ua + noise[index], gap + gap_noise[index]
        evaluated = difference if gap_eval is None else gap_eval + gap_noise[index]
        scores = (valid, valid + difference, valid + evaluated, difference, evaluated)
        lost = run in diverged
        outcome = (*((NAN,) * 5 if lost else scores), "diverged" if lost else "done")
        rows += [(model, *run, selection, 3, *outcome, 1) for selection in SELECTIONS]
    return pd.DataFrame(rows, columns=list(RUNS.columns))


def segments_of(params: Params, per_actor: int = 1) -> pd.DataFrame:
    """One woman and one man a fold and corpus, `per_actor` segments a class."""
    rows = [
        (f"{corpus}-{actor}-{emotion}-{take}", f"{corpus}-{actor}-{emotion}-{take}", corpus, emotion, actor,
         actor[0].upper(), actor, 0, 300)
        for corpus in params.corpora for actor in actors_of(params)
        for emotion in params.classes for take in range(per_actor)
    ]  # fmt: skip
    names = ["segment", "utterance", "corpus", "emotion", "actor", "gender", "group", "start_frame", "num_frames"]
    return pd.DataFrame(rows, columns=names)


def actors_of(params: Params) -> list[str]:
    return [f"{gender}{fold}" for fold in range(1, params.partition.folds + 1) for gender in "fm"]


def folds_of(params: Params) -> pd.DataFrame:
    rows = [
        (corpus, actor, actor[0].upper(), actor, int(actor[1:]))
        for corpus in params.corpora for actor in actors_of(params)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["corpus", "actor", "gender", "group", "fold"])


def intervals_of(runs: pd.DataFrame, width: float = 3.0) -> pd.DataFrame:
    """Intervals around the means of runs: over all actors, and for the women of the first corpus."""
    rows = []
    finished = runs[(runs["status"] == "done") & runs["selection"].isin(["last", "best"])]
    for (model, selection), part in finished.groupby(["model", "selection"]):
        ua = float(part["valid_ua"].mean())
        rows.append((model, selection, "all", "all", 16, ua, ua - width, ua + width))
        rows.append((model, selection, READERS[0], "F", 4, ua, ua - 2 * width, min(ua + 2 * width, 100.0)))
        rows.append((model, selection, READERS[1], "M", 1, ua, NAN, NAN))
    table = pd.DataFrame(rows, columns=list(INTERVALS.columns))
    return table.astype({"actors": "int64", **dict.fromkeys(("ua", "ci_low", "ci_high"), "float64")})


_COMPARED: dict[tuple[str, str], pd.DataFrame] = {}


def comparisons_of(params: Params, runs: pd.DataFrame) -> pd.DataFrame:
    """Every test of the params on these runs; many tests begin with the same runs."""
    hypotheses = all_hypotheses(params.report.tables)
    key = runs.to_csv(), repr((hypotheses, params.partition.folds, params.report.rope))
    if key not in _COMPARED:
        _COMPARED[key] = compare(runs, hypotheses, params.partition.folds, params.report.rope)
    return _COMPARED[key].copy()


def results_of(params: Params, runs: pd.DataFrame | None = None, details: tuple[RunDetails, ...] = ()) -> Results:
    """An experiment with these runs (none: nothing was trained)."""
    runs = pd.DataFrame(columns=list(RUNS.columns)) if runs is None else runs
    small = params.network.widths != (4, 8, 16, 32)
    return Results(
        params=params,
        segments=segments_of(params),
        folds=folds_of(params),
        structures={"PreAct": DEMO_LAYERS if small else PAPER_LAYERS},
        runs=runs,
        details=details,
        comparisons=comparisons_of(params, runs),
        intervals=intervals_of(runs),
    )
