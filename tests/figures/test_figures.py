import io
import json
import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pipeline.evaluation.tables import measures_schema
from pipeline.figures.colours import GRID, INK, PAPER, SOFT
from pipeline.figures.confusion import confusion_matrices, draw_confusion
from pipeline.figures.curves import MOST_POINTS, accuracy_curves, draw_accuracy_curves
from pipeline.figures.differences import draw_differences
from pipeline.figures.drawing import FILLS, shortened, write_drawings
from pipeline.figures.groups import draw_groups
from pipeline.figures.spectrogram import choose_recording, draw_spectrogram, segment_spectrograms
from pipeline.figures.trade_off import draw_trade_off, trade_off
from pipeline.reporting.page.inline import inlined
from pipeline.runs.tables import HISTORY
from tests.helpers.drawn import drawings_of, figure_inputs, history_of, measures_of
from tests.helpers.reports import paper_params, params_with, published_runs, results_of, runs_of, segments_of
from tests.reporting.test_tables import demo_runs, user_params

ALL = ["ua_curves", "loss_curves", "trade_off", "differences", "confusion", "groups", "folds", "spectrogram"]


@pytest.fixture(scope="module")
def results():
    params = params_with()
    return results_of(params, demo_runs(params))


@pytest.fixture(scope="module")
def drawings(results):
    return drawings_of(results)


def test_the_made_up_data_keep_the_contracts(results):
    HISTORY.validate(history_of(results))
    measures_schema(results.params.classes).validate(measures_of(results))


def test_every_figure_is_there_as_svg_and_png_with_words_for_those_who_do_not_see_it(drawings):
    assert [one.key for one in drawings] == ALL
    for one in drawings:
        assert ET.fromstring(one.svg).tag.endswith("svg")
        image = Image.open(io.BytesIO(one.png))
        assert image.width == 1024
        assert one.caption.endswith(".")
        assert one.alt.endswith(".")


def test_the_same_results_give_the_same_bytes(results, drawings):
    for one, other in zip(drawings, drawings_of(results), strict=True):
        assert (one.svg, one.png) == (other.svg, other.png)


def test_nothing_in_a_file_says_when_or_with_what_it_was_made(drawings):
    for one in drawings:
        assert "dc:date" not in one.svg
        assert not re.search(r"[Mm]atplotlib v", one.svg)
        assert not {"Software", "Creation Time"} & set(Image.open(io.BytesIO(one.png)).info)


def test_without_runs_the_data_are_still_drawn():
    assert [one.key for one in drawings_of(results_of(params_with()))] == ["folds", "spectrogram"]


def test_one_model_that_diverged_and_one_that_did_not():
    params = params_with()
    runs = pd.concat([runs_of("PreAct", 61, 7, params), runs_of("PreActBN", 50, 1, params, diverged={(1, 1)})])
    inputs = figure_inputs(results_of(params, runs))
    assert draw_differences(inputs) is None
    assert draw_trade_off(inputs) is not None


def test_one_run_a_model_has_no_spread_and_is_drawn():
    params = params_with(train={**params_with().train.model_dump(), "folds": (2,), "seeds": (1,), "epochs": 1})
    runs = pd.concat([runs_of("PreAct", 61, 7, params), runs_of("PreAct-Full", 64, 2, params)])
    assert [one.key for one in drawings_of(results_of(params, runs))] == ALL


def test_the_caption_of_the_spectrogram_names_the_frames_of_its_own_front_end():
    own = {"spectrogram": {"kind": "spectrogram", "cmvn": "utterance"}}
    for params, frames in ((params_with(), "segment"), (params_with(frontends=own), "utterance")):
        assert f"normalised over its {frames};" in draw_spectrogram(figure_inputs(results_of(params))).caption


def test_powers_that_are_not_normalised_are_for_the_figure_and_the_caption_says_so():
    params = params_with(frontends={"spectrogram": {"kind": "spectrogram", "cmvn": "none"}})
    drawing = draw_spectrogram(figure_inputs(results_of(params)))
    assert "each frequency bin normalised over its segment for this figure; dark is loud." in drawing.caption
    assert drawing.caption.endswith("The network gets the powers as they are.")


def test_labels_are_drawn_as_they_are():
    params = user_params()
    runs = runs_of("PreAct", 61, 7, params)
    inputs = figure_inputs(results_of(params, runs))
    for draw in (draw_accuracy_curves, draw_trade_off, draw_groups, draw_confusion):
        one = draw(inputs)
        texts = {
            "".join(element.itertext()) for element in ET.fromstring(one.svg).iter() if element.tag.endswith("text")
        }
        assert any("a|b*_<i>#1</i>" in text for text in texts), one.key


def test_dollar_signs_are_no_formula(results):
    history = history_of(results)
    model = history["model"].iloc[0]
    assert "$x_1^$" in accuracy_curves(history, {model: "$x_1^$"}, 25.0).svg


def test_curves_are_means_and_extremes_over_runs(results, drawings):
    table = drawings[0].data
    row = table[(table["model"] == "PreAct") & (table["epoch"] == 2)].iloc[0]
    history = history_of(results)
    ua = history[(history["model"] == "PreAct") & (history["epoch"] == 2)]["valid_ua"]
    assert (row["valid_ua_mean"], row["valid_ua_min"], row["valid_ua_max"]) == (ua.mean(), ua.min(), ua.max())


