"""The history of runs in the files of each program: the same numbers, the runs of a model together."""

import json
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.__main__ import main
from pipeline.core.tables import write_table
from pipeline.runs.selection import select_epochs
from pipeline.runs.tables import HISTORY, RUNS, history_schema
from pipeline.tracking.history import tracked_runs
from tests.helpers.experiment import params_with

MODELS = ("PreAct", "PreActBN-Full")


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Results of two models, two folds and one seed; training UA in eval mode was measured in the last epoch alone."""
    monkeypatch.chdir(tmp_path)
    tables = {}
    for number, model in enumerate(MODELS):
        rows = [
            (model, fold, 1, epoch, 2.0 / epoch, 40.0 + epoch, *((1.5, 45.0) if epoch == 3 else (None, None)), 1.9 / epoch,
             30.0 + 10 * number + fold + epoch, 1)
            for fold in (1, 2) for epoch in (1, 2, 3)
        ]  # fmt: skip
        table = pd.DataFrame(rows, columns=list(HISTORY.columns)).astype(
            {"train_loss_eval": float, "train_ua_eval": float}
        )
        write_table(table, Path(f"results/history/{model}.csv"), HISTORY)
        write_table(select_epochs(table, {}), Path(f"results/runs/{model}.csv"), RUNS)
        record = [{"repeat": 1, "fold": fold, "seed": 1, "family": "resnext", "device": "a cpu"} for fold in (1, 2)]
        Path(f"results/runs/{model}.json").write_text(json.dumps({"runs": record}))
        tables[model] = table
    with Path("params.yaml").open("w") as stream:
        YAML(typ="safe").dump(json.loads(params_with().model_dump_json(exclude_none=True)), stream)
    return tables


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def curve(table, name, fold):
    rows = table[table["fold"] == fold].dropna(subset=[name])
    return list(zip(rows["epoch"], rows[name], strict=True))


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_has_every_curve(results, capsys):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert run("track", "tensorboard") == 0
    assert "4 runs of 2 models in results/tracking/tensorboard: `tensorboard --logdir" in capsys.readouterr().out
    for model, table in results.items():
        for fold in (1, 2):
            events = EventAccumulator(f"results/tracking/tensorboard/{model}/fold{fold}-seed1").Reload()
            for tag, name in (
                ("ua/valid", "valid_ua"),
                ("loss/train", "train_loss"),
                ("ua/train_eval", "train_ua_eval"),
            ):
                found = [(one.step, one.value) for one in events.Scalars(tag)]
                assert [value for _, value in found] == pytest.approx(
                    [v for _, v in curve(table, name, fold)], rel=1e-6
                )


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_the_runs_below_their_model(results):
    pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    assert run("track", "mlflow", "--to", "ml") == 0
    client = MlflowClient(tracking_uri=Path("ml").absolute().as_uri())
    (experiment,) = [one for one in client.search_experiments() if one.name == "shaking-emotions"]
    runs = client.search_runs([experiment.experiment_id])
    parents = {one.info.run_id: one.info.run_name for one in runs if "mlflow.parentRunId" not in one.data.tags}
    assert sorted(parents.values()) == sorted(MODELS)
    children = [one for one in runs if one.info.run_id not in parents]
    assert len(children) == 4
    for child in children:
        model, fold = parents[child.data.tags["mlflow.parentRunId"]], int(child.data.params["fold"])
        found = [(one.step, one.value) for one in client.get_metric_history(child.info.run_id, "valid_ua")]
        assert found == curve(results[model], "valid_ua", fold)
        assert child.data.metrics["valid_ua_last"] == curve(results[model], "valid_ua", fold)[-1][1]
        assert child.data.params["model.layout"] in ("PreAct", "PreActBN")
        assert child.data.params["device"] == "a cpu"


@pytest.mark.filterwarnings("ignore")
def test_dvclive_has_a_table_for_each_curve(results):
    pytest.importorskip("dvclive")
    assert run("track", "dvclive", "--models", "PreAct") == 0
    folder = Path("results/tracking/dvclive")
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["PreAct"]
    for fold in (1, 2):
        table = pd.read_csv(folder / f"PreAct/fold{fold}-seed1/plots/metrics/valid_ua.tsv", sep="\t")
        assert list(zip(table["step"], table["valid_ua"], strict=True)) == curve(results["PreAct"], "valid_ua", fold)
        assert json.loads((folder / f"PreAct/fold{fold}-seed1/metrics.json").read_text())["epoch_last"] == 3


def test_the_curves_of_a_fold_that_is_held_out_are_there_too(results):
    table = results["PreAct"].assign(dev_loss=1.25, dev_ua=lambda rows: 60.0 + rows["epoch"])
    write_table(table, Path("results/history/PreAct.csv"), history_schema(dev=True))
    (first, *_) = tracked_runs({"PreAct": {}})
    assert [(epoch, one["dev_ua"], one["dev_loss"]) for epoch, one in first.epochs] == [
        (1, 61.0, 1.25),
        (2, 62.0, 1.25),
        (3, 63.0, 1.25),
    ]
    (other, *_) = tracked_runs({"PreActBN-Full": {}})
    assert "dev_ua" not in other.epochs[0][1]


def test_a_folder_is_written_again_only_if_asked_and_if_it_is_ours(results, capsys):
    pytest.importorskip("tensorboard")
    Path("mine").mkdir()
    Path("mine/thesis.tex").touch()
    assert run("track", "tensorboard", "--to", "mine", "--overwrite") == 1
    assert "mine was not written by this command, so it is not deleted" in capsys.readouterr().err
    assert Path("mine/thesis.tex").exists()
    assert run("track", "tensorboard", "--to", "ours", "--models", "PreAct") == 0
    assert run("track", "tensorboard", "--to", "ours") == 1
    assert "ours exists; expected a new or an empty folder, or --overwrite" in capsys.readouterr().err
    assert run("track", "tensorboard", "--to", "ours", "--overwrite", "--models", "PreActBN-Full") == 0
    assert not Path("ours/PreAct").exists()


def test_what_was_not_trained_has_no_history(results, capsys):
    pytest.importorskip("tensorboard")
    Path("results/history/PreAct.csv").unlink()
    assert run("track", "tensorboard", "--models", "PreAct") == 1
    assert "results/history has no history of PreAct; `dvc repro` trains" in capsys.readouterr().err
