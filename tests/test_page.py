from html.parser import HTMLParser

from pipeline.reporting.page import render_page
from pipeline.reporting.tables import build_tables
from tests.reports import experiment_of, params_with
from tests.test_tables import demo_runs, user_params

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks nesting, and collects what the tests look at."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.text = [], [], [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.tags.append(tag)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [value for name, value in attributes if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(experiment):
    return Page(render_page(experiment, build_tables(experiment)))


def test_the_page_is_well_formed_and_holds_every_table():
    params = params_with()
    page = page_of(experiment_of(params, demo_runs(params)))
    for number in range(2, 11):
        assert f"table{number}" in page.ids
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("h1") == 1
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_the_page_needs_no_network_and_no_scripts():
    page = page_of(experiment_of(params_with()))
    assert "script" not in page.tags
    assert all(link.startswith("#") for link in page.links)


def test_the_page_says_first_what_was_trained_and_that_it_is_not_the_papers():
    params = params_with()
    text = page_of(experiment_of(params, demo_runs(params))).text
    assert text.index("Trained here: 192 segments") < text.index("Another network and setting") < text.index("Table 2")
    assert "demo/corpora/emodb" in text


def test_labels_and_titles_with_markup_stay_text():
    params = user_params()
    page = page_of(experiment_of(params, demo_runs(params)))
    assert "100 % <mine> & $yours_1$" in page.text
    assert "a|b*_<i>#1</i>" in page.text
    assert "i" not in page.tags
    assert "mine" not in page.tags


def test_the_page_without_any_run():
    assert "not trained" in page_of(experiment_of(params_with())).text