def test_a_thousand_epochs_are_thinned_and_that_is_said(results):
    history = history_of(results, epochs=1000)
    history = history[history["model"] == "PreAct"]
    drawn = accuracy_curves(history, {"PreAct": "PreAct"}, 25.0)
    assert len(drawn.svg) < 60_000
    step = -(-1000 // MOST_POINTS)
    assert f"Every {step}th epoch is drawn" in drawn.caption


def test_confusions_are_shares_of_a_row_and_an_absent_class_has_none():
    counts = {"a": np.array([[3, 1], [0, 0]])}
    drawn = confusion_matrices(counts, {"a": "A"}, ("joy", "fear"), "last epoch")
    texts = [element.text for element in ET.fromstring(drawn.svg).iter() if element.tag.endswith("text")]
    assert {"75", "25", "-"} <= set(texts)
    assert drawn.alt == "One matrix a model. A: most often joy taken for fear."


def test_better_models_are_above_and_labels_do_not_cover_each_other():
    params = params_with()
    models = list(params.models)
    runs = pd.concat([runs_of(model, 60 + index / 50, 5, params, 1e-6) for index, model in enumerate(models)])
    drawn = trade_off(runs[runs["selection"] == "last"], params.models, "gap", "train mode")
    found = re.findall(r'<text style="font-size: 8.5px[^>]*? x="([\d.]+)" y="([\d.]+)"[^>]*>(Pre[^<]+)<', drawn.svg)
    places = {name: (float(x), float(y)) for x, y, name in found}
    labels = [places[params.models[model].label] for model in models]
    assert all(abs(a[1] - b[1]) > 6 or abs(a[0] - b[0]) > 40 for i, a in enumerate(labels) for b in labels[:i])


def test_many_models_are_numbered_and_named_below():
    params = paper_params()
    runs = published_runs(params)
    drawn = trade_off(runs[runs["selection"] == "last"], params.models, "gap", "train mode")
    texts = [element.text for element in ET.fromstring(drawn.svg).iter() if element.tag.endswith("text")]
    assert {"1", "22", "1 PreAct", "22 PreActBN-Both-g005"} <= set(texts)


def test_the_recording_shown_is_one_with_segments_if_there_is_any():
    segments = segments_of(params_with())
    assert len(choose_recording(segments)) == 1
    twice = segments.iloc[[5]].assign(segment="x-2", start_frame=120)
    assert list(choose_recording(pd.concat([segments, twice]))["segment"]) == [segments["segment"][5], "x-2"]


def test_a_segment_of_one_frame_is_drawn():
    rows = segments_of(params_with()).iloc[[0]].assign(num_frames=1)
    assert segment_spectrograms(rows, [np.zeros((1, 257), np.float32)], "segment").png


def test_files_of_a_figure(drawings, tmp_path):
    write_drawings(drawings, tmp_path)
    index = json.loads((tmp_path / "index.json").read_text("utf-8"))
    assert [one["key"] for one in index] == ALL
    for one in index:
        assert (tmp_path / f"{one['key']}.svg").is_file()
        assert (tmp_path / f"{one['key']}.png").is_file()
        assert (tmp_path / f"{one['key']}.csv").is_file() == one["data"]


def test_neighbouring_fills_differ_in_grey():
    """Lightness or hatch, on white paper without colours."""

    def look(fill):
        if fill["facecolor"] == "none":
            return 255.0, fill["hatch"]
        grey = np.dot([int(fill["facecolor"][i : i + 2], 16) for i in (1, 3, 5)], [0.299, 0.587, 0.114])
        return fill["alpha"] * grey + (1 - fill["alpha"]) * 255, ""

    looks = [look(fill) for fill in FILLS]
    for position, (one, hatch) in enumerate(looks):
        for other, other_hatch in looks[:position]:
            assert hatch != other_hatch or abs(one - other) > 3, position
    for (one, hatch), (other, other_hatch) in pairwise(looks):
        assert hatch != other_hatch or abs(one - other) > 25


def test_an_inlined_figure_has_ids_of_its_own_the_pages_colours_and_a_name(drawings):
    ids = []
    for one in drawings:
        text = inlined(one.svg, one.key, one.title, "What one sees: <a & b>.")
        root = ET.fromstring(text)
        ids += re.findall(r'\bid="([^"]+)"', text)
        assert not any(colour in text for colour in (INK, SOFT, GRID, PAPER))
        assert "<style" not in text
        assert "font-family" not in text
        assert root.get("role") == "img"
        assert root.get("aria-labelledby").split() == [f"{one.key}-title", f"{one.key}-desc"]
        used = re.findall(r'(?:href="#|url\(#)([^")]+)', text)
        assert set(used) <= set(re.findall(r'\bid="([^"]+)"', text))
    assert len(ids) == len(set(ids))


def test_long_labels_are_shortened():
    assert shortened("a" * 40, 10) == "a" * 9 + "…"
    assert shortened("short", 10) == "short"


def test_crossval_shows_predictions_of_the_last_epoch_and_says_so():
    params = params_with(report={**params_with().report.model_dump(), "selection": "crossval"})
    runs = pd.concat([runs_of("PreAct", 61, 7, params), runs_of("PreAct-Full", 64, 2, params, seed=1)])
    inputs = figure_inputs(results_of(params, runs))
    assert "at the last epoch" in draw_confusion(inputs).caption
    assert "at the cross-validated epoch" in draw_differences(inputs).caption
