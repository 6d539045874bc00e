"""The classifiers that predict together: one file of weights, or several, whose probabilities are averaged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.selections import PREDICTED, Selection
from pipeline.core.wording import counted, did_you_mean, enumerated, printable
from pipeline.features.params import SegmentParams
from pipeline.frontends.base import FrontEnd
from pipeline.models.base import Classifier
from pipeline.runs.weights import Weights, load_weights

WEIGHTS = Path("results/weights")
"""Folder of the weights that the stage `train` writes, one folder for each model."""

MOST_MEMBERS = 1000
"""Largest number of classifiers that predict together."""


@dataclass(frozen=True)
class Member:
    """One trained classifier.

    Attributes:
        path: file of its weights.
        weights: its weights.
        network: the classifier, in eval mode.
        front_end: position in `Ensemble.front_ends` of the front end whose features it reads.
    """

    path: Path
    weights: Weights
    network: Classifier
    front_end: int


@dataclass(frozen=True)
class Ensemble:
    """Classifiers with the same classes and segments.

    Attributes:
        members: the classifiers, at least one; each run once.
        front_ends: the front ends that they read, each once.
        calibrated: whether the temperature that is stored with a classifier is applied.
    """

    members: tuple[Member, ...]
    front_ends: tuple[FrontEnd[Any], ...]
    calibrated: bool = True

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes in the order of the probabilities."""
        return self.members[0].weights.classes

    @property
    def segment(self) -> SegmentParams:
        """The rule by which recordings are cut into segments."""
        return self.members[0].weights.segment

    @cached_property
    def temperatures(self) -> tuple[float, ...]:
        """The temperature that the scores of each member are divided by; 1 leaves them as they are."""
        stored = (member.weights.temperature if self.calibrated else None for member in self.members)
        return tuple(1.0 if one is None else one for one in stored)


