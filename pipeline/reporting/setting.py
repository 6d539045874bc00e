"""The setting of the training, and its differences from the paper's, as stated under every table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import product

from pydantic import BaseModel

from pipeline.core.features import Shape
from pipeline.core.wording import counted, enumerated
from pipeline.evaluation.results import Results, RunDetails
from pipeline.models.options import ModelParams
from pipeline.paper.published import published_models
from pipeline.paper.settings import ACTOR_COUNT, CLASSES, SEED_COUNT, SEGMENT_COUNT, SETTINGS
from pipeline.params import Params


def trained_on(results: Results) -> str:
    """One sentence: the data, runs and epochs behind the figures that are ours."""
    params = results.params
    folds, seeds = params.train.folds, params.train.seeds
    corpora = enumerated(map(results.corpus_label, params.corpora))
    return (
        f"Trained here: {len(results.segments)} segments of {results.actor_count} actors from {corpora}; "
        f"{_partitions(params)}{len(folds)} of {params.partition.folds} folds × {counted(len(seeds), 'seed')} = "
        f"{params.partition.repeats * len(folds) * len(seeds)} runs a model, "
        f"{epochs_trained(results)}; figures are means over these runs."
    )


def _partitions(params: Params) -> str:
    """`3 partitions × `; nothing for one."""
    return "" if params.partition.repeats == 1 else f"{params.partition.repeats} partitions × "


def epochs_trained(results: Results) -> str:
    """The epochs of the trained models (without any, of the configured ones): `20 epochs each`, `without epochs`."""
    params = results.params
    models = results.trained or tuple(params.models)
    trained = [model for model in models if params.family_of(model).by_epochs]
    if not trained:
        return "without epochs"
    epochs = {params.train_of(model).epochs for model in trained}
    low, high = min(epochs), max(epochs)
    number = counted(high, "epoch") if low == high else f"{low} to {high} epochs"
    others = ", ".join(results.label(model) for model in models if model not in trained)
    return f"{number} each" + (f" (without epochs: {others})" if others else "")


def speaker_standardised(results: Results, models: Iterable[str]) -> list[str]:
    """A line that says which models use unlabelled recordings of the speakers that they are validated on, if any do."""
    found = [results.label(model) for model in dict.fromkeys(models) if results.by_speaker(model)]
    if not found:
        return []
    return [
        f"Speaker-standardised: {enumerated(found)}. Mean and deviation of every feature come from all recordings of a "
        "speaker, also of speakers in the validation fold, without their labels; other models hear no validation "
        "speaker before they are validated."
    ]


def repeated_over_seeds(results: Results, models: Iterable[str]) -> list[str]:
    """A line that names the trained models without randomness, whose run of a fold stands under every seed."""
    found = [
        results.label(model)
        for model in dict.fromkeys(models)
        if model in results.trained and not results.params.family_of(model).stochastic
    ]
    if not found or len(results.params.train.seeds) == 1:
        return []
    return [f"Nothing is random in {enumerated(found)}: one run of a fold stands under every seed."]


def differences_from_paper(results: Results) -> str:
    """One sentence that names every setting that is not the paper's."""
    differences = setting_differences(results)
    if not differences:
        return setting_summary(results)
    return f"{setting_summary(results).removesuffix('.')}: {'; '.join(differences)}."


def setting_summary(results: Results) -> str:
    """One sentence: whether the setting is the paper's, and what that means for the figures."""
    differences = shared_differences(results)
    if not differences:
        some = ", except for some models" if setting_differences(results) else ""
        return f"Setting: as section 5 and Table 5 of the paper say{some}."
    network = any(difference.startswith("network.") for difference in differences)
    subject = "Another network and setting than the paper's" if network else "Another setting than the paper's"
    return f"{subject}, so no figure here is a reproduction of a published one."


def setting_differences(results: Results) -> list[str]:
    """Every setting that is not the paper's, with the paper's; then a line for each model that differs further."""
    own = {model: model_differences(results, model) for model in results.params.models}
    return [
        *shared_differences(results),
        *(f"{results.label(model)} has {', '.join(found)}" for model, found in own.items() if found),
    ]


