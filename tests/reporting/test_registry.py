"""A table of one's own: one file (here this one) and one line of the registry."""

import pytest

from pipeline.reporting.page.page import render_page
from pipeline.reporting.tables import registry
from pipeline.reporting.tables.table import Cell, Column, Part, Table
from tests.helpers.reports import params_with, results_of, runs_of


def runs_table(results):
    """How many runs each model has; none without runs."""
    if not results.trained:
        return ()
    rows = tuple(
        {"model": Cell(results.label(model)), "runs": Cell(str(results.score(model, "last").runs))}
        for model in results.trained
    )
    columns = (Column("model", "Model", number=False), Column("runs", "Runs"))
    return (Table("counted", "Runs of each model", columns, (Part(rows),), ("One row a model.",)),)


@pytest.fixture
def extended(monkeypatch):
    monkeypatch.setattr(registry, "TABLES", (*registry.TABLES, runs_table))


def test_a_table_is_added_by_one_line_and_is_written_and_on_the_page(extended, tmp_path):
    params = params_with()
    results = results_of(params, runs_of("PreAct", 61, 7, params))
    tables = registry.build_tables(results)
    assert [table.key for table in tables][-2:] == ["section6_2", "counted"]
    registry.write_tables(tables, tmp_path)
    assert (tmp_path / "counted.csv").read_text("utf-8") == "model,runs\nPreAct,8\n"
    assert (tmp_path / "counted.md").exists()
    assert (tmp_path / "counted.tex").exists()
    page = render_page(results, tables)
    assert '<article id="counted">' in page
    assert "One row a model." in page


def test_a_table_that_the_results_have_nothing_for_is_left_out(extended):
    assert [table.key for table in registry.build_tables(results_of(params_with()))][-1] == "section6_2"
