"""The LaTeX of every table, by real LaTeX, with what the head of each file says that it needs."""

import re
import shutil
import subprocess

import pytest

from pipeline.reporting.tables.formats import latex_escaped, to_latex
from pipeline.reporting.tables.registry import build_tables
from pipeline.reporting.tables.table import Cell, Column, Part, Table
from tests.helpers.reports import params_with, results_of, runs_of
from tests.reporting.test_tables import user_params

PACKAGES = {
    "pdflatex": r"\usepackage[T1]{fontenc}\usepackage{amssymb}",
    "lualatex": r"\usepackage{fontspec}\setmainfont{DejaVu Sans}",
}


def works(engine):
    found = shutil.which(engine) is not None
    if found and engine == "lualatex":
        needed = subprocess.run(["kpsewhich", "luaotfload.sty", "fontspec.sty"], capture_output=True, text=True).stdout
        found = len(needed.split()) == 2
    return found


ENGINES = [
    pytest.param(
        engine,
        marks=pytest.mark.skipif(
            not works(engine),
            reason=f"no {engine} here: `apt-get install texlive-latex-base texlive-latex-recommended texlive-luatex` to "
            "have tables compiled",
        ),
    )
    for engine in PACKAGES
]
pytestmark = pytest.mark.parametrize("engine", ENGINES)


def compiled(engine, body, folder):
    """The log of a document that has to compile, its head made of what the tables' heads say."""
    declarations = set(re.findall(r"^% +(\\DeclareUnicodeCharacter.*)$", body, re.M)) if engine == "pdflatex" else ()
    head = rf"\documentclass{{article}}{PACKAGES[engine]}\usepackage{{booktabs}}\usepackage[margin=2.5cm]{{geometry}}"
    text = "\n".join([head, *sorted(declarations), r"\begin{document}", body, r"\end{document}", ""])
    (folder / "all.tex").write_text(text, "utf-8")
    done = subprocess.run(
        [engine, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "-draftmode", "all.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    log = (folder / "all.log").read_text("utf-8", errors="replace")
    assert "Missing character" not in log
    return log


def test_all_tables_compile_and_stay_on_the_page(engine, tmp_path):
    params = user_params(pairs=(("PreActBN-Full", "PreAct"),))
    tables = build_tables(results_of(params, runs_of("PreAct", 61, 7, params)))
    log = compiled(engine, "\\clearpage\n".join(to_latex(table) for table in tables), tmp_path)
    if engine == "pdflatex":  # DejaVu is wider than most fonts
        assert "Overfull \\hbox" not in log
        assert "Float too large" not in log


def test_any_character_compiles(engine, tmp_path):
    codes = [*range(0x20, 0x7F), *range(0xC0, 0x100)]
    if engine == "lualatex":
        codes += [*range(0xA1, 0x180), *range(0x391, 0x3A2), *range(0x3A3, 0x3CF), *range(0x2010, 0x2020)]
    text = "".join(map(chr, codes)) + "†‡§¶…—–‘’“”"
    compiled(engine, "\n\n".join(latex_escaped(text[i : i + 20]) for i in range(0, len(text), 20)), tmp_path)


def test_cells_that_begin_like_an_option_compile(engine, tmp_path):
    rows = ({"a": Cell("[1pt] b")}, {"a": Cell("* c")}, {"a": Cell("[x]")})
    table = Table("t", "[T]", (Column("a", "[A]"),), (Part(rows, "last", "[Last]", ("[note]",)),), ("* note",))
    compiled(engine, to_latex(table), tmp_path)


def test_tables_of_the_papers_setting_without_runs_compile(engine, tmp_path):
    tables = build_tables(results_of(params_with()))
    compiled(engine, "\\clearpage\n".join(to_latex(table) for table in tables), tmp_path)
