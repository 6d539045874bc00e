from __future__ import annotations

import pickle
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import opensmile
import pytest
import soundfile
from pydantic import ValidationError

from pipeline.core.errors import InputError
from pipeline.core.features import Utterance
from pipeline.features.extraction import Recording, features
from pipeline.frontends import base
from pipeline.frontends.opensmile import DIMS, OpenSmile, OpenSmileOptions
from pipeline.frontends.registry import description, front_end_of


def front_end(**options: str) -> OpenSmile:
    return OpenSmile(OpenSmileOptions(kind="opensmile", **options))


def tone(frames: int, rest: int = 0) -> np.ndarray:
    """A gliding tone with noise, on the int16 scale, of a number of frames and some samples more."""
    time = np.arange((frames - 1) * 160 + 400 + rest) / 16_000
    noise = np.random.default_rng(frames).normal(scale=300, size=len(time))
    return (9_000 * np.sin(2 * np.pi * (150 + 40 * time) * time) + noise).round().astype(np.float32)


def directly(samples: np.ndarray, feature_set: str, level: str) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        smile = opensmile.Smile(opensmile.FeatureSet[feature_set], level)
        return smile.process_signal(samples.astype(np.int16) / np.float32(32768), 16_000).to_numpy(np.float32)


def test_the_default_is_egemaps_functionals_as_opensmile_gives_them_for_the_whole_recording() -> None:
    samples = tone(120, rest=77)
    (matrix,) = front_end().matrices(Utterance(samples, [(0, 120)]))
    assert matrix.shape == (1, 88)
    np.testing.assert_array_equal(matrix, directly(samples, "eGeMAPSv02", "func"))


def test_each_segment_has_functionals_of_its_own_samples() -> None:
    samples = tone(200)
    first, second = front_end().matrices(Utterance(samples, [(0, 120), (80, 120)]))
    np.testing.assert_array_equal(first, directly(samples[: 119 * 160 + 400], "eGeMAPSv02", "func"))
    np.testing.assert_array_equal(second, directly(samples[80 * 160 :], "eGeMAPSv02", "func"))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(("feature_set", "rows"), [("eGeMAPSv02", 97), ("ComParE_2016", 97), ("IS09", 101)])
def test_descriptors_have_a_row_for_each_frame(feature_set: str, rows: int) -> None:
    samples = tone(100)
    (matrix,) = front_end(feature_set=feature_set, level="low_level_descriptors").matrices(
        Utterance(samples, [(0, 100)])
    )
    given = directly(samples, feature_set, "lld")
    assert len(given) == rows, "openSMILE's own number of rows"
    same = min(rows, 100)
    assert len(matrix) == 100
    np.testing.assert_array_equal(matrix[:same], given[:same])
    assert (matrix[same:] == matrix[same - 1]).all()


@pytest.mark.parametrize("feature_set", DIMS)
def test_the_stated_dimensions_are_those_of_the_package(feature_set: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = tuple(
            opensmile.Smile(opensmile.FeatureSet[feature_set], level).num_features for level in ("func", "lld")
        )
    assert DIMS[feature_set] == found
    shape = front_end(feature_set=feature_set, level="low_level_descriptors").shape
    assert (shape.dims, shape.framewise, shape.rows(7)) == (found[1], True, 7)


def test_samples_beyond_the_int16_range_do_not_wrap_around() -> None:
    loud = tone(100) * 5
    (matrix,) = front_end().matrices(Utterance(loud, [(0, 100)]))
    np.testing.assert_array_equal(matrix, directly(loud.clip(-32768, 32767), "eGeMAPSv02", "func"))


@pytest.mark.parametrize(("level", "values"), [("functionals", 88), ("low_level_descriptors", 50)])
def test_a_segment_that_is_too_short_is_counted_and_0(tmp_path: Path, level: str, values: int) -> None:
    soundfile.write(tmp_path / "short.wav", tone(2).astype(np.int16), 16_000)
    recording = Recording("u", "short.wav", tmp_path / "short.wav", (("u-1", 0, 2),))
    ((_, matrix),), not_finite = features(recording, front_end(level=level))
    assert not_finite == values == matrix.size
    assert not matrix.any()


def test_what_opensmile_gives_for_silence_is_kept_where_it_is_finite(tmp_path: Path) -> None:
    samples = np.concatenate([tone(100), np.zeros(100 * 160, np.float32)])
    soundfile.write(tmp_path / "half.wav", samples.astype(np.int16), 16_000)
    recording = Recording("u", "half.wav", tmp_path / "half.wav", (("u-1", 0, 100), ("u-2", 103, 97)))
    (_, (_, matrix)), not_finite = features(recording, front_end())
    given = directly(samples[103 * 160 :], "eGeMAPSv02", "func")
    assert not_finite == (~np.isfinite(given)).sum()
    np.testing.assert_array_equal(matrix, np.where(np.isfinite(given), given, 0))


def test_an_unknown_feature_set_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"'eGeMAPSv2' is not a feature set of openSMILE; did you mean 'eGeMAPS"):
        front_end(feature_set="eGeMAPSv2")


def test_it_survives_the_way_to_a_worker_and_the_description() -> None:
    one = front_end(feature_set="IS09")
    utterance = Utterance(tone(50), [(0, 50)])
    described = description(one)
    assert described["identity"]["opensmile"] == opensmile.__version__
    for other in (pickle.loads(pickle.dumps(one)), front_end_of(described["options"])):  # noqa: S301
        np.testing.assert_array_equal(other.matrices(utterance)[0], one.matrices(utterance)[0])


def test_without_the_package_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "find_spec", lambda name: None if name == "opensmile" else find_spec(name))
    with pytest.raises(
        InputError,
        match=r"front end opensmile needs opensmile, which is not installed; `pip install .* -e '\.\[opensmile\]'` installs it",
    ):
        front_end().refuse_if_not_installed()
