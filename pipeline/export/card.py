"""The model card: what a model was trained on, how good it is where, and what it must not be used for.

Every number is that of a table in `results/`, rounded to one digit after the point.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.selections import PREDICTED, Selection
from pipeline.core.tables import SEGMENTS, read_table
from pipeline.core.wording import counted, enumerated, printable
from pipeline.evaluation.loading import headline, load_details, load_runs
from pipeline.evaluation.tables import INTERVALS, measures_schema
from pipeline.evaluation.terms import ALL
from pipeline.runs.calibration import fitted_on

if TYPE_CHECKING:
    from pipeline.params import Params
    from pipeline.prediction.ensemble import Ensemble

_NON_COMMERCIAL = re.compile(r"\bNC\b|non-?commercial|research|academic|\brestricted", re.IGNORECASE)

_STALE = 0.01
"""Points by which two tables of one result may differ: both are rounded."""

_EPOCHS = {
    "last": "last epoch",
    "best": "best epoch on the validation fold, which flatters",
    "dev": "epoch chosen on a fold that is neither trained nor validated on",
}

USES_TO_REFUSE = (
    "to judge a person: for hiring, school, credit, insurance, asylum, policing, or access to anything",
    "to claim what somebody feels: it was trained on labels of how speech was acted or heard, not on feelings",
    "to watch people at work, in education, or without their knowledge and consent; laws of many countries forbid it",
    "to diagnose or treat, or where a mistake can hurt",
    "on other languages, ages, microphones or situations than those of the corpora above, unless it was measured there",
)


@dataclass(frozen=True)
class Corpus:
    """A corpus that a model learned from.

    Attributes:
        key: its key in params.yaml.
        title: name of the corpus.
        licence: terms of use, as its owner states them.
        source: place to get it.
        segments: number of segments.
        actors: number of actors.
    """

    key: str
    title: str
    licence: str
    source: str
    segments: int
    actors: int

    @property
    def non_commercial(self) -> bool:
        """Whether the terms allow no commercial use."""
        return _NON_COMMERCIAL.search(self.licence) is not None


@dataclass(frozen=True)
class Facts:
    """The facts of a model card; tables have the rows of the model only.

    Attributes:
        label: name of the model.
        corpora: what it learned from.
        runs: rows of `RUNS` at the selection.
        intervals: rows of `INTERVALS` at the selection.
        measures: rows of `measures_schema` at the selection, by segment.
        selection: epoch whose weights were exported.
        dev: whether runs hold a fold out (`partition.dev`).
        missing: what is not known, and why; empty if everything is.
    """

    label: str
    selection: Selection
    corpora: tuple[Corpus, ...] = ()
    runs: pd.DataFrame = field(default_factory=pd.DataFrame)
    intervals: pd.DataFrame = field(default_factory=pd.DataFrame)
    measures: pd.DataFrame = field(default_factory=pd.DataFrame)
    dev: bool = False
    missing: str = ""


def load_facts(
    model: str, params: Params, selection: Selection, root: Path = Path(), identities: Collection[str] = ()
) -> Facts:
    """The facts about a configured model in `data/` and `results/`; none if those are not about the exported weights.

    Args:
        model: key of the model.
        params: all of params.yaml.
        selection: epoch whose weights are exported.
        root: folder with `data/` and `results/`.
        identities: identities of the exported runs.

    Raises:
        InputError: a table is broken.
    """
    from pipeline.corpora.registry import READERS

    label, results = params.models[model].label, root / "results"
    try:
        segments = pd.concat([read_table(root / f"data/segments/{key}.csv", SEGMENTS) for key in params.corpora])
        runs = headline(load_runs(results / "runs", [model]), params.partition)
        collected = {one.identity for one in load_details(results / "runs", [model])}
        intervals = read_table(results / "intervals.csv", INTERVALS)
        measures = read_table(results / "measures.csv", measures_schema(params.classes))
    except InputError as error:
        return Facts(label, selection, missing=f"{error}")
    if not set(identities) <= collected:
        return Facts(
            label, selection, missing=f"these weights are of other runs than those in results/runs/{model}.json"
        )
    corpora = []
    for key in params.corpora:
        own, reader = segments[segments["corpus"] == key], READERS[params.reader(key)]
        licence = _licence_in(root / params.corpora[key].path) if reader.name == "audformat" else ""
        corpora.append(
            Corpus(key, reader.title, licence or reader.licence, reader.source, len(own), own["actor"].nunique())
        )
    runs = runs[runs["selection"] == selection]
    intervals = intervals[(intervals["model"] == model) & (intervals["selection"] == selection)]
    measures = measures[
        (measures["model"] == model) & (measures["selection"] == selection) & (measures["level"] == "segment")
    ]
    missing = "" if len(measures) else f"results/ has no measures of {model}; `dvc repro compare` makes them"
    overall = intervals[(intervals["corpus"] == ALL) & (intervals["gender"] == ALL)]["ua"]
    if not missing and (overall - runs["valid_ua"].mean()).abs().gt(_STALE).any():
        missing = f"results/intervals.csv is not of the runs in results/runs/{model}.csv; `dvc repro compare` makes it"
    return Facts(label, selection, tuple(corpora), runs, intervals, measures, params.partition.dev, missing)


def _licence_in(folder: Path) -> str:
    """The licence and the usage that a database in audformat states; empty if it cannot be read."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        header = YAML(typ="safe", pure=True).load((folder / "db.yaml").read_text("utf-8"))
        stated = {name: str(header.get(name) or "") for name in ("license", "usage")}
    except (OSError, ValueError, YAMLError, AttributeError):
        return ""
    return ", ".join(f"{name}: {value}" for name, value in stated.items() if value)


