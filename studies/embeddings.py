"""What two-dimensional embeddings look like with and without normalisation and shaking (Figures 4, 5 and 6).

The last block has two channels, so what enters the affine layer can be drawn. Three pictures of a trained network
count: training images in train mode (shaken, normalised with their batch's statistics, nothing updated), the same in
evaluation mode, and test images in evaluation mode.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from pipeline.models.layouts import LAYOUTS
from pipeline.models.shaking import Shaking
from studies.datasets.images import ImageSet
from studies.networks.images import ImageResNeXt
from studies.params import EmbeddingsParams
from studies.summaries import mean_interval
from studies.training.runs import ImageNetwork, ImageRun

MODELS: Mapping[str, tuple[str, bool]] = {
    "PreAct": ("PreAct", False),
    "PreAct + shaking": ("PreAct", True),
    "PreActBN": ("PreActBN", False),
    "PreActBN + shaking": ("PreActBN", True),
}
"""The columns of Figure 4: layout, and whether its branches are shaken."""

CONTRASTS = (
    ("PreAct + shaking", "PreAct"),
    ("PreActBN + shaking", "PreActBN"),
    ("PreActBN + shaking", "PreAct + shaking"),
)
"""Pairs whose difference is told with an interval, the first minus the second."""

WITHIN = 0.3
"""The distance that the paper reads Figure 6 at."""

CURVE = np.linspace(0, 1, 51)
"""Relative distances that Figure 6 is drawn at."""

MEASURES = {
    "test_error": "test error, percent",
    "symmetry": "1 when the class centres balance around the origin, 0 when all lie on one side of it",
    "largest_angle": "degrees between neighbouring class centres at their widest; 36 where ten are even",
    "spread_train": "distance to the own class centre over that to the nearest other one, train mode, mean",
    "spread_test": "the same of test images",
    "overlap_train": "percent of training images in train mode that lie nearer to another class's centre",
    "overlap_test": "percent of test images that do",
    "share_within": f"percent of training images within {WITHIN} of the largest distance of their class (Figure 6)",
}

PUBLISHED_SHARE_WITHIN = {"PreActBN + shaking": 100.0}
"""Section 4.1 says "almost 100 %"; the other curves are drawn, and not told in numbers."""


@dataclass(frozen=True)
class Embedded:
    """Embeddings of one trained network, each (images, 2), and the labels (images,)."""

    train_mode: np.ndarray
    eval_mode: np.ndarray
    labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def embedding_runs(params: EmbeddingsParams) -> dict[tuple[str, int], ImageRun]:
    """What has to be trained, by model and seed."""
    *others, last = (tuple(stage) for stage in params.network.widths)
    widths = (*others, (*last[:-1], 2))
    runs = {}
    for model, (layout, shaken) in MODELS.items():
        network = ImageNetwork(
            LAYOUTS[layout], params.network.width, widths, shaking=Shaking() if shaken else None,
            # What the paper leaves open is as in its speech models: plain shortcuts, no bias in the affine layer; and
            # no ReLU before the pooling, so that embeddings can lie on all sides of the origin, as in Figure 4.
            shortcut="projection", stem_norm=False, final_relu=False, affine_bias=False,
        )  # fmt: skip
        for seed in params.seeds:
            runs[model, seed] = ImageRun("embeddings", params.data, network, params.recipe, seed)
    return runs


def embed(network: ImageResNeXt, data: ImageSet, batch: int, seed: int) -> Embedded:
    """The three pictures of a network, which stays as it is; `batch` is the size of the batches of train mode."""
    network.eval()
    train, test = data.train.pixels, data.test.pixels
    with torch.no_grad():
        quiet = torch.cat([network.embed(part) for part in torch.split(train, batch)])
        unseen = torch.cat([network.embed(part) for part in torch.split(test, batch)])
        # A copy: train mode would move the running statistics.
        shaken = copy.deepcopy(network).train()
        noise = torch.Generator().manual_seed(seed)
        loud = torch.empty_like(quiet)
        # All of about one size: a last batch of few images would be normalised by other statistics than the rest.
        for part in torch.randperm(len(train), generator=noise).tensor_split(max(1, len(train) // batch)):
            loud[part] = shaken.embed(train[part], noise)
    labels, test_labels = data.train.labels.numpy(), data.test.labels.numpy()
    return Embedded(loud.numpy(), quiet.numpy(), labels, unseen.numpy(), test_labels)


def centres(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Mean of each class, (classes, 2)."""
    return np.stack([points[labels == label].mean(axis=0) for label in np.unique(labels)])


