"""docs/coverage.md: everything that it names exists, and every item of the four papers is there."""

import csv
import re
from pathlib import PurePosixPath

import pytest
from ruamel.yaml import YAML

from studies.__main__ import STUDIES
from studies.correlation import results as correlation
from studies.embeddings import results as embeddings
from studies.shake_rules import results as shake_rules
from studies.table1 import results as table1
from tests.helpers.closure import ROOT

TEXT = (ROOT / "docs/coverage.md").read_text("utf-8")
CODE = re.findall(r"`([^`\n]+)`", TEXT)
STAGES = YAML(typ="safe").load((ROOT / "studies/dvc.yaml").read_text("utf-8"))["stages"]
SUFFIXES = {".py", ".md", ".csv", ".yaml"}


def paths(root=ROOT):
    """Files and folders that the page names; results are made by stages and are no files of the repository."""
    return sorted({one for one in CODE if _is_path(one)})


def _is_path(code):
    return " " not in code and ("/" in code or PurePosixPath(code.partition("::")[0]).suffix in SUFFIXES)


def made(path):
    """Whether a path is an output of a stage of the studies, or lies in the folder of results of the pipeline."""
    outs = [out for stage in STAGES.values() for out in stage["outs"]]
    return path.startswith("results/") or any(path == out or path.startswith(f"{out}/") for out in outs)


@pytest.mark.parametrize("path", paths())
def test_a_file_that_is_named_exists(path):
    file, _, name = path.partition("::")
    if made(file):
        return
    assert (ROOT / file).exists(), file
    if name:
        text = (ROOT / file).read_text("utf-8")
        assert re.search(rf"^(def|class|async def) {name}\b", text, re.MULTILINE) or re.search(
            rf"^{name}\b.*=", text, re.MULTILINE
        ), path


COMMANDS = sorted({one for one in CODE if one.startswith(("dvc ", "python -m ", "make ", "cp ", "pytest "))})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_named_exists(command):
    words = command.split()
    if words[:2] == ["dvc", "repro"]:
        for target in words[2:]:
            file, _, stage = target.rpartition(":") if ":" in target else (target, "", "")
            assert (ROOT / file).is_file()
            assert not stage or stage in STAGES
    elif words[:3] == ["python", "-m", "studies"]:
        assert words[3] in STUDIES
    elif words[:3] == ["python", "-m", "pipeline"]:
        assert (ROOT / f"pipeline/commands/{words[3]}.py").is_file()
    elif words[:2] == ["make", "demo"]:
        assert re.search(r"^demo:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    elif words[0] == "cp":
        assert (ROOT / words[1]).is_file()
    else:
        pytest.fail(f"how to check {command!r} is not known here")


def sections():
    """The page's parts by the name of their paper, whose heading has a year."""
    parts = re.split(r"^## (.+ \d{4}, .+)$", TEXT, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def items(paper):
    """First cells of the rows of a paper's tables."""
    rows = [line for line in sections()[paper].splitlines() if line.startswith("| ")]
    return [line.split("|")[1].strip() for line in rows if not set(line) <= set("|-: ")]


MAIN, SHORT, GASTALDI, LITTWIN = sections() if len(sections()) == 4 else ("",) * 4


def test_there_are_four_papers():
    assert [name.split(",")[0] for name in sections()] == [
        "Huang & Narayanan 2018", "Huang & Narayanan 2019", "Gastaldi 2017", "Littwin & Wolf 2018",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("paper", "kind", "last"),
    [
        (0, "Table", 10), (0, "Figure", 6), (0, "Equation", 15),
        (1, "Table", 1), (1, "Figure", 5), (1, "Equation", 3),
        (2, "Table", 5), (2, "Figure", 6),
        (3, "Table", 5), (3, "Figure", 3), (3, "Equation", 20), (3, "Theorem", 3),
    ],
)  # fmt: skip
def test_every_numbered_item_of_a_paper_has_a_row_in_order(paper, kind, last):
    """`Equations 1 to 3` is three of them."""
    found = []
    for cell in items(list(sections())[paper]):
        if match := re.match(rf"{kind}s? (\d+)(?: to (\d+)| and (\d+))?\b", cell):
            first, end = int(match[1]), int(match[2] or match[3] or match[1])
            found += range(first, end + 1)
    assert list(dict.fromkeys(found)) == list(range(1, last + 1)), (kind, found)


@pytest.mark.parametrize("paper", range(4))
def test_sections_of_a_paper_are_in_order(paper):
    named = [tuple(map(int, match[1].split("."))) for cell in items(list(sections())[paper])
             if (match := re.match(r"section (\d(?:\.\d)?)", cell))]  # fmt: skip
    assert named == sorted(named)


def test_every_study_and_every_published_table_of_the_pipeline_is_named():
    assert {name for name in STUDIES if f"python -m studies {name}" in TEXT} == set(STUDIES)
    for path in sorted((ROOT / "pipeline/paper/published").glob("*.csv")):
        assert path.name in TEXT, path.name


def test_every_claim_of_the_studies_is_listed_in_its_words():
    """A claim that is added or reworded has to be added here too."""
    for study in (embeddings, table1, shake_rules, correlation):
        for claim in study.CLAIMS:
            assert claim.text in TEXT, claim.text


def test_every_statement_of_section_6_2_is_listed():
    with (ROOT / "pipeline/paper/published/section6_2.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            assert row["statement"] in TEXT, row["statement"]


def test_no_row_lacks_a_cell():
    for paper, text in sections().items():
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert {line.count("|") for line in rows} == {6}, paper
