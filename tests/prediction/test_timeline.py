"""Emotions over time: windows, stretches, and their files."""

import csv
import io
import itertools
import re

import numpy as np
import pandas as pd
import pytest
import soundfile

from pipeline.__main__ import main
from pipeline.core.errors import InputError
from pipeline.prediction.labels import as_audacity, as_csv, as_textgrid
from pipeline.prediction.segments import Scored
from pipeline.prediction.timeline import Grid, timeline
from tests.helpers.small_weights import swelling, trained

CLASSES = ("joy", "anger", 'sad "blue"')


def scored(bounds, probabilities, seconds=None, members=1):
    values = np.repeat(np.asarray(probabilities, float)[:, None], members, axis=1)
    end = max(start + length for start, length in bounds) / 100
    return Scored(bounds, values, end if seconds is None else seconds, (), np.zeros((0, 2), np.float32))


def test_windows_cover_a_recording_and_the_last_ends_with_it():
    bounds = Grid(2.0, 0.5, 0).rule(730)
    assert bounds[:2] == [(0, 200), (50, 200)]
    assert bounds[-1] == (530, 200)
    assert all(later[0] - earlier[0] <= 50 for earlier, later in itertools.pairwise(bounds))
    assert Grid(2.0, 0.5, 0).rule(200) == [(0, 200)]
    assert Grid(2.0, 0.5, 0).rule(30) == [(0, 30)]


def test_a_time_has_the_mean_of_the_windows_that_cover_it():
    """Against every 10 ms counted apart."""
    source = np.random.default_rng(1)
    bounds = Grid(1.5, 0.4, 0).rule(987)
    values = source.dirichlet(np.ones(3), len(bounds))
    found = timeline(scored(bounds, values), Grid(1.5, 0.4, 0))
    for frame in range(987):
        covering = [
            value for (start, length), value in zip(bounds, values, strict=True) if start <= frame < start + length
        ]
        cell = np.searchsorted(found.edges, frame / 100 + 1e-6) - 1
        np.testing.assert_allclose(found.probabilities[cell], np.mean(covering, axis=0), atol=1e-9)


def test_stretches_cover_the_recording_and_none_is_too_short():
    source = np.random.default_rng(2)
    for minimum in (0.0, 1.0, 3.0):
        grid = Grid(1.0, 0.5, minimum)
        bounds = grid.rule(3000)
        found = timeline(scored(bounds, source.dirichlet(np.ones(3) / 3, len(bounds)), 30.015), grid).stretches
        assert (found[0].start, found[-1].end) == (0, 30.015)
        assert all(one.end == other.start for one, other in itertools.pairwise(found))
        assert all(one.label != other.label for one, other in itertools.pairwise(found))
        assert min(one.end - one.start for one in found) >= minimum - 1e-9


def test_a_short_stretch_takes_the_more_probable_neighbours_class():
    bounds = [(0, 300), (300, 50), (350, 300)]
    found = timeline(scored(bounds, [[0.8, 0.1, 0.1], [0.1, 0.3, 0.6], [0.1, 0.8, 0.1]]), Grid(3, 3, 1.0)).stretches
    assert [(one.label, one.start, one.end) for one in found] == [(0, 0, 3), (1, 3, 6.5)]
    assert found[1].probability == pytest.approx((0.3 * 0.5 + 0.8 * 3) / 3.5)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (Grid(2, 3, 0), "--every is 3 s and windows are 2 s, so that parts of a recording would be in no window"),
        (Grid(0.01, 0.01, 0), "--window is 0.01 s; expected at least 0.1"),
        (Grid(2, float("nan"), 0), "--every is nan s"),
        (Grid(2, 1, -1), "--minimum is -1 s; expected 0 or more"),
    ],
)
def test_a_grid_that_leaves_gaps_is_refused(grid, message):
    with pytest.raises(InputError, match=message):
        grid.refuse_mistakes()


@pytest.fixture
def example():
    bounds = [(0, 200), (200, 200), (400, 200)]
    return timeline(scored(bounds, [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.1, 0.1, 0.8]]), Grid(2, 2, 0))


def test_a_textgrid_has_the_stretches_as_intervals(example):
    text = as_textgrid(example, CLASSES)
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 6.000000\n')
    assert "size = 2\n" in text
    intervals = re.findall(r'xmin = ([\d.]+)\n +xmax = ([\d.]+)\n +text = "((?:[^"]|"")*)"', text)
    assert [(float(low), float(high), name.replace('""', '"')) for low, high, name in intervals] == [
        (0, 2, "joy"), (2, 6, 'sad "blue"'), (0, 2, "0.800"), (2, 6, "0.800"),
    ]  # fmt: skip


def test_audacity_gets_a_line_for_each_stretch(example):
    assert as_audacity(example, CLASSES) == '0.000000\t2.000000\tjoy 0.80\n2.000000\t6.000000\tsad "blue" 0.80\n'


def test_the_csv_has_a_row_for_each_cell(example):
    rows = list(csv.DictReader(io.StringIO(as_csv(example, CLASSES, spread=False))))
    assert [(row["start_s"], row["end_s"], row["stretch"]) for row in rows] == [
        ("0.000", "2.000", "joy"), ("2.000", "4.000", 'sad "blue"'), ("4.000", "6.000", 'sad "blue"'),
    ]  # fmt: skip
    assert rows[0]["p_joy"] == "0.800000"


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def test_the_command_writes_five_files_a_recording_and_names_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained(tmp_path, {"kind": "logmel", "bands": 8})
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        soundfile.write(f"{folder}/a b.wav", swelling(8), 16000)
    (tmp_path / "two/bad.wav").write_text("x")
    assert run("timeline", "a.safetensors", "one", "two", "--to", "out/here", "--every", 2, "--window", 4) == 1
    files = sorted(path.name for path in (tmp_path / "out/here").iterdir())
    ends = ("TextGrid", "csv", "labels.txt", "png", "svg")
    assert files == sorted([*(f"{name}.{end}" for name in ("a_b", "a_b-2") for end in ends), "index.csv"])
    index = pd.read_csv("out/here/index.csv", keep_default_na=False)
    assert list(index["name"]) == ["a_b", "a_b-2", ""]
    assert index["error"][2].startswith("unreadable")
    cells = pd.read_csv("out/here/a_b.csv")
    assert (cells["start_s"].iloc[0], cells["end_s"].iloc[-1]) == (0, 8)
    assert "<svg" in (tmp_path / "out/here/a_b.svg").read_text("utf-8")
    assert (tmp_path / "out/here/a_b.png").read_bytes().startswith(b"\x89PNG")
    assert run("timeline", "a.safetensors", "one", "--to", "out/here") == 1
    assert "the folder out/here is not empty; expected a new or an empty one, or --overwrite" in capsys.readouterr().err
