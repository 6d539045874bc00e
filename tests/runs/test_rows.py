"""Families of rows from params to results, weights and a prediction."""

import argparse
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from pipeline.audio.decoding import load
from pipeline.commands import predict as predict_command
from pipeline.core.errors import InputError
from pipeline.core.features import Shape, Utterance
from pipeline.features.archive import read_archive
from pipeline.features.segmentation import frames_of
from pipeline.frontends.base import FrontEndOptions
from pipeline.frontends.registry import FRONT_ENDS
from pipeline.prediction.ensemble import load_ensemble
from pipeline.prediction.segments import score
from pipeline.runs.collecting import collect, trained_weights
from pipeline.runs.scheduler import plan_all
from pipeline.runs.store import RunFolder
from pipeline.runs.tables import HISTORY, RUNS, predictions_schema
from pipeline.runs.weights import load_weights, save_weights
from pipeline.runs.worker import Trainer
from pipeline.training.accuracy import unweighted_accuracy
from tests.helpers.experiment import ACTORS, CLASSES, params_with, read_experiment, write_experiment
from tests.helpers.rows import DIMS, Levels, write_rows

STORE = Path("store")
GRID = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
SHAPE = Shape(dims=DIMS, framewise=False)


@pytest.fixture
def params(tmp_path, monkeypatch):
    monkeypatch.setitem(FRONT_ENDS, "levels", "tests.helpers.rows")
    write_experiment(tmp_path, takes=3)
    write_rows(tmp_path)
    monkeypatch.chdir(tmp_path)

    def make(**options):
        return params_with(
            {
                "frontends": {"levels": {"kind": "levels"}},
                "models.X": {"label": "X", "frontend": "levels", **options},
            }
        )

    return make


def script(fold, segments):
    """Decisions and predictions of a linear SVM for a fold: from the archives, without this pipeline's code."""
    pairs = [pair for corpus in sorted(ACTORS) for pair in read_archive(Path(f"data/features/levels/{corpus}.scp"))]
    assert [key for key, _ in pairs] == list(segments["segment"])
    values = np.concatenate([matrix for _, matrix in pairs]).astype(np.float64)
    labels = segments["emotion"].map(CLASSES.index).to_numpy()
    actors = (segments["corpus"] + segments["actor"]).to_numpy()
    valid = (segments["fold"] == fold).to_numpy()
    scaler = StandardScaler().fit(values[~valid])
    x, held, y = scaler.transform(values[~valid]), scaler.transform(values[valid]), labels[~valid]

    def svm(penalty):
        return LinearSVC(C=penalty, class_weight="balanced", dual="auto", max_iter=10_000, random_state=0)

    folds = list(StratifiedGroupKFold(4).split(x, y, actors[~valid]))
    accuracies = [
        np.mean(
            [
                unweighted_accuracy(y[rest], svm(penalty).fit(x[inner], y[inner]).predict(x[rest]), len(CLASSES))
                for inner, rest in folds
            ]
        )
        for penalty in GRID
    ]
    chosen = GRID[int(np.argmax(np.round(accuracies, 9)))]
    final = svm(chosen).fit(x, y)
    return chosen, final.decision_function(held), final.predict(held), labels[valid]


