"""A family that is not trained by epochs, from `execute` to a prediction."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from pipeline.audio.decoding import load
from pipeline.core.errors import InputError
from pipeline.core.features import Shape
from pipeline.features.archive import read_archive
from pipeline.frontends.kaldi import normalise, spectrogram
from pipeline.models.registry import FAMILIES
from pipeline.prediction.ensemble import load_ensemble
from pipeline.prediction.segments import score
from pipeline.runs.collecting import collect, trained_weights
from pipeline.runs.cost import StepTime, cost, time_steps
from pipeline.runs.scheduler import plan_all
from pipeline.runs.store import RunFolder
from pipeline.runs.tables import HISTORY, RUNS, predictions_schema
from pipeline.runs.weights import load_weights, save_weights
from pipeline.runs.worker import Trainer
from pipeline.training.accuracy import unweighted_accuracy
from tests.helpers.experiment import ACTORS, CLASSES, params_with, read_experiment, write_experiment

STORE = Path("store")
FRONT_END = {"kind": "spectrogram", "cmvn": "segment"}


@pytest.fixture
def params(tmp_path, monkeypatch):
    monkeypatch.setitem(FAMILIES, "centroid", "tests.helpers.centroid")
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return params_with({"models.C": {"label": "C", "family": "centroid", "scale": 2.0}})


def reference(fold, segments):
    """Centres of the training segments, and (validation segments, classes) probabilities, in float64."""
    pairs = [
        pair for corpus in sorted(ACTORS) for pair in read_archive(Path(f"data/features/spectrogram/{corpus}.scp"))
    ]
    assert [key for key, _ in pairs] == list(segments["segment"])
    means = np.stack([matrix.astype(np.float64).mean(0) for _, matrix in pairs])
    train, emotions = (segments["fold"] != fold).to_numpy(), segments["emotion"].to_numpy()
    centres = np.stack([means[train & (emotions == name)].mean(0) for name in CLASSES])
    return centres, probabilities(means[~train], centres), emotions[~train]


def probabilities(means, centres):
    powers = np.exp(-2.0 * np.square(means[:, None] - centres).mean(2))
    return powers / powers.sum(1, keepdims=True)


def test_it_is_fitted_once_and_has_one_epoch(params):
    trainer = Trainer(params, "cpu", STORE)
    specs = plan_all(params, ["C"])
    seen = []
    done = [trainer.train(spec, lambda state: seen.append(state.epoch)) for spec in specs]
    assert [outcome.trained for outcome in done] == [True, False, True, False], "one run a fold, whatever the seed"
    assert seen == [1, 1]
    segments = read_experiment(params, model="C").segments
    for spec in specs:
        run = RunFolder(STORE, spec).load()
        (row,) = run.history
        last, best = run.snapshots["last"], run.snapshots["best"]
        assert (row.epoch, last.epoch, best.epoch, run.status) == (1, 1, 1, "done")
        centres, expected, emotions = reference(spec.fold, segments)
        np.testing.assert_allclose(last.weights["centres"], centres, atol=1e-6)
        np.testing.assert_allclose(last.probabilities, expected, atol=1e-6)
        assert torch.equal(last.weights["centres"], best.weights["centres"])
        assert torch.equal(last.probabilities, best.probabilities)
        truth = np.array([CLASSES.index(name) for name in emotions])
        assert row.valid_score == unweighted_accuracy(truth, expected.argmax(1), len(CLASSES))
        assert row.valid_loss == pytest.approx(-np.log(expected[np.arange(len(truth)), truth]).mean(), abs=1e-6)
        assert (row.train_score, row.train_loss) == (row.train_score_eval, row.train_loss_eval)


def test_its_results_have_the_columns_of_every_model(params):
    trainer = Trainer(params, "cpu", STORE)
    specs = plan_all(params, ["C"])
    for spec in specs:
        trainer.train(spec)
    segments = read_experiment(params, model="C").segments
    results = collect("C", [RunFolder(STORE, spec).load() for spec in specs], {1: segments}, params)
    runs, history = RUNS.validate(results.runs), HISTORY.validate(results.history)
    assert len(history) == len(specs)
    assert len(runs) == 3 * len(specs)
    assert set(runs["epoch"]) == {1}
    measured = runs.drop(columns="seed")
    assert measured[runs["seed"] == 1].reset_index(drop=True).equals(measured[runs["seed"] == 2].reset_index(drop=True))
    assert len(predictions_schema(params.classes).validate(results.predictions)) == 2 * 2 * len(segments)


def test_its_weights_come_back_and_predict(params):
    spec = plan_all(params, ["C"])[0]
    Trainer(params, "cpu", STORE).train(spec)
    ((name, weights), (best, _)) = trained_weights([RunFolder(STORE, spec).load()], params, Shape(257), FRONT_END)
    assert (name, best) == ("fold1-seed1-last", "fold1-seed1-best")
    save_weights(weights, Path("weights.safetensors"))
    again = load_weights(Path("weights.safetensors"))
    assert (again.design, again.reading) == (weights.design, weights.reading)
    soundfile.write("a.wav", 0.1 * np.random.default_rng(0).standard_normal(16000), 16000)
    matrix = normalise(spectrogram(torch.from_numpy(load(Path("a.wav"))))).double().numpy()
    expected = probabilities(matrix.mean(0, keepdims=True), weights.tensors["centres"].double().numpy())[0]
    predicted, _ = score(Path("a.wav"), load_ensemble([Path("weights.safetensors")])).of_utterance
    np.testing.assert_allclose(predicted, expected, atol=1e-6)


def test_weights_of_a_family_that_is_not_there_are_refused(params, monkeypatch):
    spec = plan_all(params, ["C"])[0]
    Trainer(params, "cpu", STORE).train(spec)
    (_, weights), _ = trained_weights([RunFolder(STORE, spec).load()], params, Shape(257), FRONT_END)
    save_weights(weights, Path("weights.safetensors"))
    monkeypatch.delitem(FAMILIES, "centroid")
    with pytest.raises(
        InputError, match=r"weights\.safetensors .*'centroid' is not a family of classifiers; expected one"
    ):
        load_weights(Path("weights.safetensors"))


def test_numbers_that_are_not_finite_are_a_diverged_run(params, monkeypatch):
    monkeypatch.setattr(
        "tests.helpers.centroid.Centroid.fit", lambda self, training: dict(self.centres.fill_(torch.inf)[:0])
    )
    spec = plan_all(params, ["C"])[0]
    assert Trainer(params, "cpu", STORE).train(spec).failure is None
    run = RunFolder(STORE, spec).load()
    assert (run.status, run.diverged_epoch, run.history, run.snapshots) == ("diverged", 1, [], {})


def test_it_costs_next_to_nothing(params):
    def shapes(model):
        return Shape(257)

    assert "C" not in time_steps(params, shapes, torch.device("cpu"))
    result = cost(params, {"PreAct": StepTime(1.0, 1.0)}, shapes, runs={"C": 4}, segments=9, frames=1000, workers=1)
    assert (result.longest, result.run_hours, result.hours) == (None, 0, 0)
