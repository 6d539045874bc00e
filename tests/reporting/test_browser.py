"""The page in a real browser: as it looks on a phone and in the dark, with a keyboard and for a screen reader."""

import re
from itertools import pairwise

import pytest

from pipeline.evaluation.results import RunDetails
from pipeline.reporting.page.page import render_page
from pipeline.reporting.tables.registry import build_tables
from tests.helpers.chromium import chromium, needs_chromium
from tests.helpers.drawn import page_figures
from tests.helpers.reports import results_of
from tests.reporting.test_tables import demo_runs, user_params

pytestmark = needs_chromium

CONTRAST = """
(() => {
  const channel = (value) => { value /= 255; return value <= .03928 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4; };
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const behind = (element) => {
    for (let node = element; node; node = node.parentElement) {
      const colour = parse(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const worst = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.getClientRects().length || element.closest("script, .hidden, title, desc")) continue;
    const style = getComputedStyle(element);
    const text = luminance(parse(element.closest("svg") ? style.fill : style.color));
    const back = luminance(behind(element));
    const ratio = (Math.max(text, back) + .05) / (Math.min(text, back) + .05);
    worst.push([Math.round(ratio * 100) / 100, element.tagName, element.textContent.trim().slice(0, 40)]);
  }
  return worst.sort((one, other) => one[0] - other[0]).slice(0, 3);
})()
"""

SPILLS = """
[...document.querySelectorAll("body *")]
  .filter((element) => !element.closest(".scroll, pre, .hidden, .skip, .bar ul"))
  .filter((element) => element.getBoundingClientRect().right > innerWidth + .5)
  .map((element) => element.outerHTML.slice(0, 80))
"""

FIRST_COLUMNS = """
(() => {
  const cells = [...document.querySelectorAll("table")]
    .filter((table) => table.parentElement.scrollLeft === 100)
    .map((table) => [table.parentElement.getBoundingClientRect(), table.rows[1].cells[0].getBoundingClientRect()]);
  return [cells.map(([box, cell]) => Math.abs(cell.left - box.left - 1)), cells.map(([_, cell]) => cell.width)];
})()
"""
"""How far the first cells of tables that were scrolled are from the side, and how wide they are, in pixels."""

MODELS = "document.querySelector('#models table')"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    params = user_params(pairs=(("PreActBN-Full", "PreAct"),))
    versions = (("numpy", "2.4.6"), ("torch", "2.11.0"))
    details = tuple(
        RunDetails(model, 1, 1, "x86_64 CPU (AVX512)", "fp32", versions, "d" * 20, "s" * 20, "i" * 20)
        for model in params.models
    )
    results = results_of(params, demo_runs(params), details)
    hashes = {f"data/features/spectrogram/{corpus}.ark": "0" * 64 for corpus in params.corpora}
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render_page(results, build_tables(results), page_figures(results), hashes), "utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


def test_it_loads_without_a_complaint_and_without_the_network(browser, page):
    browser.show(page)
    assert browser.problems == []
    assert browser.requests == [page.as_uri()]


