"""Segments of long recordings: the same numbers in bounded memory as all at once."""

import numpy as np
import pytest
import soundfile
import torch

from pipeline.audio.decoding import load, load_or_stream
from pipeline.audio.recording import AudioError, Loaded, Streamed
from pipeline.core.features import Utterance
from pipeline.features.segmentation import cut, frames_of
from pipeline.frontends.registry import front_end_of
from pipeline.prediction import segments
from pipeline.prediction.ensemble import load_ensemble, notes_of
from pipeline.prediction.segments import reach, score
from pipeline.training.batches import make_bank
from pipeline.training.speech import probabilities
from tests.helpers.small_weights import swelling, trained

KINDS = [
    {"kind": "spectrogram", "cmvn": "segment"},
    {"kind": "spectrogram", "cmvn": "utterance"},
    {"kind": "logmel", "bands": 8},
    {"kind": "mfcc", "deltas": 2},
    {"kind": "logmel", "bands": 8, "speed": 1.1},
]


def at_once(path, weights_file):
    """The probabilities of all segments, computed from the whole recording."""
    (member,), (front_end,) = (ensemble := load_ensemble([weights_file])).members, ensemble.front_ends
    samples = load(path)
    bounds = cut(frames_of(len(samples)), 640)
    matrices = front_end.matrices(Utterance(samples, bounds, path=path.name))
    bank = make_bank(matrices, [0] * len(matrices), left=0, right=0, every=1, device=torch.device("cpu"))
    return bounds, probabilities(member.network, bank, torch.arange(len(bounds))).double().numpy()


@pytest.mark.parametrize("frontend", KINDS, ids=lambda one: "-".join(map(str, one.values())))
@pytest.mark.parametrize("whole", [True, False], ids=["in memory", "in blocks"])
def test_a_recording_in_blocks_has_the_probabilities_of_one_in_memory(tmp_path, monkeypatch, frontend, whole):
    soundfile.write(tmp_path / "a.wav", swelling(41.3, 8000), 8000)
    file = trained(tmp_path, frontend)
    monkeypatch.setattr(segments, "TOGETHER", 2)
    monkeypatch.setattr(segments, "WHOLE", 10**9 if whole else 16000)
    shares = []
    found = score(tmp_path / "a.wav", load_ensemble([file]), progress=shares.append)
    bounds, expected = at_once(tmp_path / "a.wav", file)
    assert found.bounds == bounds
    np.testing.assert_allclose(found.members[:, 0], expected, atol=2e-5)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert found.seconds == pytest.approx(41.3)
    assert found.notes == ("sampled at 8000 Hz, so there is nothing above 4000 Hz, which recordings at 16000 Hz have",)


def test_no_more_samples_are_held_than_some_segments_need(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", swelling(60), 16000)
    monkeypatch.setattr(segments, "TOGETHER", 2)
    monkeypatch.setattr(segments, "WHOLE", 16000)
    largest = []
    matrices = segments._matrices
    monkeypatch.setattr(
        segments,
        "_matrices",
        lambda front_end, samples, *rest: largest.append(len(samples)) or matrices(front_end, samples, *rest),
    )
    score(tmp_path / "a.wav", load_ensemble([trained(tmp_path, KINDS[0])]))
    assert max(largest) <= 2 * 6.4 * 16000 + 400
    assert len(largest) == 5


def test_reach_is_that_of_the_front_end():
    def of(**entry):
        return reach(front_end_of(entry).options)

    assert of(kind="mfcc", deltas=3) == 6
    assert of(kind="logmel") == 0
    assert of(kind="functionals", of={"kind": "mfcc"}) == 4
    assert of(kind="functionals", of={"kind": "spectrogram", "cmvn": "utterance"}) is None
    assert of(kind="logmel", noise_snr=20.0) is None


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (44100, 2), (8000, 1)])
def test_streamed_samples_are_those_that_are_loaded(tmp_path, rate, channels):
    soundfile.write(tmp_path / "a.wav", swelling(3.21, rate, channels), rate)
    whole, streamed = (load_or_stream(tmp_path / "a.wav", most) for most in (10**6, 1000))
    assert isinstance(whole, Loaded)
    assert isinstance(streamed, Streamed)
    for _ in range(2):
        np.testing.assert_array_equal(np.concatenate(list(streamed.blocks())), whole.samples)
    assert streamed.length == len(whole.samples)
    assert (streamed.notes, streamed.probe) == (whole.notes, whole.probe)


def test_a_long_recording_is_checked_before_it_is_used_and_its_channel_chosen(tmp_path):
    one = swelling(2)
    soundfile.write(tmp_path / "opposite.wav", np.concatenate([one, -one], axis=1), 16000)
    streamed = load_or_stream(tmp_path / "opposite.wav", 1000)
    np.testing.assert_array_equal(np.concatenate(list(streamed.blocks())), load(tmp_path / "opposite.wav"))
    assert "cancel each other" in streamed.notes[0].text
    soundfile.write(tmp_path / "silent.wav", np.zeros(32000), 16000)
    with pytest.raises(AudioError, match="silent"):
        load_or_stream(tmp_path / "silent.wav", 1000)


def test_the_envelope_has_the_extremes_of_every_part(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", samples := swelling(20), 16000, subtype="FLOAT")
    monkeypatch.setattr(segments, "WHOLE", 16000)
    found = score(tmp_path / "a.wav", load_ensemble([trained(tmp_path, KINDS[2])]), columns=50).envelope
    parts = np.array_split(samples[:, 0].astype(np.float32) * 32768, 50)
    np.testing.assert_allclose(found, [(part.min(), part.max()) for part in parts], rtol=1e-6)


def test_classifiers_are_averaged_and_their_spread_is_that_of_their_means(tmp_path):
    soundfile.write(tmp_path / "a.wav", swelling(15), 16000)
    files = [trained(tmp_path, KINDS[2], seed, name=f"s{seed}") for seed in range(3)]
    single = [score(tmp_path / "a.wav", load_ensemble([file])).of_utterance[0] for file in files]
    mean, spread = score(tmp_path / "a.wav", load_ensemble([*files, files[0]])).of_utterance
    np.testing.assert_allclose(mean, np.mean(single, axis=0), atol=1e-12)
    np.testing.assert_allclose(spread, np.std(single, axis=0), atol=1e-12)


def test_a_stored_temperature_divides_the_scores(tmp_path):
    soundfile.write(tmp_path / "a.wav", swelling(2), 16000)
    file = trained(tmp_path, KINDS[2], temperature=2.0)
    plain = score(tmp_path / "a.wav", load_ensemble([file], calibrated=False)).probabilities
    scores = np.log(plain) / 2
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(score(tmp_path / "a.wav", load_ensemble([file])).probabilities, expected, atol=1e-9)


def test_a_line_has_the_stored_temperatures_and_how_many_files_have_none(tmp_path):
    first = trained(tmp_path, KINDS[2], temperature=2.0)
    second = trained(tmp_path, KINDS[2], seed=1, temperature=1.25, name="b")
    bare = trained(tmp_path, KINDS[2], seed=2, name="c")
    assert notes_of(load_ensemble([first])) == ["probabilities are calibrated with the stored temperature 2"]
    assert notes_of(load_ensemble([first, second, bare])) == [
        "probabilities are calibrated with the stored temperature 1.25 to 2 of 2 files of weights; 1 has none"
    ]
    assert notes_of(load_ensemble([first], calibrated=False)) == []
