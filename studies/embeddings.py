"""Figures 4, 5 and 6: two-dimensional embeddings of digits, with and without shaking (section 4.1)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.models.layouts import LAYOUTS
from pipeline.models.shaking import Shaking
from pipeline.training.device import resolve_device
from studies.datasets.images import Images
from studies.datasets.registry import load_images
from studies.embedding_measures import PAPER_RADIUS, RADII, Labels, Points, measure, share_within
from studies.networks.images import ImageResNeXt
from studies.params import EmbeddingsParams, ExecutionParams
from studies.statistics import over_seeds
from studies.training.checkpoints import checkpoint_path, load_checkpoint, saver
from studies.training.fit import SCORED_AT_ONCE, fit, score, start_fit

DIMENSIONS = 2
"""Channels of the last block, which are the embedding."""

MODELS: tuple[tuple[str, bool], ...] = (("PreAct", False), ("PreAct", True), ("PreActBN", False), ("PreActBN", True))
"""Layout, and whether it is shaken: the columns of Figure 4."""

SHARE = "share_within_0.3"

PUBLISHED = {("PreActBN, shaken", "train, eval mode", SHARE): 100.0}
"""Section 4.1: "almost 100%". The paper states no other number."""

Sample = Literal["train, train mode", "train, eval mode", "test, eval mode"]


@dataclass(frozen=True)
class EmbeddingSpec:
    """One run."""

    layout: str
    shaken: bool
    seed: int
    params: EmbeddingsParams
    execution: ExecutionParams

    @property
    def model(self) -> str:
        """For people: `PreActBN, shaken`."""
        return model_name(self.layout, self.shaken)

    def description(self) -> dict[str, Any]:
        """Everything that its numbers depend on, but the code."""
        params = self.params.model_dump(mode="json", exclude={"seeds"})
        return {"layout": self.layout, "shaken": self.shaken, "seed": self.seed, **params}


@dataclass(frozen=True)
class EmbeddingRun:
    """What a run came to: errors in percent, and embeddings, which are empty after a divergence.

    Attributes:
        spec: the run.
        status: whether losses stayed finite.
        train_error: of the training images in eval mode.
        test_error: of the test images in eval mode.
        points: (samples, 2) embeddings of each kind.
        labels: (samples,) classes of each kind.
    """

    spec: EmbeddingSpec
    status: Literal["done", "diverged"]
    train_error: float
    test_error: float
    points: dict[Sample, Points]
    labels: dict[Sample, Labels]


@dataclass(frozen=True)
class Claim:
    """What section 4.1 says of two models, as the sign of a difference.

    Attributes:
        text: the claim.
        first: the model said to have more (or, with sign -1, less) of it.
        second: the other.
        sample: which embeddings.
        measure: of what.
        sign: of first minus second, as claimed.
    """

    text: str
    first: str
    second: str
    sample: Sample
    measure: str
    sign: Literal[1, -1]


CLAIMS: tuple[Claim, ...] = (
    Claim("shaking PreAct degrades separability", "PreAct, shaken", "PreAct", "test, eval mode", "overlap", 1),
    Claim("shaking PreAct makes it err more", "PreAct, shaken", "PreAct", "test, eval mode", "error", 1),
    Claim("shaking PreAct disturbs its symmetry", "PreAct, shaken", "PreAct", "train, train mode", "symmetry", -1),
    Claim("PreActBN leaves more margin than PreAct", "PreActBN", "PreAct", "train, train mode", "margin", 1),
    Claim("PreActBN errs less than PreAct", "PreActBN", "PreAct", "test, eval mode", "error", -1),
    Claim("shaking PreActBN closes the margin", "PreActBN, shaken", "PreActBN", "train, train mode", "margin", -1),
    Claim("shaken, PreActBN overlaps less than PreAct", "PreActBN, shaken", "PreAct, shaken", "train, train mode",
          "overlap", -1),
    Claim("shaken, PreActBN is more symmetric than PreAct", "PreActBN, shaken", "PreAct, shaken", "train, train mode",
          "symmetry", 1),
    Claim("shaking PreActBN makes test classes compact", "PreActBN, shaken", "PreActBN", "test, eval mode", "spread",
          -1),
    Claim("shaking gathers training embeddings, PreAct", "PreAct, shaken", "PreAct", "train, eval mode", SHARE, 1),
    Claim("shaking gathers training embeddings, PreActBN", "PreActBN, shaken", "PreActBN", "train, eval mode", SHARE,
          1),
    Claim("shaking PreActBN makes it err less", "PreActBN, shaken", "PreActBN", "test, eval mode", "error", -1),
)  # fmt: skip


def model_name(layout: str, shaken: bool) -> str:
    """For people: `PreActBN, shaken`."""
    return f"{layout}, shaken" if shaken else layout


def specs(params: EmbeddingsParams, execution: ExecutionParams) -> list[EmbeddingSpec]:
    """All runs of the study."""
    return [
        EmbeddingSpec(layout, shaken, seed, params, execution) for seed in params.seeds for layout, shaken in MODELS
    ]


def build(spec: EmbeddingSpec, in_channels: int, num_classes: int) -> ImageResNeXt:
    """ResNeXt(20, 2x4d) with two channels in its last block, or as the params say; PyTorch's initialisation."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return ImageResNeXt(
            LAYOUTS[spec.layout],
            in_channels=in_channels,
            stem=spec.params.stem,
            widths=[*spec.params.widths[:-1], (*spec.params.widths[-1], DIMENSIONS)],
            num_classes=num_classes,
            shaking=Shaking() if spec.shaken else None,
        )


