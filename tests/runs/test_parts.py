"""Runs on parts of their own: a fold held out to choose epochs by, training that ends early, a test set apart."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pipeline.core.errors import InputError
from pipeline.core.tables import FOLDS, PARTS, SEGMENTS, read_table, write_table
from pipeline.features.archive import read_archive
from pipeline.folds import assignment
from pipeline.folds.params import PartitionSections
from pipeline.folds.split import split
from pipeline.models.registry import FAMILIES
from pipeline.runs.collecting import collect, trained_weights
from pipeline.runs.identity import RunSpec, data_of
from pipeline.runs.scheduler import plan_all
from pipeline.runs.selection import select_epochs
from pipeline.runs.store import RunFolder
from pipeline.runs.tables import RUNS, apart_schema, history_schema, predictions_schema
from pipeline.runs.testing import scores_apart
from pipeline.runs.worker import Trainer
from pipeline.training.accuracy import unweighted_accuracy
from pipeline.training.data import in_part, read_segments
from pipeline.training.loop import reported_history, stopped
from pipeline.training.run import start, train_run
from pipeline.training.speech import probabilities as predict
from pipeline.training.standardising import group_statistics, groups_of
from pipeline.training.state import Epoch
from tests.helpers.experiment import ACTORS, CLASSES, params_with, write_experiment
from tests.helpers.rows import write_rows

STORE = Path("store")


def divide(changes):
    """Write what the stage `partition` would, for these params, and return them."""
    params = params_with({"train.epochs": 3, "train.seeds": (1,), "train.eval_train_every": 3, **changes})
    tables = [read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS) for corpus in ACTORS]
    segments = pd.concat(tables, ignore_index=True)
    utterances = segments.drop_duplicates("utterance").assign(
        path=lambda table: table["utterance"] + ".wav", text=lambda table: table["utterance"].str[-1]
    )
    sections = PartitionSections.model_validate(
        {
            "classes": params.classes,
            "corpora": params.model_dump()["corpora"],
            "partition": params.partition.model_dump(),
        }
    )
    found = split(utterances, segments, params.partition, params.classes, sections.sources)
    write_table(found.folds, Path("data/folds.csv"), FOLDS)
    write_table(found.parts, Path("data/parts.csv"), PARTS)
    return params


def trained(params, model="PreAct"):
    trainer = Trainer(params, "cpu", STORE)
    specs = plan_all(params, [model])
    for spec in specs:
        assert trainer.train(spec).failure is None
    return specs, [RunFolder(STORE, spec).load() for spec in specs]


def segments_of(params, repeat=1):
    partition = params.partition
    return read_segments(params.corpora, folds=partition.folds, repeat=repeat, plain=partition.plain)


@pytest.fixture
def root(tmp_path, monkeypatch):
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(assignment, "CANDIDATES", 20)
    monkeypatch.setattr(assignment, "_STEPS", 20)
    return tmp_path


HELD = {"partition.folds": 4, "partition.dev": True, "train.folds": (1,)}


def test_a_held_out_fold_chooses_an_epoch_and_is_neither_trained_nor_validated_on(root):
    params = divide(HELD)
    (spec,), (run,) = trained(params)
    experiment = spec.load_experiment(torch.device("cpu"))
    parts = experiment.split(1)
    actors = experiment.segments["corpus"] + experiment.segments["actor"]
    people = [set(actors[one.tolist()]) for one in (parts.train, parts.valid, parts.dev)]
    assert [len(one) for one in people] == [4, 2, 2]
    assert len(set.union(*people)) == 8

    results = collect("PreAct", [run], {1: segments_of(params)}, params)
    history = history_schema(dev=True).validate(results.history)
    assert list(history.columns[-2:]) == ["dev_loss", "dev_ua"]
    runs = RUNS.validate(results.runs).set_index("selection")
    chosen = int(history["dev_ua"].to_numpy().argmax()) + 1
    assert runs.loc["dev", "epoch"] == chosen == run.snapshots["dev"].epoch
    assert runs.loc["dev", "valid_ua"] == history["valid_ua"][chosen - 1]
    assert not np.isnan(runs.loc["dev", "train_ua_eval"])
    predictions = predictions_schema(CLASSES).validate(results.predictions)
    of_dev = predictions[predictions["selection"] == "dev"]
    assert set(of_dev["segment"]) == set(experiment.segments["segment"][parts.valid.tolist()])
    names = [CLASSES.index(name) for name in of_dev["predicted"]], [CLASSES.index(name) for name in of_dev["emotion"]]
    assert unweighted_accuracy(names[1], names[0], 4) == runs.loc["dev", "valid_ua"]
    weights = dict(trained_weights([run], params, experiment.shape, {}))
    assert set(weights) == {f"fold1-seed1-{name}" for name in ("last", "best", "dev")}
    assert weights["fold1-seed1-dev"].epoch == chosen


def test_the_temperature_of_a_run_is_fitted_on_the_fold_that_it_holds_out(root):
    params = divide({**HELD, "train.folds": (1, 2)})
    specs, runs = trained(params)
    experiment = specs[0].load_experiment(torch.device("cpu"))
    results = collect("PreAct", runs, {1: segments_of(params)}, params)
    weights = dict(trained_weights(runs, params, experiment.shape, {}, temperatures=results.temperatures))
    for spec, run in zip(specs, runs, strict=True):
        held = experiment.split(spec.fold).dev
        labels = experiment.bank.emotions[held].numpy()
        for name, snapshot in run.snapshots.items():
            network = spec.family.classifier(spec.design(experiment.shape), 0)
            network.load_state_dict(snapshot.weights)
            scores = np.log(predict(network, experiment.bank, held).double().numpy())

            def loss(temperature, scores=scores, labels=labels):
                scaled = np.exp(scores / temperature)
                return -np.log(scaled[range(len(labels)), labels] / scaled.sum(axis=1)).mean()

            found = weights[f"fold{spec.fold}-seed1-{name}"].temperature
            assert loss(found) <= min(map(loss, np.geomspace(0.05, 20, 200))) + 1e-6
            assert results.record["runs"][spec.fold - 1]["temperature"][name] == found


def epochs(*scores):
    return [
        Epoch(at, 1.0, 50.0, float("nan"), float("nan"), 1.0, 40.0, 1.0, score) for at, score in enumerate(scores, 1)
    ]


@pytest.mark.parametrize(
    ("scores", "patience", "expected"),
    [
        ((), 1, False),
        ((50.0,), 1, False),
        ((50.0, 50.0), 1, True),
        ((50.0, 40.0, 51.0), 2, False),
        ((50.0, 40.0, 50.0), 2, True),
        ((50.0, 40.0, 40.0), None, False),
    ],
)
def test_training_ends_when_patience_is_lost(scores, patience, expected):
    assert stopped(epochs(*scores), patience) is expected


def test_the_last_epoch_of_training_that_ended_early_is_measured_in_eval_mode():
    rows = [row.__class__(**{**vars(row), "train_score_eval": 60.0}) for row in epochs(50.0, 40.0, 45.0)]
    measured = [not np.isnan(row.train_score_eval) for row in reported_history(rows, 9, 100)]
    # The first is the best by validation and by the held-out fold; the third is the last.
    assert measured == [True, False, True]


def test_a_run_that_ends_early_is_finished_and_the_same_when_it_is_continued(root):
    params = divide(
        {**HELD, "train.epochs": 30, "train.early_stopping": {"patience": 2}, "execution.checkpoint_seconds": 0.0}
    )
    (spec,), (run,) = trained(params)
    scores = [row.dev_score for row in run.history]
    assert len(run.history) == 1 + scores.index(max(scores)) + 2 < 30
    assert run.snapshots["last"].epoch == len(run.history)
    assert not np.isnan(run.history[-1].train_score_eval)
    assert RunFolder(STORE, spec).finished()

    record = RunFolder(STORE, spec)._record().path
    bytes_of = {path.name: path.read_bytes() for path in record.parent.iterdir()}
    for path in record.parent.iterdir():
        path.unlink()
    trained(params)  # from the checkpoint of the last epoch
    assert {path.name: path.read_bytes() for path in record.parent.iterdir()} == bytes_of

    rows = collect("PreAct", [run], {1: segments_of(params)}, params).runs
    assert rows.set_index("selection").loc["last", "epoch"] == len(run.history)


def test_epochs_of_runs_of_different_lengths_are_compared_where_all_have_them():
    valid = {1: [40.0, 60.0], 2: [50.0, 55.0, 90.0], 3: [45.0, 52.0, 95.0]}
    rows = [
        {"model": "M", "fold": fold, "seed": 1, "epoch": at, "train_loss": 1.0, "train_ua": 50.0, "train_loss_eval": 1.0,
         "train_ua_eval": 50.0, "valid_loss": 1.0, "valid_ua": ua, "repeat": 1}
        for fold, scores in valid.items() for at, ua in enumerate(scores, 1)
    ]  # fmt: skip
    found = select_epochs(pd.DataFrame(rows), {})
    chosen = found[found["selection"] == "crossval"].set_index("fold")["epoch"]
    assert chosen.to_dict() == {1: 2, 2: 2, 3: 2}
    assert "dev" not in set(found["selection"])


def test_a_test_set_apart_is_scored_with_the_weights_of_each_snapshot_and_by_the_ensemble(root):
    params = divide({"partition.test": {"actors": ("savee/DC", "emodb/spk03")}})
    specs, runs = trained(params)
    segments = segments_of(params)
    apart = segments[in_part(segments, 1, "test")]
    assert set(apart["actor"]) == {"DC", "spk03"}
    assert not (in_part(segments, 1, "test") & (in_part(segments, 1, "train") | in_part(segments, 1, "valid"))).any()

    table = apart_schema(CLASSES).validate(scores_apart("PreAct", runs, {1: segments}, CLASSES))
    assert table.groupby(["selection", "level"]).size().eq(3).all()  # two runs and their ensemble
    truth = [CLASSES.index(name) for name in apart["emotion"]]
    experiment = specs[0].load_experiment(torch.device("cpu"))
    positions = experiment.split(1).test
    probabilities = []
    for spec, run in zip(specs, runs, strict=True):
        network = spec.family.classifier(spec.design(experiment.shape), 0)
        network.load_state_dict(run.snapshots["best"].weights)
        probabilities.append(predict(network, experiment.bank, positions).double().numpy())
    best = table[(table["selection"] == "best") & (table["level"] == "segment")].set_index(["kind", "fold"])
    for fold, one in enumerate(probabilities, 1):
        assert best.loc[("run", fold), "ua"] == unweighted_accuracy(truth, one.argmax(1), 4)
    mean = np.mean(probabilities, axis=0).argmax(1)
    assert best.loc[("ensemble", 0), "ua"] == unweighted_accuracy(truth, mean, 4)
    assert best.loc[("ensemble", 0), "runs"] == 2
    assert best.loc[("ensemble", 0), "wa"] == pytest.approx(100 * np.mean(mean == truth))


def test_features_of_a_test_standardise_nothing_but_themselves(root):
    """Other features of the test leave every mean and deviation as it is, but those of its own speaker."""
    write_rows(root)
    options = {
        "frontends": {"levels": {"kind": "table", "path": "x.csv"}},
        "models.X": {"label": "X", "family": "logistic", "frontend": "levels", "C": 1.0, "standardise": "corpus"},
        "partition.test": {"actors": ("savee/DC",)},
        "execution.features": "resident",
    }
    params = divide(options)
    spec, _ = plan_all(params, ["X"])
    experiment = spec.load_experiment(torch.device("cpu"))
    parts = experiment.split(1)
    for by in ("fold", "corpus", "speaker"):
        groups = groups_of(experiment.segments, by)
        bank = replace(experiment.bank, groups=groups)
        before = group_statistics(bank, parts.train, by, hidden=parts.test)
        rows = bank.rows.clone()
        rows[parts.test] += 100
        after = group_statistics(replace(bank, rows=rows), parts.train, by, hidden=parts.test)
        same = torch.isclose(before[0], after[0]).all(1)
        if by == "speaker":
            of_test = 1 + int(groups[parts.test][0])
            assert not same[of_test]  # the speaker has no other recordings, and none of the others has these
            same[of_test] = True
        assert same.all()


def test_sentences_are_divided_and_every_run_knows_its_parts(root):
    params = divide({"partition.scheme": "texts"})
    _, runs = trained(params)
    segments = segments_of(params)
    assert "fold" not in segments
    results = collect("PreAct", runs, {1: segments}, params)
    predicted = results.predictions[results.predictions["selection"] == "last"]
    assert sorted(predicted["segment"]) == sorted(segments["segment"])
    said = (predicted["segment"].str[:5] + predicted["segment"].str[-3]).groupby(predicted["fold"]).unique().map(set)
    assert not said[1] & said[2]
    assert len(said[1] | said[2]) == 4  # two sentences of each corpus


def test_the_identity_of_the_default_scheme_is_that_of_its_folds_and_parts_count_where_there_are_any(root):
    plain = params_with()
    write_table(pd.DataFrame(columns=list(PARTS.columns)), Path("data/parts.csv"), PARTS)
    without = data_of(plain, "PreAct")
    Path("data/parts.csv").unlink()
    assert data_of(plain, "PreAct") == without
    params = divide({"partition.scheme": "texts", "partition.repeats": 2})
    one, two = (data_of(params, "PreAct", repeat=repeat) for repeat in (1, 2))
    assert len({without, one, two}) == 3
    rows = Path("data/parts.csv").read_text().splitlines(keepends=True)
    Path("data/parts.csv").write_text("".join(row for row in rows if not row.startswith("2,")))
    assert data_of(params, "PreAct", repeat=1) == one  # of its own partition alone


def test_parts_that_are_missing_or_damaged_are_refused_before_training(root):
    params = divide({"partition.scheme": "texts"})
    path = Path("data/parts.csv")
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(rows[:-1]))
    with pytest.raises(
        InputError, match=r"or not every utterance in each; expected every utterance in each of the folds"
    ):
        plan_all(params, ["PreAct"])
    path.write_text("".join([*rows, rows[1]]))
    with pytest.raises(InputError, match=r"is there twice for fold 1; expected once"):
        plan_all(params, ["PreAct"])
    path.write_text(rows[0])
    with pytest.raises(
        InputError, match=r"data/parts\.csv has no row of repeat 1; expected the part of every utterance"
    ):
        plan_all(params, ["PreAct"])


def test_leaving_one_corpus_out_is_a_loop_written_by_hand(root):
    """Logistic regression on standardised rows, from the archives, without this pipeline's code."""
    write_rows(root)
    options = {"label": "X", "family": "logistic", "frontend": "levels", "C": 1.0}
    params = divide(
        {
            "frontends": {"levels": {"kind": "table", "path": "x.csv"}},
            "models.X": options,
            "partition.scheme": "corpora",
        }
    )
    _, runs = trained(params, "X")
    results = collect("X", runs, {1: segments_of(params)}, params)
    values, labels, corpora, keys = [], [], [], []
    for corpus in sorted(ACTORS):
        table = read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS)
        for (key, matrix), emotion in zip(
            read_archive(Path(f"data/features/levels/{corpus}.scp")), table["emotion"], strict=True
        ):
            values.append(matrix[0].astype(np.float64))
            labels.append(CLASSES.index(emotion))
            corpora.append(corpus)
            keys.append(key)
    x, y, of = np.stack(values), np.array(labels), np.array(corpora)
    for fold, left_out in enumerate(("emodb", "savee"), start=1):
        held = of == left_out
        scaler = StandardScaler().fit(x[~held])
        model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000)
        model.fit(scaler.transform(x[~held]), y[~held])
        predicted = model.predict(scaler.transform(x[held]))
        rows = results.predictions
        rows = rows[(rows["selection"] == "last") & (rows["fold"] == fold)]
        assert rows["segment"].tolist() == [key for key, out in zip(keys, held, strict=True) if out]
        assert rows["predicted"].tolist() == [CLASSES[one] for one in predicted]
        recalls = [np.mean(predicted[y[held] == one] == one) for one in range(4)]
        found = results.runs.set_index(["selection", "fold"]).loc[("last", fold), "valid_ua"]
        assert found == pytest.approx(100 * np.mean(recalls), abs=1e-9)


