"""Stage `train@<model>`: train the model's runs that the store lacks, then collect all of them."""

import argparse
import json
from pathlib import Path

from pipeline.core.errors import explained
from pipeline.core.files import write_text
from pipeline.core.tables import HISTORY, RUNS, predictions_schema, write_table
from pipeline.params import load_params
from pipeline.runs.collecting import collect, trained_weights
from pipeline.runs.identity import data_hash
from pipeline.runs.scheduler import fill_store, plan
from pipeline.runs.store import STORE, RunFolder
from pipeline.runs.weights import save_weights
from pipeline.training.data import read_segments


def main(model: str) -> None:
    """Train and collect one model of params.yaml."""
    params = load_params()
    specs = plan(params, model, data_hash(Path("data/inputs.json"), Path("data/folds.csv")))
    trained = fill_store(specs, params, STORE).trained
    finished = [RunFolder(STORE, spec).load() for spec in specs]
    results = collect(model, finished, read_segments(params), params)
    write_table(results.runs, Path(f"results/runs/{model}.csv"), RUNS)
    write_table(results.history, Path(f"results/history/{model}.csv"), HISTORY)
    write_table(results.predictions, Path(f"results/predictions/{model}.csv"), predictions_schema(params.classes))
    write_text(Path(f"results/runs/{model}.json"), json.dumps(results.record, indent=2) + "\n")
    # DVC expects the folder even when every run diverged and left no weights.
    Path(f"results/weights/{model}").mkdir(parents=True, exist_ok=True)
    for name, weights in trained_weights(finished, params):
        save_weights(weights, Path(f"results/weights/{model}/{name}.safetensors"))
    diverged = sum(run.status == "diverged" for run in finished)
    print(f"{model}: {trained} runs trained, {len(specs) - trained} already in the store, {diverged} diverged")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a key under models in params.yaml")
    key = parser.parse_args().model
    with explained(f"train@{key}"):
        main(key)