def weight_files(model: str, selection: Selection = "last", folder: Path = WEIGHTS) -> list[Path]:
    """The files of weights that a user means.

    Args:
        model: a file; a folder of files; a pattern such as `results/weights/*/fold1-*-last.safetensors`; or the key
            of a model whose weights are in `folder`.
        selection: epochs whose weights are taken of a folder that has those of `last` and `best`.
        folder: folder with a folder of weights for each model.

    Raises:
        InputError: there is no such file, or the folder has no weights.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return _of_folder(path, selection)
    if path.exists():
        if not path.is_file():
            # Opening a pipe would wait for ever.
            raise InputError(f"{printable(model)} is no file; expected a file of results/weights")
        return [path]
    if "/" not in model and (folder / model).is_dir():
        return _of_folder(folder / model, selection)
    if any(one in model for one in "*?["):
        # Relative to the current folder, or absolute.
        top = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
        if found := sorted(one for one in top.glob(pattern) if one.is_file()):
            return found
        raise InputError(f"no file matches {printable(model)}; expected files of {folder}")
    known = sorted(one.name for one in folder.glob("*") if one.is_dir())
    hint, models = did_you_mean(model, known), ", ".join(known) or "its models, of which there are none yet"
    raise InputError(
        f"{printable(model)} cannot be read as weights: it is neither a file, nor a folder, nor a model with weights "
        f"in {folder}; {hint}expected a file of {folder}, or one of {models}"
    )


def _of_folder(folder: Path, selection: Selection) -> list[Path]:
    files = sorted(folder.glob("*.safetensors"))
    chosen = [path for path in files if path.stem.endswith(f"-{selection}")]
    if not chosen:
        # A folder of one's own need not follow the names of the stage `train`.
        chosen = [path for path in files if not path.stem.endswith(("-last", "-best"))]
    shown = printable(str(folder))
    if files and not chosen:
        there = [one for one in PREDICTED if any(path.stem.endswith(f"-{one}") for path in files)]
        raise InputError(
            f"{shown} has no weights of the {selection} epoch; expected --selection {' or '.join(there)}, which it has"
        )
    if not chosen:
        raise InputError(
            f"{shown} has no weights, so the model was not trained, or all of its runs diverged; `dvc repro` trains it"
        )
    return chosen


def load_ensemble(paths: Sequence[Path], *, allow_pickle: bool = False, calibrated: bool = True) -> Ensemble:
    """Load weights that predict together; a run that is found under several names is taken once.

    Args:
        paths: files of weights.
        allow_pickle: whether they may ask for an encoder that exists only as pickle.
        calibrated: whether stored temperatures are applied.

    Raises:
        InputError: a file cannot be used, is damaged, needs what is not installed or not there, or standardises by
            speaker; or two have other classes or segments.
    """
    if len(paths) > MOST_MEMBERS:
        raise InputError(f"{len(paths)} files of weights; expected at most {MOST_MEMBERS}")
    members: list[Member] = []
    front_ends: list[FrontEnd[Any]] = []
    known: dict[str, int] = {}
    runs: set[tuple[str, int]] = set()
    for path in paths:
        weights = load_weights(path)
        if (weights.identity, weights.epoch) in runs:
            continue
        runs.add((weights.identity, weights.epoch))
        _refuse_other_task(path, weights, members)
        described = repr(sorted(weights.frontend.items()))
        if described not in known:
            known[described] = len(front_ends)
            front_ends.append(_front_end(path, weights, allow_pickle=allow_pickle))
        network = weights.build()
        try:
            note_on_standardisation(network)
            list(notes_on_features(weights, front_ends[known[described]]))
        except InputError as error:
            raise InputError(f"{printable(str(path))}: {error}") from None
        members.append(Member(path, weights, network, known[described]))
    return Ensemble(tuple(members), tuple(front_ends), calibrated)


def notes_of(ensemble: Ensemble) -> list[str]:
    """Lines that a user must read before predictions are used, each with the weights that it is about."""
    lines: dict[str, list[str]] = {}
    for member in ensemble.members:
        front_end = ensemble.front_ends[member.front_end]
        for note in (note_on_standardisation(member.network), *notes_on_features(member.weights, front_end)):
            if note:
                lines.setdefault(note, []).append(printable(str(member.path)))
    found = [
        f"{paths[0]}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''}: {note}" for note, paths in lines.items()
    ]
    stored = [one.weights.temperature for one in ensemble.members if one.weights.temperature is not None]
    if stored and ensemble.calibrated:
        low, high = min(stored), max(stored)
        temperature = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        bare = len(ensemble.members) - len(stored)
        of = (
            f" of {counted(len(stored), 'file')} of weights; {bare} {'has' if bare == 1 else 'have'} none"
            if bare
            else ""
        )
        found.append(f"probabilities are calibrated with the stored temperature {temperature}{of}")
    return found


def _refuse_other_task(path: Path, weights: Weights, members: Sequence[Member]) -> None:
    if not members:
        return
    first = members[0]
    for what, ours, theirs in (
        ("classes", weights.classes, first.weights.classes),
        ("segments of seconds", weights.segment.seconds, first.weights.segment.seconds),
    ):
        if ours != theirs:
            shown = enumerated(ours) if isinstance(ours, tuple) else ours
            expected = enumerated(theirs) if isinstance(theirs, tuple) else theirs
            raise InputError(
                f"{printable(str(path))} has the {what} {shown}, and {printable(str(first.path))} has {expected}; "
                "expected the same, since their probabilities are averaged: predict with each of them apart"
            )


def _front_end(path: Path, weights: Weights, *, allow_pickle: bool) -> FrontEnd[Any]:
    """The front end of weights, if it can be used here."""
    front_end = weights.front_end()
    shown = printable(str(path))
    if not front_end.reads_audio:
        raise InputError(
            f"{shown} was trained on the front end {front_end.options.kind}, which reads no audio, so its "
            "features of other recordings cannot be computed; only its predictions in results/predictions exist"
        )
    if getattr(front_end.options, "allow_pickle", False) and not allow_pickle:
        raise InputError(
            f"{shown} asks for an encoder that may be loaded from pickle, which can run "
            f"code: {printable(str(weights.frontend.get('path')))}; if you trust both, add --allow-pickle"
        )
    front_end.refuse_if_not_installed()
    if (front_end.dims, front_end.framewise) != (weights.design.shape.dims, weights.design.shape.framewise):
        raise InputError(
            f"{shown} is damaged: its front end gives {front_end.dims} columns, and its "
            f"classifier reads {weights.design.shape.dims}"
        )
    return front_end


def note_on_standardisation(network: Classifier) -> str:
    """The note on a classifier's standardisation for a user who predicts recordings of other speakers.

    Returns:
        A line, or nothing where there is nothing to know.

    Raises:
        InputError: it needs all recordings of a speaker.
    """
    by = "none" if network.standardisation is None else network.standardisation.by
    if by == "speaker":
        raise InputError(
            "these weights standardise features by speaker, over all recordings of a speaker, and a single recording "
            "of an unknown speaker has no such mean and deviation; expected weights of a model with `standardise: "
            "fold`, corpus or none: train one, and predict with it"
        )
    if by == "corpus":
        return (
            "these weights standardise features by corpus; the corpus of the recordings is not known, so the mean and "
            "deviation of all training recordings together are used"
        )
    return ""


def notes_on_features(weights: Weights, front_end: FrontEnd[Any]) -> Iterator[str]:
    """Lines about versions that differ from those with which the features for training were computed.

    Raises:
        InputError: the front end reads other files than in training, such as another encoder under the same name.
    """
    then, now = dict(_leaves(weights.depends)), dict(_leaves(front_end.identity()))
    for name in sorted(then.keys() & now.keys()):
        if then[name] == now[name] or name.endswith("source"):
            continue
        if re.fullmatch(r"[0-9a-f]{64}", str(then[name])):
            raise InputError(
                f"the front end {front_end.options.kind} reads another {name} than in training (SHA-256 {now[name]} "
                f"now, {then[name]} in training), so predictions would mean nothing; put that file back"
            )
        yield f"features are computed with {name} {now[name]}, and were with {then[name]} in training"


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name} ")
        else:
            yield f"{above}{name}", value


def all_weight_files(models: Iterable[str], selection: Selection = "last") -> list[Path]:
    """The files of several models, patterns and folders, each file once."""
    return list(dict.fromkeys(path for model in models for path in weight_files(model, selection)))