def write_card(facts: Facts, ensemble: Ensemble) -> str:
    """The card as Markdown."""
    return (
        "\n".join(
            [
                *_head(facts, ensemble),
                *_data(facts),
                *_quality(facts, ensemble),
                *_calibration(facts, ensemble),
                *_uses(facts),
            ]
        )
        + "\n"
    )


def _head(facts: Facts, ensemble: Ensemble) -> Iterator[str]:
    first, (front_end, *_) = ensemble.members[0].weights, ensemble.front_ends
    families = enumerated(sorted({one.weights.design.model.family for one in ensemble.members}))
    yield f"# {_text(facts.label)}"
    yield ""
    yield (
        f"Emotions in speech: {enumerated(map(_text, ensemble.classes))}. Family {families}, front end "
        f"{front_end.options.kind}, segments of at most {first.segment.seconds:g} s, sound at 16 kHz."
    )
    if len(ensemble.members) > 1:
        yield (
            f"{len(ensemble.members)} classifiers, each trained without another fold or with another seed; their "
            "probabilities are averaged, and their spread stands beside."
        )
    yield ""
    yield "```"
    yield "pip install numpy soundfile onnxruntime"
    yield "python run.py recording.wav folder/other.flac > emotions.csv"
    yield "```"
    yield ""
    yield (
        "`model.onnx` has the network"
        + (" and its front end" if front_end.reads_audio else "")
        + ", `weights/` the same "
        "numbers as safetensors, `config.json` what a program needs to know."
    )
    if front_end.notice:
        yield f"\n{front_end.notice}."
    if front_end.options.kind == "ssl":
        encoder = _text(str(getattr(front_end.options, "path", "")))
        yield f"\nThe encoder {encoder} is not part of this bundle, and has a licence of its own."
    yield ""


def _data(facts: Facts) -> Iterator[str]:
    yield "## What it learned from"
    yield ""
    if not facts.corpora:
        yield f"Not known here: {_text(facts.missing)}."
        yield ""
        return
    yield "| corpus | segments | actors | licence | commercial use |"
    yield "| --- | ---: | ---: | --- | --- |"
    for one in facts.corpora:
        use = "not allowed" if one.non_commercial else "see the licence"
        yield f"| {_text(one.title)} (`{one.key}`) | {one.segments} | {one.actors} | {_text(one.licence)} | {use} |"
    yield ""
    if closed := [_text(one.title) for one in facts.corpora if one.non_commercial]:
        yield (
            f"**Not for commercial use**: the terms of {enumerated(closed)} allow none. Whether that holds for what "
            "was learned from them, their owners can say, not this card."
        )
        yield ""


