"""Stage `train@<model>`: train the runs of the model that are not in the store, then collect all its runs."""

import json
from pathlib import Path

from pipeline.core.files import write_text
from pipeline.core.settings import PARAMS, read_settings
from pipeline.core.stage import run_stage
from pipeline.core.tables import write_table
from pipeline.features.described import described_shape, front_end_identity, front_end_options
from pipeline.folds.params import headline_folds
from pipeline.runs.checking import refuse_mistakes_anywhere
from pipeline.runs.collecting import collect, trained_weights
from pipeline.runs.params import RunSections
from pipeline.runs.scheduler import fill_store, plan_all
from pipeline.runs.store import RunFolder
from pipeline.runs.tables import RUNS, apart_schema, history_schema, predictions_schema
from pipeline.runs.testing import scores_apart
from pipeline.runs.weights import save_weights
from pipeline.training.data import read_segments


def main(model: str) -> None:
    """Train and collect one model of params.yaml."""
    refuse_mistakes_anywhere()
    params = read_settings(PARAMS, RunSections)
    frontend = params.model(model).frontend
    specs = plan_all(params, [model])
    store = params.execution.store_folder
    trained = fill_store(specs, params, store).trained
    finished = [RunFolder(store, spec).load() for spec in specs]
    split = params.partition
    segments = {
        repeat: read_segments(params.corpora, folds=split.folds, repeat=repeat, plain=split.plain)
        for repeat in range(1, split.repeats + 1)
    }
    results = collect(model, finished, segments, params)
    write_table(results.runs, Path(f"results/runs/{model}.csv"), RUNS)
    write_table(results.history, Path(f"results/history/{model}.csv"), history_schema(dev=split.dev))
    write_table(results.predictions, Path(f"results/predictions/{model}.csv"), predictions_schema(params.classes))
    test = scores_apart(model, finished, segments, params.classes, headline_folds(split))
    write_table(test, Path(f"results/test/{model}.csv"), apart_schema(params.classes))
    write_text(Path(f"results/runs/{model}.json"), json.dumps(results.record, indent=2) + "\n")
    # DVC expects the folder even if every run diverged, so that there are no weights.
    Path(f"results/weights/{model}").mkdir(parents=True, exist_ok=True)
    shape = described_shape(frontend)
    options, depends = front_end_options(frontend), front_end_identity(frontend)
    for name, weights in trained_weights(finished, params, shape, options, depends, results.temperatures):
        save_weights(weights, Path(f"results/weights/{model}/{name}.safetensors"))
    diverged = sum(run.status == "diverged" for run in finished)
    print(f"{model}: {trained} runs trained, {len(specs) - trained} already in the store, {diverged} diverged")


if __name__ == "__main__":
    run_stage("train", main, __doc__, ("model", "a key under models in params.yaml"))