def symmetry(middles: np.ndarray) -> float:
    """1 minus the length of the centres' mean over their mean length."""
    return float(1 - np.linalg.norm(middles.mean(axis=0)) / np.linalg.norm(middles, axis=1).mean())


def largest_angle(middles: np.ndarray) -> float:
    """Largest angle between neighbours of the centres as seen from the origin, degrees."""
    angles = np.sort(np.degrees(np.arctan2(middles[:, 1], middles[:, 0])))
    return float(np.diff(angles, append=angles[0] + 360).max())


def spread_and_overlap(points: np.ndarray, labels: np.ndarray, middles: np.ndarray) -> tuple[float, float]:
    """Mean ratio of the distance to the own centre to that to the nearest other, and the percent where it exceeds 1."""
    distances = np.linalg.norm(points[:, None] - middles[None], axis=2)
    index = np.arange(len(points))
    own = distances[index, labels]
    distances[index, labels] = np.inf
    ratios = own / distances.min(axis=1)
    return float(ratios.mean()), float(100 * (ratios > 1).mean())


def relative_distances(embedded: Embedded) -> np.ndarray:
    """Figure 6: distances of the training images in evaluation mode to their class's centre.

    Relative to the largest distance that an image of the class has from it in train mode.
    """
    middles = centres(embedded.eval_mode, embedded.labels)[embedded.labels]
    quiet = np.linalg.norm(embedded.eval_mode - middles, axis=1)
    loud = np.linalg.norm(embedded.train_mode - middles, axis=1)
    largest = np.array([loud[embedded.labels == label].max() for label in np.unique(embedded.labels)])
    return np.asarray(quiet / largest[embedded.labels])


def measure(embedded: Embedded, test_error: float) -> dict[str, float]:
    """The numbers behind the figures, by the names of `MEASURES`."""
    middles = centres(embedded.eval_mode, embedded.labels)
    spread_train, overlap_train = spread_and_overlap(embedded.train_mode, embedded.labels, middles)
    spread_test, overlap_test = spread_and_overlap(embedded.test, embedded.test_labels, middles)
    return {
        "test_error": test_error,
        "symmetry": symmetry(middles),
        "largest_angle": largest_angle(middles),
        "spread_train": spread_train,
        "spread_test": spread_test,
        "overlap_train": overlap_train,
        "overlap_test": overlap_test,
        "share_within": float(100 * (relative_distances(embedded) <= WITHIN).mean()),
    }


def distance_curves(embedded: Mapping[tuple[str, int], Embedded]) -> pd.DataFrame:
    """Figure 6 in numbers: percent of images within each relative distance, by model, mean over seeds."""
    rows = [
        (model, seed, distance, float(100 * (relative <= distance).mean()))
        for (model, seed), one in embedded.items()
        for relative in (relative_distances(one),)
        for distance in CURVE
    ]
    table = pd.DataFrame(rows, columns=["model", "seed", "distance", "share"])
    return table.groupby(["model", "distance"], sort=False)["share"].mean().reset_index()


def summary(measures: Mapping[tuple[str, int], Mapping[str, float]], seeds: Sequence[int]) -> pd.DataFrame:
    """Rows of `embeddings.csv`: each measure of each model, and of each contrast, with its 95 % interval over seeds.

    Seeds at which a network diverged are not among `measures`, and not counted.
    """
    return pd.DataFrame(
        _summary_rows(measures, seeds),
        columns=["model", "measure", "seeds", "mean", "ci_low", "ci_high", "published"],
    )


def _summary_rows(
    measures: Mapping[tuple[str, int], Mapping[str, float]], seeds: Sequence[int]
) -> Iterator[tuple[object, ...]]:
    nothing = dict.fromkeys(MEASURES, math.nan)
    for name in MEASURES:
        values = {model: [measures.get((model, seed), nothing)[name] for seed in seeds] for model in MODELS}
        for model in MODELS:
            published = PUBLISHED_SHARE_WITHIN.get(model) if name == "share_within" else None
            yield (model, name, *_counted_interval(values[model]), published)
        for first, second in CONTRASTS:
            differences = [a - b for a, b in zip(values[first], values[second], strict=True)]
            yield (f"{first} - {second}", name, *_counted_interval(differences), None)


def _counted_interval(values: Sequence[float]) -> tuple[int, float, float, float]:
    return sum(not math.isnan(value) for value in values), *mean_interval(values)
