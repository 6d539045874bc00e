"""The documentation: the reference is that of the classes, links lead somewhere, and commands are those that exist."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline import commands
from tests.helpers.closure import ROOT

PAGES = sorted((ROOT / "docs").rglob("*.md"))
NAMES = {command.__name__.rsplit(".")[-1] for command in commands.ALL}


def test_the_reference_of_params_is_what_the_classes_say():
    page = runpy.run_path(str(ROOT / "docs/generate.py"))["page"]()
    assert page == (ROOT / "docs/params.md").read_text("utf-8"), "run `python docs/generate.py`"
    assert "|  |\n" not in page, "every key has a meaning"


def test_every_page_is_in_the_navigation():
    text = re.sub(r"!!python/name:\S+", "null", (ROOT / "mkdocs.yml").read_text("utf-8"))
    listed, waiting = set(), [YAML(typ="safe").load(text)["nav"]]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, str):
            listed.add(entry)
        else:
            waiting += list(entry.values()) if isinstance(entry, dict) else entry
    assert listed == {path.relative_to(ROOT / "docs").as_posix() for path in PAGES} | {
        "contributing.md",
        "changelog.md",
        "gallery.md",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda one: one.name)
def test_commands_on_a_page_exist(page):
    for name in re.findall(r"(?:python -m pipeline|shaking-emotions) ([a-z]+)", page.read_text("utf-8")):
        assert name in NAMES, name


def console(page):
    """The commands of the fences `console` of a page; other fences are not run by tests, and the page says so."""
    fences = re.findall(r"^```console\n(.*?)^```", (ROOT / "docs" / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [line.removeprefix("$ ") for fence in fences for line in fence.splitlines() if line.startswith("$ ")]


def test_the_tutorial_begins_as_it_says(tmp_path, monkeypatch, capsys):
    """The commands of `console` fences, in order, with recordings in place."""
    from pipeline.__main__ import main
    from tests.helpers.project import write_corpus

    monkeypatch.chdir(tmp_path)
    lines = console("tutorial.md")
    assert len(lines) >= 4
    for line in lines:
        program, *arguments = shlex.split(line)
        if program == "cd":
            monkeypatch.chdir(arguments[0])
            write_corpus(Path("speech"), 0)
            Path("speech/list.csv").rename("speech/recordings.csv")
            continue
        assert program == "shaking-emotions"
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0, line
    printed = capsys.readouterr().out
    assert "params.yaml: no mistakes; 1 corpus, 3 front ends, 2 models" in printed
    assert "speech in speech: found" in printed