def _quality(facts: Facts, ensemble: Ensemble) -> Iterator[str]:
    yield "## How good it is"
    yield ""
    if facts.missing or facts.runs.empty:
        yield f"Not known here: {_text(facts.missing or 'no run of it is in results/runs')}."
        yield ""
        return
    overall = facts.intervals[(facts.intervals["corpus"] == ALL) & (facts.intervals["gender"] == ALL)]
    chance = 100 / len(ensemble.classes)
    for row in overall.to_dict("records"):
        yield (
            f"Unweighted accuracy on speakers that it did not learn from: **{row['ua']:.1f} %**"
            f"{_interval(row)}; chance is {chance:.0f} %. Cross-validation over actors, mean over "
            f"{counted(len(facts.runs), 'run')}, {_EPOCHS[facts.selection]}."
        )
    if len(ensemble.members) < len(facts.runs):
        which = "is one run" if len(ensemble.members) == 1 else f"are {len(ensemble.members)} different runs"
        yield f"That is the model as a method; exported {which} of it."
    elif len(ensemble.members) > 1:
        yield (
            "That is the mean of single classifiers. How much better they are together is not known: each recording of "
            "the corpora was learned from by some of them."
        )
    yield ""
    several = facts.runs["repeat"].nunique() > 1
    yield f"| {'repeat | ' if several else ''}fold | seed | unweighted accuracy (%) |"
    yield f"| {'---: | ' if several else ''}---: | ---: | ---: |"
    for row in facts.runs.to_dict("records"):
        repeat = f"{row['repeat']} | " if several else ""
        yield f"| {repeat}{row['fold']} | {row['seed']} | {_number(row['valid_ua'])} |"
    yield ""
    everyone = facts.measures[(facts.measures["corpus"] == ALL) & (facts.measures["gender"] == ALL)]
    yield "| class | recall (%), mean over runs |"
    yield "| --- | ---: |"
    for name in ensemble.classes:
        yield f"| {_text(name)} | {_number(everyone[f'recall_{name}'].mean())} |"
    yield ""
    yield "| corpus | gender | actors | unweighted accuracy (%) | 95 % interval |"
    yield "| --- | --- | ---: | ---: | --- |"
    for row in facts.intervals.to_dict("records"):
        if row["corpus"] != ALL:
            yield f"| {row['corpus']} | {row['gender']} | {row['actors']} | {row['ua']:.1f} | {_bounds(row)} |"
    yield ""


def _calibration(facts: Facts, ensemble: Ensemble) -> Iterator[str]:
    yield "## Calibration"
    yield ""
    temperatures = [one.weights.temperature for one in ensemble.members]
    known = [one for one in temperatures if one is not None]
    if not known:
        yield "No temperature is stored, so probabilities are as the classifier gives them, and often too certain."
    elif not ensemble.calibrated:
        yield "Probabilities are as the classifier gives them: the stored temperatures were left out."
    else:
        shown = f"{min(known):.4g}" if min(known) == max(known) else f"{min(known):.4g} to {max(known):.4g}"
        yield (f"The scores of a run are divided by a temperature ({shown}), fitted on {fitted_on(dev=facts.dev)}.")
    everyone = facts.measures
    if len(everyone):
        everyone = everyone[(everyone["corpus"] == ALL) & (everyone["gender"] == ALL)]
        after = everyone["ece_calibrated"].mean() if "ece_calibrated" in everyone else float("nan")
        scaled = f"; with the temperature {_number(after)}" if after == after else ""
        before = _number(everyone["ece"].mean())
        yield f"Expected calibration error, in points, mean over runs: {before} without{scaled}."
    yield ""


def _uses(facts: Facts) -> Iterator[str]:
    yield "## What it must not be used for"
    yield ""
    yield from (f"- {one}" for one in USES_TO_REFUSE)
    yield ""
    yield (
        "An accuracy is a mean over recordings: of the probabilities of one recording, take the spread and the "
        "reliability into account, and expect less on recordings that differ from the corpora."
    )


def _interval(row: Mapping[Any, Any]) -> str:
    return "" if pd.isna(row["ci_low"]) else f" (95 % interval over actors {_bounds(row)})"


def _bounds(row: Mapping[Any, Any]) -> str:
    return "" if pd.isna(row["ci_low"]) else f"{row['ci_low']:.1f} to {row['ci_high']:.1f}"


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.1f}"


def _text(text: str) -> str:
    """Text from elsewhere as Markdown shows it: on one line, without markup."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", printable(text))


def selection_of(paths: Sequence[Path], selection: Selection) -> Selection | None:
    """The epoch whose weights files of `results/weights` have, by their names; None if they have different ones.

    Args:
        paths: files of weights.
        selection: epoch of a file whose name says nothing.
    """
    found = {next((one for one in PREDICTED if path.stem.endswith(f"-{one}")), selection) for path in paths}
    return found.pop() if len(found) == 1 else None


def models_of(paths: Sequence[Path]) -> set[str]:
    """The keys of the models that files of `results/weights/<model>/` belong to; their folders' names elsewhere."""
    return {path.absolute().parent.name for path in paths}
