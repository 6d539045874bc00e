"""The results that tables, figures and the page are made from, and the queries that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.selections import Selection, selections
from pipeline.core.wording import counted, run_words
from pipeline.evaluation.hypotheses import Hypothesis, all_hypotheses
from pipeline.evaluation.tables import COMPARISONS, GENDERS, Comparison
from pipeline.evaluation.terms import ALL, Metric
from pipeline.folds.params import BY_CORPUS
from pipeline.paper.settings import CORPORA

if TYPE_CHECKING:
    from pipeline.models.base import LayerRow
    from pipeline.models.options import ModelParams
    from pipeline.params import Params


@dataclass(frozen=True)
class Adoption:
    """The declaration that a run of an earlier version of the code is valid for this version.

    Attributes:
        source: hash of the code that trained the run.
        when: ISO 8601, UTC.
        by: user@host.
    """

    source: str
    when: str
    by: str


@dataclass(frozen=True)
class RunDetails:
    """Values that a run's numbers may depend on besides its params, from the JSON beside `results/runs/<model>.csv`.

    Runs whose `features` agree have read the same features in the same form if their `data` agree. `temperatures` are
    those of `runs.calibration`, by the selection of epochs.
    """

    model: str
    fold: int
    seed: int
    device: str
    precision: str
    versions: tuple[tuple[str, str], ...]
    data: str = ""
    source: str = ""
    identity: str = ""
    family: str = ""
    features: str = ""
    adopted: Adoption | None = None
    chosen: tuple[tuple[str, float], ...] = ()
    repeat: int = 1
    temperatures: tuple[tuple[str, float], ...] = ()

    @property
    def name(self) -> str:
        """For people: `PreAct fold 1 seed 2`."""
        return f"{self.model} {run_words(self.repeat, self.fold, self.seed)}"


@dataclass(frozen=True)
class Score:
    """The result of one model at one selection of epochs: means over its runs, in percent and points.

    `valid_ua` and `gap` are None where there is nothing to print, and `status` says why; `low` and `high` bound the
    95 % interval of `valid_ua`, None where there is none.
    """

    valid_ua: float | None
    gap: float | None
    runs: int
    status: str
    low: float | None = None
    high: float | None = None


def model_kind(model: object) -> str:
    """The layout of a model's params, else their family: families without layouts have no such option."""
    return str(getattr(model, "layout", None) or getattr(model, "family", "model"))


def by_speaker(model: object) -> bool:
    """Whether a model standardises each speaker's features by their own mean and deviation."""
    return getattr(model, "standardise", "none") == "speaker"


def model_label(model: ModelParams) -> str:
    """The printed name of a configured model: its label, and a note if it sees unlabelled recordings of the speaker."""
    return f"{model.label} (speaker-standardised)" if by_speaker(model) else model.label


