"""A front end with one row a segment, its features on disk, and training sets of such rows."""

from __future__ import annotations

import json
from contextlib import chdir
from pathlib import Path

import numpy as np
import torch

from pipeline.core.features import Matrix, Shape, Utterance
from pipeline.core.tables import SEGMENTS, read_table
from pipeline.features.archive import ArchiveWriter
from pipeline.frontends.base import FrontEnd, FrontEndOptions
from pipeline.models.base import Batch, Classifier, TrainingSet
from pipeline.models.family import Design
from pipeline.models.options import FeatureParams, NetworkParams
from pipeline.models.registry import family
from pipeline.training.batches import SegmentBank, make_bank
from pipeline.training.speech import class_weights, gathered_batch
from pipeline.training.standardising import group_statistics
from tests.helpers.experiment import ACTORS, CLASSES, VALUES, note_inputs

DIMS = 7


class Levels(FrontEnd[FrontEndOptions]):
    """Percentiles of the samples of a segment."""

    options_class = FrontEndOptions
    framewise = False
    dims = DIMS

    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """See `FrontEnd.matrices`."""
        cuts = [utterance.samples[160 * start : 160 * (start + length)] for start, length in utterance.bounds]
        return [np.percentile(cut, np.linspace(5, 95, DIMS))[None].astype(np.float32) for cut in cuts]


FRONT_END = Levels


def write_rows(root: Path, key: str = "levels", seed: int = 0) -> None:
    """Add the features of a front end of one row to what `write_experiment` wrote: noise that tells the emotion."""
    source = np.random.default_rng(seed)
    centres = 0.7 * source.standard_normal((len(CLASSES), DIMS))
    features = Path(f"data/features/{key}")
    for corpus in ACTORS:
        segments = read_table(root / f"data/segments/{corpus}.csv", SEGMENTS)
        with chdir(root), ArchiveWriter(features / f"{corpus}.ark", features / f"{corpus}.scp") as archive:
            for row in segments.itertuples():
                values = 40 + 9 * (centres[CLASSES.index(str(row.emotion))] + source.standard_normal(DIMS))
                archive.write(str(row.segment), values[None].astype(np.float32))
    note_inputs(root)
    description = {"options": {"kind": key}, "shape": {"dims": DIMS, "framewise": False}}
    (root / f"data/frontends/{key}.json").write_text(json.dumps(description))


def design_of(name: str, dims: int, classes: int, **options: object) -> Design:
    """A design of a family with these options of the model."""
    model = family(name).options.model_validate({"label": "X", "family": name, **options})
    return Design(
        model,
        NetworkParams.model_validate(VALUES["network"]),
        FeatureParams.model_validate(VALUES["features"]),
        classes,
        Shape(dims=dims, framewise=False),
    )


def bank_of(values: np.ndarray, labels: np.ndarray) -> SegmentBank:
    """A bank of rows."""
    return make_bank(
        list(values[:, None].astype(np.float32)), labels.tolist(), left=0, right=0, every=1, device=torch.device("cpu")
    )


def fitted(
    name: str, bank: SegmentBank, actors: np.ndarray, train: np.ndarray, seed: int = 0, **options: object
) -> tuple[Classifier, dict[str, float]]:
    """A classifier fitted as a run does it, and what it chose."""
    classes = int(bank.emotions.max()) + 1
    network = family(name).classifier(design_of(name, bank.dims, classes, **options), seed)
    positions = torch.from_numpy(train)
    if network.standardisation is not None:
        network.standardisation.set_statistics(*group_statistics(bank, positions, network.standardisation.by))
    batch: Batch = gathered_batch(network, bank, positions)
    weights = class_weights(bank.emotions[positions], classes)
    chosen = network.fit(TrainingSet(batch, weights, torch.from_numpy(actors[train]), seed))
    return network.eval(), dict(chosen)


def scores_of(network: Classifier, bank: SegmentBank, positions: np.ndarray) -> np.ndarray:
    """(segments, classes) scores."""
    with torch.no_grad():
        return network.scores(gathered_batch(network, bank, torch.from_numpy(positions))).numpy()


def voices(
    segments: int = 240, dims: int = 12, classes: int = 4, actors: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random (segments, dims) float32 features of very different scales, their classes and their actors."""
    source = np.random.default_rng(seed)
    labels, actor = source.integers(0, classes, segments), source.integers(0, actors, segments)
    centres, habits = source.standard_normal((classes, dims)), source.standard_normal((actors, dims))
    values = 0.5 * centres[labels] + 0.5 * habits[actor] + source.standard_normal((segments, dims))
    return (values * 10.0 ** source.integers(-2, 4, dims) + 3).astype(np.float32), labels, actor