def softmax(decisions):
    powers = np.exp(decisions - decisions.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def test_runs_of_an_svm_are_those_of_an_independent_script(params):
    params = params(family="linear_svm")
    trainer = Trainer(params, "cpu", STORE)
    specs = plan_all(params, ["X"])
    done = [trainer.train(spec) for spec in specs]
    assert [(one.trained, one.failure) for one in done] == [(True, None), (False, None)] * 2
    segments = read_experiment(params, model="X").segments
    for spec in specs:
        run = RunFolder(STORE, spec).load()
        chosen, decisions, predicted, truth = script(spec.fold, segments)
        assert run.chosen["C"] == chosen
        probabilities = run.snapshots["last"].probabilities.numpy()
        np.testing.assert_array_equal(probabilities.argmax(1), predicted)
        np.testing.assert_allclose(probabilities, softmax(decisions), atol=1e-9)
        assert run.history[0].valid_score == unweighted_accuracy(truth, predicted, len(CLASSES))


@pytest.mark.parametrize(
    "options",
    [
        {"family": "linear_svm"},
        {"family": "logistic", "C": (0.01, 1.0)},
        {"family": "random_forest", "n_trees": 10, "inner_folds": 2},
        {"family": "mlp", "hidden": (8,), "learning_rate": 0.02, "passes": 50, "inner_folds": 2},
    ],
    ids=lambda options: options["family"],
)
def test_results_and_weights(params, options):
    params = params(**options)
    trainer = Trainer(params, "cpu", STORE)
    specs = plan_all(params, ["X"])
    for spec in specs:
        assert trainer.train(spec).failure is None
    finished = [RunFolder(STORE, spec).load() for spec in specs]
    segments = read_experiment(params, model="X").segments
    results = collect("X", finished, segments, params)
    assert set(RUNS.validate(results.runs)["epoch"]) == {1}
    assert len(HISTORY.validate(results.history)) == len(specs)
    predictions = predictions_schema(params.classes).validate(results.predictions)
    assert (predictions["predicted"] == predictions["emotion"]).mean() > 0.4, "it learns"
    assert [run["chosen"] for run in results.record["runs"]] == [run.chosen for run in finished]
    for name, weights in trained_weights(finished, params, SHAPE, {"kind": "levels"}):
        save_weights(weights, Path(f"{name}.safetensors"))
    again = load_weights(Path("fold1-seed1-last.safetensors"))
    soundfile.write("a.wav", 0.1 * np.random.default_rng(0).standard_normal(16000), 16000)
    predicted, _ = score(Path("a.wav"), load_ensemble([Path("fold1-seed1-last.safetensors")])).of_utterance
    samples = load(Path("a.wav"))
    (row,) = Levels(FrontEndOptions(kind="levels")).matrices(Utterance(samples, [(0, frames_of(len(samples)))]))
    if options["family"] != "linear_svm":
        assert predicted.sum() == pytest.approx(1)
        return
    tensors = {name: tensor.numpy() for name, tensor in again.tensors.items()}
    standard = (row.astype(np.float64) - tensors["standardisation.mean"]) / tensors["standardisation.deviation"]
    np.testing.assert_allclose(predicted, softmax(standard @ tensors["coef"].T + tensors["intercept"])[0], atol=1e-6)


def test_precision_of_training_does_not_round_the_features(params):
    specs = [
        plan_all(params(family="linear_svm", train={"precision": precision}), ["X"])[0]
        for precision in ("fp32", "bf16")
    ]
    assert specs[0].identity == specs[1].identity
    assert {spec.reading.precision for spec in specs} == {"fp32"}


def test_a_choice_that_is_not_possible_is_a_message(params):
    params = params(family="linear_svm")
    path = Path("data/folds.csv")
    # One actor of each corpus in the training folds, and these play one emotion each in one corpus.
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([lines[0], *(line[:-1] + "1" if "spk03" not in line else line[:-1] + "2" for line in lines[1:])])
        + "\n"
    )
    spec = plan_all(params, ["X"])[0]
    failure = Trainer(params, "cpu", STORE).train(spec).failure
    assert failure is not None
    assert failure.startswith("C: no choice between 0.0001, ")
    assert "Traceback" not in failure


@pytest.mark.parametrize("by", ["speaker", "corpus"])
def test_weights_that_need_the_speaker_or_the_corpus(params, by, capsys):
    params = params(family="linear_svm", standardise=by, C=0.01)
    spec = plan_all(params, ["X"])[0]
    assert Trainer(params, "cpu", STORE).train(spec).failure is None
    (_, weights), _ = trained_weights([RunFolder(STORE, spec).load()], params, SHAPE, {"kind": "levels"})
    save_weights(weights, Path("w.safetensors"))
    soundfile.write("a.wav", 0.1 * np.random.default_rng(0).standard_normal(16000), 16000)
    parser = argparse.ArgumentParser()
    predict_command.add_arguments(parser)
    arguments = parser.parse_args(["w.safetensors", "a.wav"])
    if by == "speaker":
        with pytest.raises(
            InputError, match=r"^w\.safetensors: these weights standardise features by speaker, .* train one"
        ):
            predict_command.run(arguments)
        return
    assert predict_command.run(arguments) == 0
    written = capsys.readouterr()
    assert "the mean and deviation of all training recordings together are used" in written.err
    samples = load(Path("a.wav"))
    (row,) = Levels(FrontEndOptions(kind="levels")).matrices(Utterance(samples, [(0, frames_of(len(samples)))]))
    tensors = {name: tensor.numpy() for name, tensor in weights.tensors.items()}
    standard = (row.astype(np.float64) - tensors["standardisation.mean"][0]) / tensors["standardisation.deviation"][0]
    expected = softmax(standard @ tensors["coef"].T + tensors["intercept"])[0]
    printed = [float(value) for value in written.out.splitlines()[1].split(",")[2 : 2 + len(CLASSES)]]
    np.testing.assert_allclose(printed, expected, atol=2e-6)


def test_the_version_of_scikit_learn_is_recorded(params):
    params = params(family="linear_svm", C=0.01)
    specs = plan_all(params, ["X"])[0], plan_all(params, ["PreAct"])[0]
    Trainer(params, "cpu", STORE).train(specs[0])
    assert RunFolder(STORE, specs[0]).load().versions["scikit-learn"] == version("scikit-learn")
    assert specs[1].family.libraries == ()