def test_a_corpus_that_lacks_a_class_is_trained_on_alone(root):
    segments = read_table(Path("data/segments/emodb.csv"), SEGMENTS)
    params = divide({"partition.scheme": "cross_corpus"})
    spec = plan_all(params, ["PreAct"])[0]
    experiment = spec.load_experiment(torch.device("cpu"))
    assert set(experiment.segments["corpus"][experiment.split(1).train.tolist()]) == {"emodb"}
    assert set(experiment.segments["corpus"][experiment.split(1).valid.tolist()]) == {"savee"}
    assert len(segments) == len(experiment.split(1).train)
    gone = experiment.segments["emotion"].eq("fear").to_numpy() & experiment.segments["corpus"].eq("emodb").to_numpy()
    placed = experiment.segments.assign(part1=experiment.segments["part1"].mask(gone, "unused"))
    state = start(spec.family, spec.design(experiment.shape), spec.train, spec.seeds, torch.device("cpu"))
    train_run(spec.family, state, replace(experiment, segments=placed), 1, spec.train, spec.seeds)
    assert state.status == "done"
    assert np.isfinite(state.history[-1].valid_loss)


def test_early_stopping_needs_a_fold_that_is_held_out():
    assert params_with({"train.early_stopping": {"patience": 3}}).mistakes() == [
        "train.early_stopping: it needs a fold to choose by that is neither trained nor validated on; set partition.dev: "
        "true"
    ]