def train_one(spec: EmbeddingSpec) -> EmbeddingRun:
    """Train a run, or take it from its checkpoint, and extract its embeddings."""
    device = resolve_device(spec.execution.device)
    data = load_images(spec.params.data)
    train, test = data.train.to(device), data.test.to(device)
    recipe = spec.params.recipe
    network = build(spec, data.image_shape[0], data.num_classes)
    state = start_fit(network, recipe, spec.seed, device)
    path = checkpoint_path("embeddings", spec.description())
    load_checkpoint(state, path)
    fit(state, train, test, recipe, after_epoch=saver(path, recipe.epochs, spec.execution.checkpoint_seconds))
    if state.status == "diverged":
        return EmbeddingRun(spec, "diverged", np.nan, np.nan, {}, {})
    points: dict[Sample, Points] = {
        "train, train mode": train_mode_embeddings(network, train, recipe.batch_size, spec.seed),
        "train, eval mode": eval_mode_embeddings(network, train),
        "test, eval mode": eval_mode_embeddings(network, test),
    }
    labels = {sample: _numpy((test if sample.startswith("test") else train).labels) for sample in points}
    return EmbeddingRun(spec, "done", score(network, train)[1], state.test_error, points, labels)


def eval_mode_embeddings(network: ImageResNeXt, images: Images) -> Points:
    """(images, 2): running statistics, every branch with the same weight."""
    network.eval()
    with torch.no_grad():
        parts = [network.embed(pixels) for pixels in torch.split(images.pixels, SCORED_AT_ONCE)]
    return _numpy(torch.cat(parts)).astype(np.float64)


def train_mode_embeddings(network: ImageResNeXt, images: Images, batch_size: int, seed: int) -> Points:
    """(images, 2): shaken, with the statistics of random batches; the network is left as it was.

    Args:
        network: a trained one.
        images: what is embedded.
        batch_size: images that are normalised together, as in training.
        seed: of batches and shaking.
    """
    network = copy.deepcopy(network).train()
    device = images.pixels.device
    noise = torch.Generator(device=device).manual_seed(seed)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed)).to(device)
    batches = torch.tensor_split(order, max(1, len(order) // batch_size))
    embedded = torch.empty(len(images), network.affine.in_features, device=device)
    with torch.no_grad():
        for batch in batches:
            embedded[batch] = network.embed(images.pixels[batch], noise)
    return _numpy(embedded).astype(np.float64)


def run_measures(run: EmbeddingRun) -> pd.DataFrame:
    """Every number of a run: columns `model`, `seed`, `sample`, `measure`, `value`; none after a divergence."""
    rows: list[tuple[str, str, float]] = []
    for sample, points in run.points.items():
        rows += [(sample, name, value) for name, value in measure(points, run.labels[sample]).items()]
    rows.append(("training", "diverged", float(run.status == "diverged")))
    if run.points:
        rows += [("train, eval mode", "error", run.train_error), ("test, eval mode", "error", run.test_error)]
        rows.append(("train, eval mode", SHARE, float(curve(run, np.array([PAPER_RADIUS]))[0])))
    table = pd.DataFrame(rows, columns=["sample", "measure", "value"])
    table.insert(0, "seed", run.spec.seed)
    table.insert(0, "model", run.spec.model)
    return table


def curve(run: EmbeddingRun, radii: NDArray[np.float64] = RADII) -> NDArray[np.float64]:
    """A run's curve of Figure 6, percent."""
    return share_within(
        run.points["train, eval mode"], run.points["train, train mode"], run.labels["train, eval mode"], radii
    )


def summary(measures: pd.DataFrame) -> pd.DataFrame:
    """`embeddings.csv`: mean and 95 % interval over seeds of every number, and what the paper says of it.

    Args:
        measures: rows of `run_measures` of all runs.
    """
    rows = []
    for (model, sample, name), group in measures.groupby(["model", "sample", "measure"], sort=False):
        interval = over_seeds(group["value"])
        published = PUBLISHED.get((str(model), str(sample), str(name)), np.nan)
        rows.append((model, sample, name, len(group), interval.mean, interval.low, interval.high, published))
    columns = ["model", "sample", "measure", "seeds", "value", "ci_low", "ci_high", "published_value"]
    return pd.DataFrame(rows, columns=columns)


def claims(measures: pd.DataFrame, listed: Sequence[Claim] = CLAIMS) -> pd.DataFrame:
    """`embeddings_claims.csv`: every claim as a difference, paired by seed, with its 95 % interval and a verdict.

    `shows` and `reversed` are intervals on one side of 0, `undecided` one that holds it.
    """
    values = measures.set_index(["model", "sample", "measure", "seed"])["value"].sort_index()
    rows = []
    for claim in listed:
        try:
            pair = [values.loc[(model, claim.sample, claim.measure)] for model in (claim.first, claim.second)]
            difference = (pair[0] - pair[1]).dropna()
        except KeyError:  # every run of one of them diverged
            difference = pd.Series(dtype=np.float64)
        interval = over_seeds(difference)
        expected = "more" if claim.sign > 0 else "less"
        rows.append((claim.text, claim.first, claim.second, claim.sample, claim.measure, expected, len(difference),
                     interval.mean, interval.low, interval.high, interval.verdict(claim.sign)))  # fmt: skip
    columns = ["claim", "first", "second", "sample", "measure", "expected", "seeds", "difference", "ci_low", "ci_high",
               "verdict"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _numpy(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.cpu().numpy()
    return array
