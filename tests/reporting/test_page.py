import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from pipeline.core.errors import InputError
from pipeline.params import load_params
from pipeline.reporting.page.inputs import PageFigure, load_figures, load_hashes
from pipeline.reporting.page.page import render_page
from pipeline.reporting.tables.notes import TESTS
from pipeline.reporting.tables.registry import build_tables
from pipeline.reporting.tables.table import Cell, Column, Part, Table
from tests.helpers.reports import params_with, results_of, runs_of
from tests.reporting.test_tables import demo_runs, user_params

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks nesting, and collects what the tests look at."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.text = [], [], [], [], ""
        self.meta, self.blocks = {}, []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [value for name, value in attributes if name in ("href", "src")]
        if "http-equiv" in values:
            self.meta[values["http-equiv"]] = values["content"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] == "pre":
            self.blocks.append(data)


def page_of(results, figures=()):
    return Page(render_page(results, build_tables(results), figures, {"data/folds.csv": "0" * 64}))


def test_the_page_is_well_formed_and_holds_every_table():
    params = params_with()
    page = page_of(results_of(params, demo_runs(params)))
    for number in range(2, 11):
        assert f"table{number}" in page.ids
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("h1") == 1
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def folded(page):
    """Keys of the tables that are folded away: a `details` with an id holds a table, others a part of one."""
    return set(re.findall(r'<details id="([^"]+)">', page))


def test_tables_of_published_results_alone_are_folded_away_at_the_end():
    params = params_with()
    results = results_of(params, demo_runs(params))
    page = render_page(results, build_tables(results))
    assert folded(page) == {"table9", "section6_2"}
    assert page.index('id="table9"') > page.index('<article id="table10"')
    pair = runs_of("PreAct", 61, 7, params), runs_of("PreActBN-Full", 66, 8, params)
    results = results_of(params, pd.concat(pair, ignore_index=True))
    # Models of tables 2, 6 and 8 were trained, but no two that tables 7 and 9 compare.
    assert folded(render_page(results, build_tables(results))) == {"table7", "table9", "table10", "section6_2"}


def test_the_page_fetches_nothing_and_runs_one_script_of_its_own():
    page = page_of(results_of(params_with()))
    assert page.tags.count("script") == 1
    assert all(link.startswith("#") for link in page.links)
    policy = page.meta["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline'" not in policy.split(";")[1]
    assert "http" not in policy


def test_the_page_says_first_what_was_trained_and_that_it_is_not_the_papers():
    params = params_with()
    text = page_of(results_of(params, demo_runs(params))).text
    said = [
        "5 models were trained to tell joy, anger, sadness and fear apart, on 192 segments of 48 actors",
        "Best model: PreAct-Both", "66.0 %", "95 % interval 63.0 to 69.0", "chance is 25 %",
        "Another network and setting than the paper's", "One claim a table, and whether it stands",
        "PreActBN-Full has a higher UA than PreActBN", "Table 2: PreAct and PreActBN with", "dvc metrics diff",
    ]  # fmt: skip
    places = [text.find(words) for words in said]
    assert -1 not in places, said[places.index(-1)]
    assert places == sorted(places)
    assert "demo/corpora/emodb" in text


def test_labels_and_titles_with_markup_stay_text():
    params = user_params(pairs=(("PreActBN-Full", "PreAct"),))
    results = results_of(params, demo_runs(params))
    page = page_of(results, [PageFigure("f", "<b>t", "<i>c", '"<mine>"', "<svg><g/></svg>")])
    assert "100 % <mine> & $yours_1$" in page.text
    assert "a|b*_<i>#1</i>" in page.text
    assert not {"i", "b", "mine"} & set(page.tags)


def test_a_script_in_a_label_does_not_run_and_does_not_end_the_page():
    params = params_with()
    models = {key: model.model_dump() for key, model in params.models.items()}
    models["PreAct"]["label"] = "</script></style><script>alert(1)</script>"
    params = params_with(models=models)
    page = page_of(results_of(params, demo_runs(params)))
    assert page.tags.count("script") == 1
    assert page.tags.count("style") == 1


def test_the_page_without_any_run():
    text = page_of(results_of(params_with())).text
    assert "No model was trained" in text
    assert "not trained" in text
    assert "Best model" not in text


def test_the_title_names_shaking_only_where_a_model_is_shaken():
    params = params_with()
    assert "recognition with shaking" in page_of(results_of(params)).text
    plain = {key: model for key, model in params.models.items() if not getattr(model, "shake", None)}
    text = page_of(results_of(params.model_copy(update={"models": plain}))).text
    assert "recognition with shaking" not in text


def test_params_of_the_page_are_the_params(tmp_path):
    params = user_params()
    page = page_of(results_of(params, demo_runs(params)))
    block = next(text for text in page.blocks if text.startswith("classes:"))
    (tmp_path / "params.yaml").write_text(block, "utf-8")
    assert load_params(tmp_path / "params.yaml") == params


def test_notes_that_all_tables_share_are_said_once():
    params = params_with()
    text = page_of(results_of(params, demo_runs(params))).text
    assert text.count("Believe the deciding one.") == 1


def test_figures_that_are_not_there_are_no_link():
    page = page_of(results_of(params_with()))
    assert "#figures" not in page.links


def test_broken_inputs_of_the_page_are_explained(tmp_path):
    with pytest.raises(InputError, match=r"is not what the figures stage wrote .*`dvc repro --force figures`"):
        load_figures(tmp_path)
    (tmp_path / "folds.csv").write_text("")
    for text, reason in (
        ('{"enterface": {}}', "KeyError: 'features'"),
        ('{"enterface": {"features": {"spectrogram": {}}}}', "KeyError: 'ark'"),
        ('{"enterface": {"features": []}}', "AttributeError: .*"),
    ):
        (tmp_path / "inputs.json").write_text(text)
        with pytest.raises(InputError, match=rf"inputs.json is not what the inputs stage wrote \({reason}\)"):
            load_hashes(tmp_path / "inputs.json", tmp_path / "folds.csv", params_with())


def test_the_page_names_the_features_of_every_front_end_and_the_segments_of_every_corpus(tmp_path):
    params = params_with()
    entry = {"segments": "s", "features": {name: {"ark": name, "scp": "x"} for name in ("spectrogram", "other")}}
    (tmp_path / "inputs.json").write_text(json.dumps(dict.fromkeys(params.corpora, entry)))
    (tmp_path / "folds.csv").write_text("")
    hashes = load_hashes(tmp_path / "inputs.json", tmp_path / "folds.csv", params)
    assert len(hashes) == 3 * len(params.corpora) + 1
    assert hashes["data/features/other/emodb.ark"] == "other"
    assert hashes["data/segments/emodb.csv"] == "s"


def test_notes_of_all_tables_stand_once_also_beside_tables_without_them():
    results = results_of(params_with(), demo_runs(params_with()))
    apart = Table(
        "test", "The test set apart", (Column("ua", "UA"),), (Part(({"ua": Cell("1")},), "last"),), ("Mine.",)
    )
    page = Page(render_page(results, (*build_tables(results), apart), (), {}))
    assert page.text.count(TESTS) == 1
    assert page.text.count("Mine.") == 1