def test_the_policy_lets_nothing_else_run_and_nothing_be_fetched(browser, page):
    browser.show(page)
    browser.run(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    browser.run("document.body.append(Object.assign(document.createElement('img'), {src: 'http://127.0.0.1:9/x.png'}))")
    assert browser.run("window.ran") is None
    assert any("Content Security Policy" in problem for problem in browser.problems)


@pytest.mark.parametrize("width", [320, 360, 768, 1440])
@pytest.mark.parametrize("opened", [False, True])
def test_nothing_spills_over_the_side_but_inside_a_tables_own_box(browser, page, width, opened):
    browser.show(page, width, 800)
    if opened:
        browser.run("document.querySelectorAll('details').forEach((one) => one.open = true)")
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(SPILLS) == []


@pytest.mark.parametrize(("width", "stays"), [(360, True), (1440, False)])
def test_on_a_phone_the_first_column_stays_and_leaves_room_for_the_others(browser, page, width, stays):
    browser.show(page, width, 800)
    browser.run("document.querySelectorAll('details').forEach((one) => one.open = true)")
    browser.run("document.querySelectorAll('.scroll').forEach((one) => one.scrollLeft = 100)")
    moved, widths = browser.run(FIRST_COLUMNS)
    assert moved
    assert (max(moved) <= 1) == stays
    assert max(widths) < width / 2


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_has_enough_contrast(browser, page, dark):
    browser.show(page, dark=dark)
    browser.run("document.querySelectorAll('details').forEach((one) => one.open = true)")
    shade = [int(value) for value in re.findall(r"\d+", browser.run("getComputedStyle(document.body).backgroundColor"))]
    assert (max(shade) < 60) == dark
    worst = browser.run(CONTRAST)
    assert worst[0][0] >= 4.5, worst


def values(browser):
    return browser.run(f"[...{MODELS}.tBodies[0].rows].map((row) => row.cells[2].textContent.trim())")


def focus(browser, script):
    browser.run(f"{script}.focus()")


def test_tables_sort_by_keyboard_and_say_so(browser, page):
    browser.show(page)
    written = values(browser)
    header = f"{MODELS}.tHead.rows[0].cells[2]"
    assert browser.run(f"{header}.getAttribute('scope')") == "col"
    focus(browser, f"{header}.querySelector('button')")
    orders = []
    for key, text in (("Enter", "\r"), (" ", " "), ("Enter", "\r")):
        browser.press(key, text)
        orders.append((browser.run(f"{header}.getAttribute('aria-sort')"), values(browser)))
    up = sorted(written, key=float)
    assert orders == [("ascending", up), ("descending", up[::-1]), (None, written)]
    assert browser.problems == []


def test_sorting_another_column_takes_the_mark_from_the_first(browser, page):
    browser.show(page)
    browser.run(f"{MODELS}.querySelectorAll('th button')[2].click()")
    browser.run(f"{MODELS}.querySelectorAll('th button')[0].click()")
    sorted_by = browser.run(f"[...{MODELS}.tHead.rows[0].cells].map((cell) => cell.getAttribute('aria-sort'))")
    assert sorted_by == ["ascending", *[None] * 5]


def test_rows_without_a_value_stay_last_whichever_way(browser, page):
    browser.show(page)
    table = "document.querySelector('#table8 table')"
    column = browser.run(
        f"[...{table}.tHead.rows[0].cells].findIndex((cell) => cell.textContent.startsWith('Valid UA'))"
    )
    for _ in range(2):
        browser.run(f"{table}.querySelectorAll('th button')[{column}].click()")
        found = browser.run(f"[...{table}.tBodies[0].rows].map((row) => row.cells[{column}].dataset.value)")
        assert found.index("") == len([value for value in found if value])


def test_the_keyboard_meets_the_skip_link_first_and_sees_where_it_is(browser, page):
    browser.show(page, 360, 800)
    browser.press("Tab")
    assert browser.run("document.activeElement.textContent") == "Skip to the results"
    assert browser.run("document.activeElement.getBoundingClientRect().left") >= 0
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") != "none"
    browser.press("Enter", "\r")
    assert browser.run("location.hash") == "#claims"


def test_a_screen_reader_meets_headings_captions_and_words_for_figures(browser, page):
    browser.show(page)
    nodes = browser.accessible()
    headings = [name for role, name in nodes if role == "heading"]
    assert headings[0] == "Speech emotion recognition with shaking"
    levels = browser.run("[...document.querySelectorAll('h1, h2, h3, h4')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1
    assert all(deeper - above <= 1 for above, deeper in pairwise(levels))
    figures = [name for role, name in nodes if role in ("image", "img", "graphics-document") and "models" in name]
    assert figures
    assert browser.run("[...document.querySelectorAll('table')].every((table) => table.caption)")
    assert browser.run("[...document.querySelectorAll('th')].every((cell) => cell.scope)")
    assert browser.run("document.documentElement.lang") == "en"
    for role in ("main", "navigation", "banner", "contentinfo"):
        assert role in {role for role, _ in nodes}


def test_nothing_moves_for_those_who_want_it_so(browser, page):
    browser.show(page, reduced_motion=True)
    assert browser.run("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_buttons_are_large_enough_for_a_finger(browser, page):
    browser.show(page, 360, 800)
    small = browser.run(
        "[...document.querySelectorAll('summary, .bar a, th button')].filter((one) => one.getClientRects().length)"
        ".map((one) => one.getBoundingClientRect()).filter((box) => box.height < 24 || box.width < 24).length"
    )
    assert small == 0
