from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.features import Utterance
from pipeline.frontends import registry
from pipeline.frontends.base import FrontEnd, FrontEndOptions
from pipeline.frontends.logmel import LogMel
from pipeline.frontends.registry import description, front_end_of
from pipeline.frontends.variation import Varied, varied
from tests.frontends.signals import matrices, noise


def tone(hertz: float, seconds: float) -> torch.Tensor:
    return (3000 * torch.sin(2 * torch.pi * hertz * torch.arange(round(16_000 * seconds)) / 16_000)).float()


@pytest.mark.parametrize(("speed", "samples"), [(1.1, 14546), (0.9, 17778), (2.0, 8000), (0.5, 32_000)])
def test_a_tone_is_faster_and_higher_by_the_factor(speed, samples):
    changed = varied(Utterance(tone(1000, 1).numpy(), [(0, 98)]), speed, None).samples
    assert (len(changed), changed.dtype) == (samples, np.float32)
    peak = np.abs(np.fft.rfft(changed)).argmax() * 16_000 / len(changed)
    assert abs(peak - 1000 * speed) < 2
    assert abs(np.abs(changed[2000:-2000]).max() - 3000) < 30


@settings(deadline=None, max_examples=50)
@given(data=st.data(), samples=st.integers(400, 20_000), percent=st.integers(50, 200))
def test_segments_stay_inside_and_at_the_same_places(data, samples, percent):
    frames = 1 + (samples - 400) // 160
    start = data.draw(st.integers(0, frames - 1))
    length = data.draw(st.integers(1, frames - start))
    speed = percent / 100
    changed = varied(Utterance(np.ones(samples, np.float32), [(start, length)]), speed, None)
    (begin, number), total = changed.bounds[0], 1 + (len(changed.samples) - 400) // 160
    assert number >= 1
    assert 0 <= begin <= begin + number <= total
    # A window reaches 15 ms beyond its 10 ms, which a shorter recording lacks at its end.
    assert abs(begin - start / speed) <= 2.5
    assert abs(begin + number - (start + length) / speed) <= 2.5


def test_every_front_end_that_reads_audio_has_both_options():
    signal = noise(32_000)
    for kind in ("spectrogram", "logmel", "mfcc"):
        options = {"kind": kind, "cmvn": "none"}
        faster = matrices(signal, [(0, 100), (98, 100)], **options, speed=1.25)
        assert [len(matrix) for matrix in faster] == [80, 80]
        assert matrices(signal, **options, noise_snr=0.0)[0].shape == matrices(signal, **options)[0].shape
    row = matrices(signal, kind="functionals", of={"kind": "logmel", "speed": 1.25}, statistics=["mean"])[0]
    mean = matrices(signal, kind="logmel", speed=1.25)[0].mean(axis=0)
    np.testing.assert_allclose(row[0], mean, rtol=1e-5)


def test_a_varied_front_end_needs_the_memory_of_the_one_that_it_varies(monkeypatch):
    monkeypatch.setattr(LogMel, "memory", 7 << 30)
    assert front_end_of({"kind": "logmel", "speed": 1.1}).memory == 7 << 30


def test_at_another_speed_any_number_of_rows_is_right():
    assert front_end_of({"kind": "logmel", "speed": 1.1}).shape.rows(100) is None
    assert front_end_of({"kind": "logmel", "noise_snr": 20.0}).shape.rows(100) == 100
    other = {"kind": "logmel"}
    assert front_end_of({"kind": "functionals", "of": other, "speed": 1.1}).shape.rows(100) == 1


@pytest.mark.parametrize("snr", [-10, 0, 20])
def test_noise_is_white_at_the_ratio_asked_for(snr):
    signal = tone(500, 2).numpy()
    added = varied(Utterance(signal, [(0, 198)], "u1"), 1.0, snr).samples - signal
    ratio = 10 * np.log10(np.square(signal).mean() / np.square(added).mean())
    assert abs(ratio - snr) < 0.1
    spectrum = np.square(np.abs(np.fft.rfft(added)))
    low, high = np.array_split(spectrum, 2)
    assert abs(low.mean() / high.mean() - 1) < 0.1


def test_noise_follows_the_key_and_nothing_else():
    signal = tone(500, 1).numpy()
    one, same, other, by_path = (
        varied(Utterance(signal, [(0, 98)], key, path), 1.0, 10).samples
        for key, path in (("u1", "a.wav"), ("u1", "b.wav"), ("u2", "a.wav"), ("", "u1"))
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert np.array_equal(one, by_path)
    silence = varied(Utterance(np.zeros(800, np.float32), [(0, 3)], "u1"), 1.0, 10).samples
    assert not silence.any()


def test_a_recording_that_becomes_shorter_than_a_window_is_followed_by_silence():
    changed = varied(Utterance(np.ones(400, np.float32), [(0, 1)]), 2.0, None)
    assert (len(changed.samples), changed.bounds) == (400, [(0, 1)])
    assert not changed.samples[210:].any()


def test_a_description_names_what_was_varied_and_follows_its_code_and_no_other_does(monkeypatch):
    plain, louder = front_end_of({"kind": "logmel"}), front_end_of({"kind": "logmel", "speed": 1.1, "noise_snr": 5.0})
    assert not {"speed", "noise_snr"} & set(description(plain)["options"])
    assert description(louder)["options"].items() >= {"speed": 1.1, "noise_snr": 5.0}.items()
    assert front_end_of(description(louder)["options"]).options == louder.options
    before = description(plain)["source"], description(louder)["source"]
    hashes = registry.source_hashes
    monkeypatch.setattr(
        registry, "source_hashes", lambda files: {k: v + "x" * ("variation" in k) for k, v in hashes(files).items()}
    )
    assert description(plain)["source"] == before[0]
    assert description(louder)["source"] != before[1]


class Rows(FrontEnd[FrontEndOptions]):
    options_class = FrontEndOptions
    framewise = False
    dims = 1
    reads_audio = False

    def matrices(self, utterance):
        raise NotImplementedError


@pytest.mark.parametrize("option", ["speed", "noise_snr"])
def test_a_front_end_that_reads_no_audio_cannot_be_varied(option):
    with pytest.raises(InputError) as caught:
        Varied(Rows(FrontEndOptions(kind="rows", **{option: 2.0})))
    assert str(caught.value) == (
        f"{option}: the front end rows does not read the samples, so nothing would change; remove it"
    )