def test_families_without_epochs_hold_the_fold_out_too(root, monkeypatch):
    monkeypatch.setitem(FAMILIES, "centroid", "tests.helpers.centroid")
    params = divide({**HELD, "models.C": {"label": "C", "family": "centroid", "scale": 2.0}})
    (spec,), (run,) = trained(params, "C")
    assert isinstance(spec, RunSpec)
    assert np.isfinite(run.history[0].dev_score)
    rows = collect("C", [run], {1: segments_of(params)}, params).runs
    assert rows["selection"].tolist() == ["last", "best", "dev"]
    assert rows["epoch"].tolist() == [1, 1, 1]


def test_runs_know_people_who_are_in_two_corpora(root):
    write_rows(root)
    options = {
        "frontends": {"levels": {"kind": "table", "path": "x.csv"}},
        "models.X": {"label": "X", "family": "logistic", "frontend": "levels", "C": (1.0, 2.0)},
    }
    params = divide(options)
    spec, network = plan_all(params, ["X"])[0], plan_all(params, ["PreAct"])[0]
    people = spec.load_experiment(torch.device("cpu")).segments["person"]
    assert set(people.str.partition("|")[0]) == set(ACTORS)
    assert "people" not in spec.description()
    one = params.model_copy(update={"corpora": {corpus: {"reader": "ravdess"} for corpus in ACTORS}})
    spec, network = replace(spec, params=one), replace(network, params=one)
    people = spec.load_experiment(torch.device("cpu")).segments["person"]
    assert set(people.str.partition("|")[0]) == {"ravdess"}
    assert spec.description()["people"] == [sorted(ACTORS)]
    assert "people" not in network.description()  # its numbers do not depend on who is who


def test_a_dev_part_without_segments_is_refused(root):
    params = divide({"partition.folds": 3, "partition.dev": True, "train.folds": (1, 2, 3)})
    parts = read_table(Path("data/parts.csv"), PARTS)
    held = set(parts.loc[(parts["fold"] == 1) & (parts["part"] == "dev"), "utterance"])
    for corpus in ACTORS:
        path = Path(f"data/segments/{corpus}.csv")
        segments = read_table(path, SEGMENTS)
        write_table(segments[~segments["utterance"].isin(held)], path, SEGMENTS)
    with pytest.raises(InputError, match="fold 1 has no segment in its part `dev`"):
        segments_of(params)
