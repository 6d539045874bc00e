"""Embeddings: Figures 4 to 6, and the numbers behind them."""

from __future__ import annotations

from pipeline.errors import explained
from studies.datasets.registry import load_images
from studies.embeddings import distance_curves, embed, embedding_runs, measure, summary
from studies.figures.embeddings import distance_shares, embedding_map, train_and_eval
from studies.params import load_params
from studies.training.runs import train_all, trained_network
from studies.writing import write_study


def main() -> None:
    """Write `studies/results/embeddings.csv` and its figures."""
    params = load_params()
    study = params.embeddings
    runs = embedding_runs(study)
    outcomes = train_all(list(runs.values()), params.execution, "embeddings")
    data = load_images(study.data)
    embedded, measures = {}, {}
    for (model, seed), run in runs.items():
        if outcomes[run].diverged_epoch is None:
            embedded[model, seed] = embed(trained_network(run, data), data, study.recipe.batch_size, seed)
            measures[model, seed] = measure(embedded[model, seed], outcomes[run].test_error)
        else:
            print(f"{model}, seed {seed}: diverged in epoch {outcomes[run].diverged_epoch}")
    first = {model: one for (model, seed), one in embedded.items() if seed == study.seeds[0]}
    drawings = [embedding_map(first, data.name), distance_shares(distance_curves(embedded), data.name)]
    drawings += [train_and_eval(one, model, data.name) for model, one in list(first.items())[-1:]]
    write_study("embeddings", summary(measures, study.seeds), drawings)


if __name__ == "__main__":
    with explained("embeddings"):
        main()
