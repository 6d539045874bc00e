"""The documentation: the reference is that of the classes, links lead somewhere, and commands are those that exist."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
import soundfile
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


FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^(?:\$ )?(?:dvc|python\S*|shaking-emotions|pip|make|git|docker|sbatch|cp|mkdir|cd|\.) ", re.MULTILINE
)
RUN = {"tutorial.md", "prediction.md"}
"""Pages whose `console` fences the tests below run."""


def test_every_command_is_run_by_a_test_or_marked():
    consoles = set()
    for page in PAGES:
        for kind, text in FENCE.findall(page.read_text("utf-8")):
            if kind == "console":
                consoles.add(page.name)
            elif COMMAND.search(text):
                assert kind == 'bash title="Not run by the tests"', f"{page}: {text}"
    assert consoles == RUN


def console(page):
    """The arguments of the commands in the fences `console` of a page."""
    fences = [text for kind, text in FENCE.findall((ROOT / "docs" / page).read_text("utf-8")) if kind == "console"]
    lines = [line.removeprefix("$ ") for fence in fences for line in fence.splitlines() if line.startswith("$ ")]
    return [shlex.split(line.replace("python -m pipeline", "shaking-emotions")) for line in lines]


def test_the_tutorial_begins_as_it_says(tmp_path, monkeypatch, capsys):
    """The commands of `console` fences, in order, with recordings in place."""
    from pipeline.__main__ import main
    from tests.helpers.project import write_corpus

    monkeypatch.chdir(tmp_path)
    lines = console("tutorial.md")
    assert len(lines) >= 4
    for program, *arguments in lines:
        if program == "cd":
            monkeypatch.chdir(arguments[0])
            write_corpus(Path("speech"), 0)
            Path("speech/list.csv").rename("speech/recordings.csv")
            continue
        assert program == "shaking-emotions"
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0, arguments
    printed = capsys.readouterr().out
    assert "params.yaml: no mistakes; 1 corpus, 3 front ends, 2 models" in printed
    assert "speech in speech: found" in printed


def test_predictions_go_as_the_page_says(tmp_path, monkeypatch):
    from pipeline.__main__ import main
    from tests.helpers.small_weights import swelling, trained

    monkeypatch.chdir(tmp_path)
    Path("results/weights/MODEL").mkdir(parents=True)
    trained(Path("results/weights/MODEL"), {"kind": "logmel", "bands": 8}, name="fold1-seed1-last")
    Path("recordings").mkdir()
    for path in ("recordings/a.wav", "interview.wav"):
        soundfile.write(path, swelling(2), 16000)
    lines = console("prediction.md")
    assert [arguments[1] for arguments in lines] == ["predict", "timeline", "export"]
    for _, *arguments in lines:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert end.value.code == 0, arguments
    assert Path("emotions.csv").is_file()
    assert Path("timelines/interview.TextGrid").is_file()
    assert Path("bundle/model.onnx").is_file()
