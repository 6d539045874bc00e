"""What was trained, and how that is not the paper's: said under every table, so that no figure passes for another's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from pydantic import BaseModel

from pipeline.evaluation.results import RunDetails
from pipeline.paper.published import (
    ACTORS,
    CLASSES,
    CORPORA,
    SEEDS,
    SEGMENTS,
    SETTINGS,
    SOURCE,
    published_models,
)
from pipeline.params import ModelParams, Params
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.tables.table import listed


def corpus_label(params: Params, corpus: str) -> str:
    """A corpus by the paper's name when its key is its reader's, else by its key."""
    return CORPORA.get(corpus, corpus) if params.reader(corpus) == corpus else corpus


def trained_on(experiment: Experiment) -> str:
    """One sentence: the data, runs and epochs behind the figures that are ours."""
    params = experiment.params
    folds, seeds = params.train.folds, params.train.seeds
    corpora = listed(corpus_label(params, corpus) for corpus in params.corpora)
    return (
        f"Trained here: {len(experiment.segments)} segments of {count_actors(experiment)} actors from {corpora}; "
        f"{len(folds)} of {params.partition.folds} folds × {len(seeds)} seed{'s' * (len(seeds) > 1)} = "
        f"{len(folds) * len(seeds)} runs a model, "
        f"{params.train.epochs} epochs each; figures are means over these runs."
    )


def count_actors(experiment: Experiment) -> int:
    """Actors in the segments; the same name in two corpora is two people."""
    return len(experiment.segments[["corpus", "actor"]].drop_duplicates())


def published_from(number: int) -> str:
    """One sentence: what stands behind the published figures of a table."""
    return (
        f"Published: Table {number} of {SOURCE}: {SEGMENTS} segments of {ACTORS} actors, 4 folds × {SEEDS} seeds = "
        f"12 runs a model, 1000 epochs; which epoch it reports is not said."
    )


def differences_from_paper(experiment: Experiment) -> str:
    """One sentence that names every setting that is not the paper's."""
    differences = setting_differences(experiment)
    if not differences:
        return setting_summary(experiment)
    return f"{setting_summary(experiment).removesuffix('.')}: {'; '.join(differences)}."


def setting_summary(experiment: Experiment) -> str:
    """One sentence: whether the setting is the paper's, and what that means for the figures."""
    differences = setting_differences(experiment)
    if not differences:
        return "Setting: as section 5 and Table 5 of the paper say."
    network = any(difference.startswith("network.") for difference in differences)
    subject = "Another network and setting than the paper's" if network else "Another setting than the paper's"
    return f"{subject}, so no figure here is a reproduction of a published one."


def setting_differences(experiment: Experiment) -> list[str]:
    """Every setting that is not the paper's, with the paper's."""
    params = experiment.params
    differences = [
        f"{place} {_shown(ours)} (paper: {_shown(paper)})"
        for place, paper in SETTINGS.items()
        if (ours := reduce(getattr, place.split("."), params)) != paper
    ]
    if set(params.classes) != set(CLASSES):
        differences.append(f"classes {_shown(params.classes)} (paper: {_shown(CLASSES)})")
    if len(params.train.seeds) != SEEDS:
        differences.append(f"{len(params.train.seeds)} seeds (paper: {SEEDS})")
    if len(params.train.folds) != params.partition.folds:
        differences.append(f"folds {_shown(params.train.folds)} of {params.partition.folds} (paper: all)")
    if len(experiment.segments) != SEGMENTS or count_actors(experiment) != ACTORS:
        differences.append(
            f"{len(experiment.segments)} segments of {count_actors(experiment)} actors (paper: {SEGMENTS} of {ACTORS})"
        )
    return differences


def _shown(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, tuple) else str(value)


def not_trained(experiment: Experiment, models: Iterable[str]) -> list[str]:
    """A line that names the models without runs, if any."""
    missing = [model for model in dict.fromkeys(models) if model not in experiment.trained]
    return [f"Not trained: {', '.join(missing)}."] if missing else []


def incomplete(experiment: Experiment, models: Iterable[str]) -> list[str]:
    """A line for each trained model whose runs are not those of the params."""
    train = experiment.params.train
    expected = {(fold, seed) for fold in train.folds for seed in train.seeds}
    lines = []
    for model in dict.fromkeys(models):
        rows = experiment.runs[experiment.runs["model"] == model]
        present = set(zip(rows["fold"], rows["seed"], strict=True))
        if model in experiment.trained and present != expected:
            lines.append(
                f"{experiment.label(model)}: {len(present & expected)} of the {len(expected)} runs of the params, "
                f"and {len(present - expected)} others."
            )
    return lines


def redefined(experiment: Experiment, models: Iterable[str]) -> list[str]:
    """A line for each model that is configured otherwise than its row of the paper says."""
    lines = []
    for model in dict.fromkeys(models):
        ours, paper = experiment.params.models.get(model), published_models().get(model)
        if ours is None or paper is None:
            continue
        if changed := [
            f"{name} {_described(ours, name)} (paper: {_described(paper, name)})"
            for name in ("layout", "gamma0", "shake", "shakedrop", "mixup", "vcl")
            if getattr(ours, name) != getattr(paper, name)
        ]:
            lines.append(f"{model} is not the paper's model of this row: {'; '.join(changed)}.")
    return lines


def _described(model: ModelParams, name: str) -> str:
    value = getattr(model, name)
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        return ", ".join(f"{key} {entry}" for key, entry in value.model_dump().items())
    return str(value)


def environments(details: Iterable[RunDetails], models: Iterable[str]) -> list[str]:
    """A line for each circumstance (device, precision, a version) in which runs that are compared differ."""
    found: dict[str, dict[str, list[str]]] = {}
    wanted = set(models)
    for run in details:
        if run.model in wanted:
            for name, value in (("device", run.device), ("precision", run.precision), *run.versions):
                found.setdefault(name, {}).setdefault(value, []).append(run.model)
    return [
        f"Runs compared here differ in {name}: {_groups(values)}. Differences between them are not the models' alone."
        for name, values in found.items()
        if len(values) > 1
    ]


def _groups(values: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{value} ({', '.join(dict.fromkeys(models))})" for value, models in values.items())
