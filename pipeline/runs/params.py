"""The sections of params.yaml that runs are made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, StringConstraints, model_validator

from pipeline.core.features import Shape
from pipeline.core.settings import (
    Classes,
    Count,
    Key,
    Sections,
    Strict,
    Text,
    Variants,
    class_mistakes,
    entry_of,
    merged,
    repeated,
)
from pipeline.features.params import SegmentParams
from pipeline.folds.params import PartitionParams, partition_mistakes, with_folds
from pipeline.models.family import Design, Family
from pipeline.models.options import FeatureParams, ModelParams, NetworkParams
from pipeline.models.registry import family
from pipeline.training.params import BY_EPOCHS, Reading, TrainParams, Where

LONGEST_CONTEXT = 512
"""Most spectrogram frames in a model frame, since memory in use grows with them; the paper has 16."""

SHARED_BY_ALL = ("seeds", "folds")
"""Keys of `train` by which models are compared, so no model has values of its own for them."""


class ExecutionParams(Strict):
    """Where and how runs are executed; it has no effect on what they compute.

    Attributes:
        engine: whether workers are processes of this machine, or of a Ray cluster.
        device: device of the runs; `auto`: a GPU if there is one.
        workers: number of runs at once.
        features: place of the features in training.
        devices_per_run: number of devices that share a run.
        checkpoint_seconds: least seconds between two checkpoints of a run.
        store: folder of the run store. An absolute path serves several copies of a project, such as those that
            `dvc exp run --temp` makes.
    """

    engine: Literal["local", "ray"] = "local"
    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = "auto"
    workers: Count | Literal["auto"] = "auto"
    features: Where = "auto"
    devices_per_run: Count = 1
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0
    store: Text = ".runs"

    @property
    def store_folder(self) -> Path:
        """The run store; `~` is the home folder."""
        return Path(self.store).expanduser()


AnyModel = Annotated[
    SerializeAsAny[ModelParams], Variants("family", lambda name: family(name).options, default="resnext")
]
"""An entry of `models` as the class of its family."""


class RunSections(Sections):
    """Everything that runs depend on; only the keys of corpora and front ends."""

    classes: Classes
    corpora: dict[Key, Any]
    segment: SegmentParams
    features: FeatureParams
    partition: PartitionParams
    network: NetworkParams
    models: Annotated[dict[Key, AnyModel], Field(min_length=1)]
    train: TrainParams
    execution: ExecutionParams = ExecutionParams()

    _with_folds = model_validator(mode="before")(with_folds)

    def model(self, key: str) -> ModelParams:
        """A configured model.

        Raises:
            InputError: there is no such model.
        """
        return entry_of(self.models, key, "model")

    def family_of(self, key: str) -> Family:
        """The family of a configured model."""
        return family(self.model(key).family)

    def train_of(self, key: str) -> TrainParams:
        """The section `train` with a model's own values."""
        return merged(self.train, self.model(key).train, "train")

    def design_of(self, key: str, shape: Shape) -> Design:
        """Everything that a model is built from; `shape` is that of its features."""
        model = self.model(key)
        return Design(
            model,
            merged(self.network, model.network, "network"),
            merged(self.features, model.features, "features"),
            len(self.classes),
            shape,
        )

    def reading_of(self, key: str) -> Reading:
        """The form in which a model reads the data: spliced frames, or rows as the front end gives them.

        A family that is not trained by epochs reads features as they are on disk, whatever `train.precision`; and so
        does a model that standardises them, which rounds them afterwards.
        """
        model, kind = self.model(key), self.family_of(key)
        features = merged(self.features, model.features, "features")
        splicing = (features.left, features.right, features.every) if kind.reads == "spliced" else (0, 0, 1)
        as_they_are = not kind.by_epochs or getattr(model, "standardise", "none") != "none"
        precision = "fp32" if as_they_are else self.train_of(key).precision
        variants = self.train_of(key).variants if kind.by_epochs else ()
        return Reading(model.frontend, *splicing, precision, framewise=kind.reads != "rows", variants=variants)

    def mistakes(self) -> list[str]:
        """See `Sections`."""
        lines = [
            *class_mistakes(self.classes),
            *partition_mistakes(self.partition, list(self.corpora)),
            *repeated("train.seeds", self.train.seeds),
            *repeated("train.folds", self.train.folds),
        ]
        if wrong := [fold for fold in self.train.folds if fold > self.partition.folds]:
            lines.append(f"train.folds: {wrong} beyond partition.folds = {self.partition.folds}")
        lines += [line for key in self.models for line in self._model_mistakes(key)]
        # A mistake in what all models share is listed once.
        return list(dict.fromkeys(lines))

    def _recipe_mistakes(self, place: str, model: ModelParams, train: TrainParams) -> Iterator[str]:
        """Options of training that have no effect on a model."""
        kind = family(model.family)
        if not kind.by_epochs:
            for name in sorted({"epochs", *BY_EPOCHS} & set(model.train or {})):
                yield (
                    f"{place}.train.{name}: the family {model.family} is not trained by epochs, so it has no effect; "
                    "remove it"
                )
            return
        where = f"{place}.train" if model.train else "train"
        if kind.reads == "rows" and train.augment is not None and train.augment.time_masks:
            yield (
                f"{place}: train.augment.time_masks is {train.augment.time_masks}, and the family {model.family} reads "
                f"one row a segment, which has no time; give the model train: {{augment: null}} or time_masks 0"
            )
        if train.early_stopping is not None and not self.partition.dev:
            yield (
                f"{where}.early_stopping: it needs a fold to choose by that is neither trained nor validated on; set "
                "partition.dev: true"
            )
        if train.loss == "focal" and getattr(model, "mixup", None) is not None:
            yield f"{place}.mixup: its segments have two classes, and {where}.loss is focal; expected cross_entropy"

    def _model_mistakes(self, key: str) -> Iterator[str]:
        """Conflicts between the options of one model and the sections."""
        place, model = f"models.{key}", self.models[key]
        try:
            design, train = self.design_of(key, Shape(dims=1)), self.train_of(key)
        except ValueError as error:
            yield from (f"{place}.{line}" for line in str(error).split("\n"))
            return
        for name in SHARED_BY_ALL:
            if name in (model.train or {}):
                yield (
                    f"{place}.train.{name}: models are compared by {name}, so all have those of the section train; "
                    "remove it"
                )
        yield from self._recipe_mistakes(place, model, train)
        if model.network and not self.family_of(key).network:
            yield f"{place}.network: the family {model.family} is not built from the section network; remove it"
        if "cmvn" in (model.features or {}):
            yield (
                f"{place}.features.cmvn: normalisation is part of the front end; give frontends an entry such as "
                "other: {kind: spectrogram, cmvn: utterance} and set the model's frontend to it"
            )
        if self.family_of(key).reads == "spliced" and design.features.context > LONGEST_CONTEXT:
            yield (
                f"{place if model.features else ''}{'.' if model.features else ''}features: left + 1 + right gives "
                f"model frames of {design.features.context} spectrogram frames; expected at most {LONGEST_CONTEXT}"
            )
        for line in self.family_of(key).mistakes(design, train.batch_segments, self.execution.devices_per_run):
            shared = line.startswith(("network.", "features.")) and not (model.network or model.features)
            yield line if shared else f"{place}.{line}"
