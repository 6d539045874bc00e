"""Stage `compare`: measures of the configured models, and tests between them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core.selections import PREDICTED
from pipeline.core.settings import PARAMS, read_settings
from pipeline.core.stage import run_stage
from pipeline.core.tables import SEGMENTS, read_table, write_table
from pipeline.evaluation.bootstrap import count_by_actor
from pipeline.evaluation.calibration import reliability
from pipeline.evaluation.comparison import compare
from pipeline.evaluation.cross_corpus import cross_corpus, lacking_in_training
from pipeline.evaluation.division import division
from pipeline.evaluation.genders import gender_gaps
from pipeline.evaluation.hypotheses import all_hypotheses
from pipeline.evaluation.intervals import accuracy_intervals
from pipeline.evaluation.loading import (
    check_one_experiment,
    headline,
    load_details,
    load_predictions,
    load_runs,
    temperatures_of,
)
from pipeline.evaluation.measures import measure
from pipeline.evaluation.params import ComparisonSections
from pipeline.evaluation.pooled import pooled
from pipeline.evaluation.tables import CALIBRATION, CELLS, COMPARISONS, GENDERS, INTERVALS, POOLED, measures_schema
from pipeline.evaluation.utterances import utterance_runs
from pipeline.folds.params import trained_on
from pipeline.folds.record import read_record
from pipeline.runs.calibration import calibrated


def main() -> None:
    """Write to `results/` comparisons, measures, calibration, intervals, pooled UA, women and men, and corpora."""
    params = read_settings(PARAMS, ComparisonSections)
    runs = headline(load_runs(Path("results/runs"), params.models), params.partition)
    details = load_details(Path("results/runs"), params.models)
    check_one_experiment(details, Path("results/runs"))
    segments = pd.concat([read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS) for corpus in params.corpora])
    everything = load_predictions(Path("results/predictions"), params.models, params.classes, segments, params.sources)
    predictions = {model: headline(table, params.partition) for model, table in everything.items()}
    counts = {
        (model, selection): count_by_actor(table[table["selection"] == selection], params.classes)
        for model, table in predictions.items()
        for selection in PREDICTED
    }
    hypotheses = all_hypotheses(params.report.tables)
    folds, rope = division(Path("data/parts.csv"), params.partition), params.report.rope
    comparisons = compare(runs, hypotheses, folds, rope, counts)
    write_table(comparisons, Path("results/comparisons.csv"), COMPARISONS)
    utterances, utterance_counts = utterance_runs(runs, predictions, params.classes)
    by_utterance = compare(
        utterances, hypotheses, folds, rope, utterance_counts, metrics=("valid_ua",), selections=PREDICTED
    )
    write_table(by_utterance, Path("results/comparisons_by_utterance.csv"), COMPARISONS)
    write_table(gender_gaps(predictions, params.classes), Path("results/genders.csv"), GENDERS)
    scaled = {
        model: calibrated(table, params.classes, temperatures_of(details, model))
        for model, table in predictions.items()
    }
    measures = measure(predictions, scaled, params.classes)
    write_table(measures, Path("results/measures.csv"), measures_schema(params.classes))
    write_table(pooled(predictions, params.classes), Path("results/pooled.csv"), POOLED)
    write_table(reliability(predictions, scaled, params.classes), Path("results/calibration.csv"), CALIBRATION)
    write_table(accuracy_intervals(predictions, params.classes), Path("results/intervals.csv"), INTERVALS)
    trainings = trained_on(list(params.corpora), params.partition)
    lacking = lacking_in_training(read_record(Path("data/partition.json")).missing) if trainings else {}
    cells = cross_corpus(everything, params.classes, trainings, lacking)
    write_table(cells, Path("results/cross_corpus.csv"), CELLS)
    tested = int(comparisons["p"].notna().sum())
    print(f"compare: {runs['model'].nunique()} models, {tested} of {len(comparisons)} tests made")


if __name__ == "__main__":
    run_stage("compare", main, __doc__)