def shared_differences(results: Results) -> list[str]:
    """Every setting of the models together that is not the paper's, with the paper's."""
    params = results.params
    differences = [
        _difference(place, ours, paper)
        for place, paper in SETTINGS.items()
        if (ours := _shared_value(params, place)) != paper
    ]
    if set(params.classes) != set(CLASSES):
        differences.append(f"classes {_as_text(params.classes)} (paper: {_as_text(CLASSES)})")
    if len(params.train.seeds) != SEED_COUNT:
        differences.append(f"{len(params.train.seeds)} seeds (paper: {SEED_COUNT})")
    if len(params.train.folds) != params.partition.folds:
        differences.append(f"folds {_as_text(params.train.folds)} of {params.partition.folds} (paper: all)")
    if len(results.segments) != SEGMENT_COUNT or results.actor_count != ACTOR_COUNT:
        differences.append(
            f"{len(results.segments)} segments of {results.actor_count} actors "
            f"(paper: {SEGMENT_COUNT} of {ACTOR_COUNT})"
        )
    return differences


def model_differences(results: Results, model: str) -> list[str]:
    """Every setting of one model that is neither the paper's nor among `shared_differences`, with the paper's."""
    params, entry = results.params, results.params.model(model)
    differences = [
        _difference(place, ours, paper)
        for place, paper in SETTINGS.items()
        if (ours := _value(params, place, model)) != paper and ours != _shared_value(params, place)
    ]
    if entry.family != "resnext":
        differences.append(_difference("family", entry.family, "resnext"))
    kind = params.front_end(entry.frontend).options.kind
    if kind != "spectrogram":
        differences.append(_difference("front end", kind, "spectrogram"))
    return differences


def _value(params: Params, place: str, model: str) -> object:
    """The value of a setting for a model: its own, else that of the section."""
    section, name = place.split(".")
    design = params.design_of(model, Shape(dims=1))
    own = {"network": design.network, "features": design.features, "train": params.train_of(model)}
    return getattr(own.get(section, getattr(params, section)), name)


def _shared_value(params: Params, place: str) -> object:
    """The value of the section, or the first model's if every model has one of its own."""
    ours: object = reduce(getattr, place.split("."), params)
    values = (_value(params, place, model) for model in params.models)
    return ours if ours in values else _value(params, place, next(iter(params.models)))


def _difference(place: str, ours: object, paper: object) -> str:
    return f"{place} {_as_text(ours)} (paper: {_as_text(paper)})"


def _as_text(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, tuple) else str(value)


def not_trained(results: Results, models: Iterable[str]) -> list[str]:
    """A line that names the models without runs, if any."""
    missing = [model for model in dict.fromkeys(models) if model not in results.trained]
    return [f"Not trained: {', '.join(missing)}."] if missing else []


def incomplete(results: Results, models: Iterable[str]) -> list[str]:
    """A line for each trained model whose runs are not those of the params."""
    train = results.params.train
    repeats = range(1, results.params.partition.repeats + 1)
    expected = set(product(repeats, train.folds, train.seeds))
    lines = []
    for model in dict.fromkeys(models):
        rows = results.runs[results.runs["model"] == model]
        present = set(zip(rows["repeat"], rows["fold"], rows["seed"], strict=True))
        if model in results.trained and present != expected:
            lines.append(
                f"{results.label(model)}: {len(present & expected)} of the {len(expected)} runs of the params, "
                f"and {len(present - expected)} others."
            )
    return lines


def redefined(results: Results, models: Iterable[str]) -> list[str]:
    """A line for each model whose configuration differs from its row in the paper."""
    lines = []
    for model in dict.fromkeys(models):
        ours, paper = results.params.models.get(model), published_models().get(model)
        if ours is None or paper is None:
            continue
        changed = [
            f"{name} {_described(ours, name)} (paper: {_described(paper, name)})"
            for name in ("layout", "gamma0", "shake", "shakedrop", "mixup", "vcl", "standardise")
            if getattr(ours, name, None) != getattr(paper, name)
        ]
        if changed := [*changed, *model_differences(results, model)]:
            lines.append(f"{model} is not the paper's model of this row: {'; '.join(changed)}.")
    return lines


def _described(model: ModelParams, name: str) -> str:
    value = getattr(model, name, None)
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
