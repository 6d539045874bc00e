from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.core.features import Utterance
from pipeline.frontends import registry
from pipeline.frontends.base import FrontEnd, FrontEndOptions
from pipeline.frontends.functionals import STATISTICS, FunctionalsOptions, functionals
from pipeline.frontends.logmel import LogMelOptions
from pipeline.frontends.registry import FRONT_ENDS, description, front_end_of, make_front_end
from pipeline.frontends.spectrogram import SpectrogramOptions
from tests.frontends.signals import matrices, noise


def independent(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Every statistic by another way, in float64."""
    rows = rows.astype(np.float64)
    columns = range(rows.shape[1])
    changes = rows[1:] - rows[:-1]
    return {
        "mean": rows.mean(axis=0),
        "deviation": rows.std(axis=0),
        **{f"p{p:02}": np.percentile(rows, p, axis=0) for p in (5, 25, 50, 75, 95)},
        "slope": np.array([np.polyfit(np.arange(len(rows)), rows[:, column], 1)[0] for column in columns]),
        "change_mean": changes.mean(axis=0),
        "change_deviation": changes.std(axis=0),
    }


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(2, 60), columns=st.integers(1, 5), seed=st.integers(0, 99), level=st.sampled_from([0, -15, 1e4])
)
def test_statistics_are_those_of_numpy(rows, columns, seed, level):
    values = (np.random.default_rng(seed).normal(size=(rows, columns)) + level).astype(np.float32)
    expected = independent(values)
    assert set(expected) == set(STATISTICS)
    found = functionals(values)
    assert found.shape == (1, len(STATISTICS) * columns)
    assert found.dtype == np.float32
    for name, block in zip(STATISTICS, np.split(found[0], len(STATISTICS)), strict=True):
        # Differences of float32 numbers are rounded to float32.
        np.testing.assert_allclose(block, expected[name], rtol=1e-5, atol=1e-5 + 1e-7 * abs(level), err_msg=name)


def test_one_frame_has_neither_slope_nor_deviation_nor_change():
    values = np.array([[3.0, -1.5]], dtype=np.float32)
    for name, block in zip(STATISTICS, np.split(functionals(values)[0], len(STATISTICS)), strict=True):
        level = name == "mean" or name.startswith("p")
        assert np.array_equal(block, values[0] if level else [0, 0]), name


def test_a_line_has_its_slope_and_a_constant_has_none():
    values = np.stack([np.arange(50) * 0.25, np.full(50, 7.0)], axis=1).astype(np.float32)
    found = functionals(values, ("slope", "change_mean", "change_deviation", "deviation"))[0].reshape(4, 2)
    np.testing.assert_allclose(found[:3, 0], [0.25, 0.25, 0], atol=1e-7)
    assert not found[:, 1].any()


def test_a_segment_is_described_by_its_own_rows_in_the_order_of_the_statistics_named():
    signal, bounds = noise(32_000), [(0, 100), (70, 128)]
    rows = matrices(signal, bounds, kind="logmel")
    other = {"kind": "logmel"}
    found = matrices(signal, bounds, kind="functionals", of=other, statistics=["p50", "mean"])
    for ours, segment in zip(found, rows, strict=True):
        expected = np.concatenate([np.median(segment, axis=0), segment.mean(axis=0)])
        np.testing.assert_allclose(ours[0], expected, rtol=1e-5)
    front_end = front_end_of({"kind": "functionals", "of": other})
    assert (front_end.shape.dims, front_end.shape.framewise, front_end.shape.rows(300)) == (640, False, 1)


def completed(of: object, **entries: FrontEndOptions) -> FunctionalsOptions:
    options = FunctionalsOptions(kind="functionals", of=of)
    return options.completed("utterance", {**entries, "stats": options})


def test_completed_options_hold_those_of_the_other_front_end_and_rebuild_it_from_plain_values():
    entries = {"level": SpectrogramOptions(kind="spectrogram"), "mel": LogMelOptions(kind="logmel", bands=30)}
    for of, expected in (("level", {"cmvn": "utterance"}), ("mel", {"bands": 30}), (entries["mel"], {"bands": 30})):
        options = completed(of, **entries)
        plain = json.loads(json.dumps(description(make_front_end(options))["options"]))
        assert plain["of"].items() >= expected.items()
        again = front_end_of(plain)
        assert again.options == options
        utterance = Utterance(noise(16_000).numpy(), [(0, 98)])
        assert np.array_equal(again.matrices(utterance)[0], make_front_end(options).matrices(utterance)[0])


def test_the_description_follows_options_and_code_of_the_other_front_end(monkeypatch):
    entries = {"mel": LogMelOptions(kind="logmel")}
    described = description(make_front_end(completed("mel", **entries)))
    assert described["identity"]["of"] == description(make_front_end(entries["mel"]))
    assert described["identity"]["of"]["source"] != described["source"]
    other = description(make_front_end(completed("mel", mel=LogMelOptions(kind="logmel", bands=30))))
    assert described["identity"]["of"]["options"] != other["identity"]["of"]["options"]
    # An edit of its file is an edit of its hash.
    monkeypatch.setattr(registry, "source_hashes", lambda files: {file: "x" for file in files if "logmel" in file})
    edited = description(make_front_end(completed("mel", **entries)))
    assert edited["identity"]["of"]["source"] != described["identity"]["of"]["source"]


def test_its_code_is_not_that_of_other_front_ends():
    """Nor the registry: a new front end must not extract functionals again."""
    files = registry.import_closure([FRONT_ENDS["functionals"]], ["pipeline/frontends"])
    assert files == [f"pipeline/frontends/{name}.py" for name in ("__init__", "base", "functionals")]


class Shaky(FrontEnd[FrontEndOptions]):
    """A front end with requirements of its own, and numbers that are not finite."""

    options_class = FrontEndOptions
    framewise = True
    dims = 1
    reads_audio = False
    fills_non_finite = True
    memory = 5 << 30
    needs = ("no_such_package",)
    install = "pip install nothing"

    def matrices(self, utterance):
        return [np.full((length, 1), np.nan, np.float32) for _, length in utterance.bounds]


@pytest.fixture
def shaky(monkeypatch):
    monkeypatch.setitem(sys.modules, "shaky", SimpleNamespace(FRONT_END=Shaky))
    monkeypatch.setitem(FRONT_ENDS, "shaky", "shaky")
    return FrontEndOptions(kind="shaky")


def test_what_the_other_front_end_needs_is_needed(shaky):
    front_end = make_front_end(completed("shaky", shaky=shaky))
    assert (front_end.reads_audio, front_end.fills_non_finite, front_end.memory) == (False, True, 5 << 30)
    with pytest.raises(InputError, match=r"^the front end shaky needs no_such_package, .*`pip install nothing`"):
        front_end.refuse_if_not_installed()


@pytest.mark.filterwarnings("error")
def test_values_that_are_not_finite_stay_so_without_a_warning_and_are_counted_by_the_extraction(shaky):
    matrix = make_front_end(completed("shaky", shaky=shaky)).matrices(Utterance(np.empty(0, np.float32), [(0, 5)]))[0]
    assert not np.isfinite(matrix).any()
    assert not np.isfinite(functionals(np.array([[1], [np.inf], [2]], np.float32), ("mean", "deviation"))).any()


@pytest.mark.parametrize(
    ("of", "entries", "expected"),
    [
        ("mell", {"mel": LogMelOptions(kind="logmel")},
         "of: 'mell' is not a front end; did you mean 'mel'? expected one of mel"),
        ("stats", {"mel": LogMelOptions(kind="logmel")}, "of: 'stats' is this front end itself; expected one of mel"),
        ("other", {"other": FunctionalsOptions(kind="functionals", of="stats")},
         "of: 'other' gives one row a segment, which has no statistics over time; expected a front end with a row for "
         "each frame, such as spectrogram or logmel"),
        (FunctionalsOptions(kind="functionals", of="mel"), {"mel": LogMelOptions(kind="logmel")},
         "of: an entry of kind 'functionals' gives one row a segment"),
        ("mel", {"mel": LogMelOptions(kind="logmel", bands=200)}, "of: 'mel' cannot be used: bands: 200 from 20 to"),
    ],
)  # fmt: skip
def test_another_front_end_that_cannot_be_described_is_refused(of, entries, expected):
    with pytest.raises(InputError) as caught:
        completed(of, **entries)
    assert str(caught.value).startswith(expected)


def test_a_front_end_with_one_row_a_segment_has_no_statistics(monkeypatch, shaky):
    monkeypatch.setattr(Shaky, "framewise", False)
    with pytest.raises(InputError, match="^of: 'shaky' gives one row a segment"):
        completed("shaky", shaky=shaky)