@dataclass(frozen=True)
class Results:
    """Params and everything that was made under them.

    Attributes:
        params: the params file.
        segments: `SEGMENTS` of all configured corpora.
        folds: `FOLDS` of the first partition.
        structures: Table 5's rows of the configured networks by layout, PreAct among them; empty if no model is a
            ResNeXt.
        runs: `RUNS` of the configured models.
        details: what the numbers of each run depend on besides its params.
        comparisons: `COMPARISONS`.
        intervals: `INTERVALS` of the trained models.
        utterances: `COMPARISONS` by UA over utterances; may be empty.
        genders: `GENDERS`; may be empty.
        measures: `measures_schema`, or None.
        test_scores: rows of `apart_schema` of the trained models; none without a test.
        pooled: `POOLED`.
        cells: `CELLS`, the cross-corpus matrix; none where folds are not corpora.
        split_notes: what is to be known of the division of recordings, a sentence each.
        incomplete_folds: whether the validation part of some fold lacks a class.
        validated: rows of `segments` that each fold validates, with a column `fold`; None: those of its actors.
    """

    params: Params
    segments: pd.DataFrame
    folds: pd.DataFrame
    structures: Mapping[str, Sequence[LayerRow]]
    runs: pd.DataFrame
    details: tuple[RunDetails, ...]
    comparisons: pd.DataFrame
    intervals: pd.DataFrame
    utterances: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COMPARISONS.columns)))
    genders: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(GENDERS.columns)))
    measures: pd.DataFrame | None = None
    test_scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    pooled: pd.DataFrame = field(default_factory=pd.DataFrame)
    cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    split_notes: tuple[str, ...] = ()
    incomplete_folds: bool = False
    validated: pd.DataFrame | None = None

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The selections of epochs in the order of tables: `report.selection` first."""
        first = self.params.report.selection
        return (first, *(one for one in selections(dev=self.params.partition.dev) if one != first))

    @property
    def gap_metric(self) -> Metric:
        """The Gap that tables print (`report.gap`)."""
        return "gap" if self.params.report.gap == "train_mode" else "gap_eval"

    @property
    def gap_mode(self) -> str:
        """The mode in which the training UA of that Gap was measured, in words."""
        return "train mode" if self.gap_metric == "gap" else "eval mode"

    @cached_property
    def trained(self) -> tuple[str, ...]:
        """Models with runs, in the order of the params."""
        present = set(self.runs["model"])
        return tuple(model for model in self.params.models if model in present)

    def label(self, model: str) -> str:
        """The printed name of a model; the key of one that is not configured."""
        if model not in self.params.models:
            return model
        found = self.params.models[model]
        # A corpus that was not trained on is described by its own recordings, without their labels.
        own = getattr(found, "standardise", "none") == "corpus" and self.params.partition.scheme in BY_CORPUS
        return f"{found.label} (corpus-standardised)" if own else model_label(found)

    def by_speaker(self, model: str) -> bool:
        """Whether a model is configured and standardises by speaker."""
        return by_speaker(self.params.models.get(model))

    def kind(self, model: str) -> str:
        """The layout of a configured model; the family of a model whose family has no layouts."""
        return model_kind(self.params.models[model])

    def corpus_label(self, corpus: str) -> str:
        """The printed name of a corpus: the paper's name when its key is its reader's, else its key."""
        return CORPORA.get(corpus, corpus) if self.params.reader(corpus) == corpus else corpus

    @property
    def actor_count(self) -> int:
        """Actors in the segments; the same name in two corpora is two people."""
        return len(self.segments[["corpus", "actor"]].drop_duplicates())

    @cached_property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """The paper's hypotheses, then the user's."""
        return all_hypotheses(self.params.report.tables)

    def hypotheses_of(self, table: str) -> tuple[Hypothesis, ...]:
        """The hypotheses of one table, in its order."""
        return tuple(hypothesis for hypothesis in self.hypotheses if hypothesis.table == table)

    def score(self, model: str, selection: Selection) -> Score:
        """A model's means; none when a run of it diverged."""
        rows = self.runs[(self.runs["model"] == model) & (self.runs["selection"] == selection)]
        if rows.empty:
            return Score(None, None, 0, "no such epoch" if model in self.trained else "not trained")
        diverged = int((rows["status"] == "diverged").sum())
        if diverged:
            return Score(None, None, len(rows) - diverged, f"diverged ({diverged} of {len(rows)})")
        gaps = rows[self.gap_metric]
        gap = None if gaps.isna().any() else float(gaps.mean())
        low, high = self._interval(model, selection)
        return Score(float(rows["valid_ua"].mean()), gap, len(rows), "done", low, high)

    def _interval(self, model: str, selection: Selection) -> tuple[float | None, float | None]:
        """The interval of a model's UA over all actors; none for `crossval`, which has no predictions of its own."""
        table = self.intervals
        rows = table[(table["model"] == model) & (table["selection"] == selection) & (table["corpus"] == ALL)]
        if rows.empty or rows["ci_low"].isna().any():
            return None, None
        return float(rows["ci_low"].iloc[0]), float(rows["ci_high"].iloc[0])

    def test(self, hypothesis: Hypothesis, metric: Metric, selection: Selection) -> Comparison:
        """The test of a hypothesis.

        Raises:
            InputError: the comparisons do not contain it.
        """
        key = (hypothesis.table, hypothesis.better, hypothesis.reference, hypothesis.kind, metric, selection)
        if key not in self._tests:
            raise InputError(
                f"results/comparisons.csv has no row for table {hypothesis.table}, {hypothesis.better} against "
                f"{hypothesis.reference}, {metric}, {selection}; `dvc repro compare` makes it again"
            )
        return self._tests[key]

    @cached_property
    def _tests(self) -> dict[tuple[str, ...], Comparison]:
        return _by_claim(self.comparisons)

    def compares(self, hypotheses: Iterable[Hypothesis]) -> bool:
        """Whether both models of any of these hypotheses have runs."""
        return any({one.better, one.reference} <= set(self.trained) for one in hypotheses)

    def utterance_test(self, hypothesis: Hypothesis, selection: Selection) -> Comparison:
        """The test of a hypothesis by UA over utterances; without a result where there is none."""
        key = (hypothesis.table, hypothesis.better, hypothesis.reference, hypothesis.kind, "valid_ua", selection)
        return self._utterance_tests.get(key) or Comparison(0, note="no predictions", claim=hypothesis.kind)

    @cached_property
    def _utterance_tests(self) -> dict[tuple[str, ...], Comparison]:
        return _by_claim(self.utterances)

    def mean_measure(self, name: str, model: str, selection: Selection, level: str) -> float | None:
        """The mean over runs of one column of `measures`, over all actors; None without such rows."""
        return self._mean_measures.get((model, selection, level), {}).get(name)

    @cached_property
    def _mean_measures(self) -> dict[tuple[str, ...], dict[str, float]]:
        if self.measures is None or self.measures.empty:
            return {}
        rows = self.measures[(self.measures["corpus"] == ALL) & (self.measures["gender"] == ALL)]
        means = rows.groupby(["model", "selection", "level"])[["ua", "ece"]].mean()
        return {
            (str(model), str(selection), str(level)): {"ua": float(ua), "ece": float(ece)}
            for (model, selection, level), (ua, ece) in zip(means.index, means.to_numpy(), strict=True)
        }


def _by_claim(comparisons: pd.DataFrame) -> dict[tuple[str, ...], Comparison]:
    names = ("table", "model_a", "model_b", "claim", "metric", "selection")
    return {tuple(str(row[name]) for name in names): Comparison.from_row(row) for row in comparisons.to_dict("records")}


def adoptions(details: Iterable[RunDetails], models: Iterable[str]) -> list[str]:
    """A line for each adoption: which models' runs of which earlier version of the code, by whom and when."""
    found: dict[Adoption, list[str]] = {}
    wanted = set(models)
    for run in details:
        if run.model in wanted and run.adopted is not None:
            found.setdefault(run.adopted, []).append(run.model)
    return [
        f"{counted(len(runs), 'run')} of {', '.join(dict.fromkeys(runs))} trained by an earlier version of the code "
        f"(source {adoption.source}); declared valid for this version by {adoption.by} at {adoption.when}."
        for adoption, runs in found.items()
    ]
