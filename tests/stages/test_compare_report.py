"""The three last stages as they are run: `python -m stages.<name>` where `params.yaml` lies."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.tables import FOLDS, SEGMENTS, read_table, write_table
from pipeline.evaluation.tables import COMPARISONS
from pipeline.features.archive import ArchiveWriter
from pipeline.figures.spectrogram import choose_recording
from pipeline.runs.tables import HISTORY, RUNS
from tests.helpers.drawn import history_of
from tests.helpers.reports import folds_of, params_with, results_of, runs_of, segments_of
from tests.helpers.warm_python import run_stage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What training leaves: two models of the params, one that was removed, and one not yet trained."""
    params = params_with()
    (tmp_path / "params.yaml").write_text(params.model_dump_json(), encoding="utf-8")  # JSON is YAML
    for name, ua in (("PreAct", 61), ("PreAct-Full", 64), ("Removed", 99)):
        write_table(runs_of(name, ua, 5, params, seed=int(ua)), tmp_path / f"results/runs/{name}.csv", RUNS)
        runs = [{"fold": 1, "seed": 1, "device": "cpu", "precision": "fp32",
                 "versions": {"torch": "2.11.0"}, "data": "d", "source": "s", "identity": "i",
                 "family": "resnext", "frontend": "spectrogram"}]  # fmt: skip
        sidecar = tmp_path / f"results/runs/{name}.json"
        sidecar.write_text(json.dumps({"model": name, "runs": runs}), encoding="utf-8")
    segments = segments_of(params)
    for corpus in params.corpora:
        path = tmp_path / f"data/segments/{corpus}.csv"
        write_table(segments[segments["corpus"] == corpus], path, SEGMENTS)
    write_table(folds_of(params), tmp_path / "data/folds.csv", FOLDS)
    archive = {"ark": "0" * 64, "scp": "1" * 64}
    inputs = {
        corpus: {"segments": "2" * 64, "num_segments": 9, "features": {"spectrogram": archive}}
        for corpus in params.corpora
    }
    (tmp_path / "data/inputs.json").write_text(json.dumps(inputs), encoding="utf-8")
    (tmp_path / "data/partition.json").write_text(json.dumps({"notes": [], "missing": []}), encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # an scp names its archive as seen from the repository root
    for row in choose_recording(segments).itertuples():
        ark = Path(f"data/features/spectrogram/{row.corpus}.ark")
        with ArchiveWriter(ark, ark.with_suffix(".scp")) as archive:
            archive.write(row.segment, np.zeros((row.num_frames, 257), dtype=np.float32))
    for model in ("PreAct", "PreAct-Full"):
        history = history_of(results_of(params, runs_of(model, 61, 5, params)))
        write_table(history, tmp_path / f"results/history/{model}.csv", HISTORY)
    return tmp_path


def test_compare_then_figures_then_report(folder):
    compared = run_stage(folder, "compare")
    assert (compared.returncode, compared.stderr) == (0, "")
    assert compared.stdout.startswith("compare: 2 models, ")
    comparisons = read_table(folder / "results/comparisons.csv", COMPARISONS)
    assert "Removed" not in set(comparisons["model_a"]) | set(comparisons["model_b"])
    tested = comparisons[comparisons["p"].notna()]
    assert set(zip(tested["model_a"], tested["model_b"], strict=True)) == {("PreAct-Full", "PreAct")}

    drawn = run_stage(folder, "figures")
    assert (drawn.returncode, drawn.stderr) == (0, "")
    assert drawn.stdout == "figures: 6 in results/figures, as SVG and PNG\n"
    reported = run_stage(folder, "report")
    assert (reported.returncode, reported.stderr) == (0, "")
    assert reported.stdout.startswith("report: 10 tables of 2 models")
    assert len(list((folder / "results/tables").iterdir())) == 30
    everything = "".join(path.read_text(encoding="utf-8") for path in (folder / "results").rglob("*.*") if "tables" in
                         path.parts or path.suffix == ".html")  # fmt: skip
    assert "Removed" not in everything
    assert str(folder) not in everything
    before = {path: path.read_bytes() for path in (folder / "results").rglob("*") if path.is_file()}
    for stage in ("compare", "figures", "report"):
        run_stage(folder, stage)
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("stage", ["compare", "figures"])
def test_what_only_looks_at_results_imports_no_torch(stage):
    code = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_broken_run_table_is_explained_without_a_traceback(folder):
    path = folder / "results/runs/PreAct.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("done", "finished", 1), encoding="utf-8")
    failed = run_stage(folder, "compare")
    assert failed.returncode == 1
    assert failed.stderr.startswith("compare: results/runs/PreAct.csv: line 2: status is 'finished'")
    assert "Traceback" not in failed.stderr


def test_report_without_comparisons_says_what_to_do(folder):
    failed = run_stage(folder, "report")
    assert failed.returncode == 1
    assert failed.stderr == "report: results/comparisons.csv does not exist; `dvc repro` makes it\n"
