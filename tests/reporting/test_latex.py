"""The LaTeX of every table, by a real LaTeX."""

import shutil
import subprocess

import pytest

from pipeline.reporting.tables.formats import latex_escaped, to_latex
from pipeline.reporting.tables.registry import build_tables
from tests.helpers.reports import experiment_of, params_with, runs_of
from tests.reporting.test_tables import user_params

pytestmark = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="no pdflatex here: `apt-get install texlive-latex-base texlive-latex-recommended` to have tables compiled",
)

HEAD = (
    r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,amssymb}\usepackage[margin=2.5cm]{geometry}"
)


def compiled(body, folder):
    """The log of a document that has to compile."""
    (folder / "all.tex").write_text(f"{HEAD}\n\\begin{{document}}\n{body}\n\\end{{document}}\n", "utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "-draftmode", "all.tex"],
        cwd=folder, capture_output=True, text=True, errors="replace", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


def test_all_tables_compile_and_stay_on_the_page(tmp_path):
    params = user_params(pairs=(("PreActBN-Full", "PreAct"),))
    tables = build_tables(experiment_of(params, runs_of("PreAct", 61, 7, params)))
    log = compiled("\\clearpage\n".join(to_latex(table) for table in tables), tmp_path)
    assert "Overfull \\hbox" not in log
    assert "Float too large" not in log


def test_any_character_compiles(tmp_path):
    ranges = (range(0x20, 0x7F), range(0xA0, 0x180), range(0x370, 0x400), range(0x2010, 0x2040))
    odd = "".join(chr(code) for codes in ranges for code in codes) + "日本 🎉 ‡ † ✓ ✗ ₀"
    compiled("\n\n".join(latex_escaped(odd[i : i + 20]) for i in range(0, len(odd), 20)), tmp_path)


def test_tables_of_the_papers_setting_without_runs_compile(tmp_path):
    tables = build_tables(experiment_of(params_with()))
    compiled("\\clearpage\n".join(to_latex(table) for table in tables), tmp_path)
