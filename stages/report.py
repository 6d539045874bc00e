"""Stage `report`: the results as the paper's tables, the user's own tables, and one page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipeline.core.files import write_text
from pipeline.core.stage import run_stage
from pipeline.core.tables import read_table
from pipeline.evaluation.loading import load_results, load_tests
from pipeline.evaluation.tables import CELLS, COMPARISONS, GENDERS, POOLED, measures_schema
from pipeline.folds.record import read_record
from pipeline.params import load_params
from pipeline.reporting.metrics import metrics_text
from pipeline.reporting.page.inputs import load_figures, load_hashes
from pipeline.reporting.page.page import render_page
from pipeline.reporting.split import split_notes, split_words
from pipeline.reporting.structures import network_structures
from pipeline.reporting.tables.registry import build_tables, write_tables


def main() -> None:
    """Write `results/tables/`, `results/metrics.json` and `results/report.html`."""
    params = load_params()
    results = load_results(params, Path("data"), Path("results"))
    split = read_record(Path("data/partition.json"))
    results = replace(
        results,
        structures=network_structures(params),
        utterances=read_table(Path("results/comparisons_by_utterance.csv"), COMPARISONS),
        genders=read_table(Path("results/genders.csv"), GENDERS),
        measures=read_table(Path("results/measures.csv"), measures_schema(params.classes)),
        test_scores=load_tests(Path("results/test"), params),
        pooled=read_table(Path("results/pooled.csv"), POOLED),
        cells=read_table(Path("results/cross_corpus.csv"), CELLS),
        split_notes=(*split_words(params.partition), *split_notes(split)),
        incomplete_folds=split.incomplete,
    )
    tables = build_tables(results)
    write_tables(tables, Path("results/tables"))
    write_text(Path("results/metrics.json"), metrics_text(results))
    hashes = load_hashes(Path("data/inputs.json"), Path("data/folds.csv"), params)
    page = render_page(results, tables, load_figures(Path("results/figures")), hashes)
    write_text(Path("results/report.html"), page)
    print(f"report: {len(tables)} tables of {len(results.trained)} models in results/tables, results/report.html")


if __name__ == "__main__":
    run_stage("report", main, __doc__)
