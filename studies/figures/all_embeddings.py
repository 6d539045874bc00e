"""Which figures of the embeddings there are."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.figures.drawing import Drawing
from studies.embeddings import MODELS, EmbeddingRun, Sample, curve, model_name
from studies.figures.embeddings import Panel, embedding_panels, share_curves


def embedding_drawings(runs: Sequence[EmbeddingRun]) -> list[Drawing]:
    """Figures 4 and 5 of the first seed, and Figure 6 of all."""
    names = [model_name(*model) for model in MODELS]
    first = {run.spec.model: run for run in reversed(runs)}

    def panel(model: str, sample: Sample, title: str) -> Panel | None:
        run = first.get(model)
        return (title, run.points[sample], run.labels[sample]) if run is not None and run.points else None

    seed = runs[0].spec.seed
    shaken = names[-1]
    return [
        embedding_panels(
            "embeddings_layouts",
            "Embeddings by layout and shaking (Figure 4)",
            "Above, training samples in train mode (shaken where the model is, with the statistics of a batch); below, "
            f"test samples in eval mode. Each sample is drawn as its digit; up to 40 of a class, seed {seed}.",
            [
                [panel(name, "train, train mode", f"{name}: train") for name in names],
                [panel(name, "test, eval mode", f"{name}: test") for name in names],
            ],
        ),
        embedding_panels(
            "embeddings_modes",
            f"The same training samples in train and in eval mode: {shaken} (Figure 5)",
            f"Shaking spreads the samples that lie close together without it. Up to 40 of a class, seed {seed}; each "
            "panel has its own scale.",
            [[panel(shaken, "train, train mode", "train mode"), panel(shaken, "train, eval mode", "eval mode")]],
        ),
        share_curves({
            name: [curve(run) for run in runs if run.spec.model == name and run.points] for name in names
        }),
    ]  # fmt: skip
