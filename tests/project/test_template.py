"""A project of one's own: complete, valid, and refused where it would replace something."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.__main__ import main
from pipeline.core.errors import InputError
from pipeline.core.source import ROOT, code_hashes, refuse_other_version
from pipeline.params import load_params
from pipeline.project.template import SHARE, project_files, sources, write_project


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return end.value.code


def test_a_project_depends_on_hashes_of_all_rooms_in_place_of_the_rooms(tmp_path):
    write_project(tmp_path, update=False)
    stages = YAML(typ="safe").load((tmp_path / "dvc.yaml").read_text())["stages"]
    deps = {dep for stage in stages.values() for dep in stage.get("do", stage)["deps"]}
    assert not [dep for dep in deps if dep.startswith("pipeline")]
    ours = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text())["stages"]
    rooms = {dep for stage in ours.values() for dep in stage.get("do", stage)["deps"] if dep.startswith("pipeline/")}
    assert {dep for dep in deps if dep.startswith("code/")} == {f"code/{room.partition('/')[2]}.txt" for room in rooms}
    for dep in deps:
        assert "${" in dep or dep.startswith(("data", "results")) or (tmp_path / dep).exists(), dep


def test_its_params_have_no_mistakes_and_its_stages_are_ours(tmp_path):
    write_project(tmp_path, update=False)
    assert list(load_params(tmp_path / "params.yaml").corpora) == ["speech"]
    for path in (ROOT / "stages").glob("*.py"):
        assert (tmp_path / "stages" / path.name).read_bytes() == path.read_bytes()
    assert "no_scm = true" in (tmp_path / ".dvc/config").read_text()


def test_inside_git_dvc_uses_git(tmp_path):
    (tmp_path / ".git").mkdir()
    assert "no_scm" not in dict(project_files(tmp_path / "mine"))[".dvc/config"]


def test_a_stage_of_another_version_of_the_code_is_refused(tmp_path, monkeypatch):
    write_project(tmp_path, update=False)
    refuse_other_version(tmp_path)
    (tmp_path / "code/models.txt").write_text("0\n")
    with pytest.raises(InputError, match=r"another version than that in code/ \(models differ\).*init . --update"):
        refuse_other_version(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = subprocess.run([sys.executable, "-m", "stages.check"], env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("check: the installed code is another version than that in code/ (models differ)")


@pytest.mark.parametrize(
    "packages", ["home/.local/lib/python3.11/site-packages", "usr/local/lib/python3.11/dist-packages", "target"]
)
def test_its_files_are_found_wherever_pip_put_the_package(tmp_path, monkeypatch, packages):
    """With `--user`, in the system's Python of Debian, and with `--target`: not below `sys.prefix`."""
    prefix = tmp_path / packages.partition("/lib/")[0]
    (prefix / SHARE / "stages").mkdir(parents=True)
    for name in ("dvc.yaml", "stages/train.py"):
        (prefix / SHARE / name).touch()
    monkeypatch.setattr("pipeline.project.template.ROOT", tmp_path / packages)
    assert sources() == prefix / SHARE


def test_an_update_keeps_what_the_user_edits(tmp_path, capsys):
    write_project(tmp_path, update=False)
    (tmp_path / "params.yaml").write_text("mine")
    (tmp_path / "code/models.txt").write_text("old")
    assert run("init", tmp_path) == 1
    assert "or --update, which keeps params.yaml and README.md" in capsys.readouterr().err
    assert run("init", tmp_path, "--update") == 0
    assert (tmp_path / "params.yaml").read_text() == "mine"
    assert (tmp_path / "code/models.txt").read_text().strip() == code_hashes()["models"]


@pytest.mark.parametrize(
    ("prepare", "update", "message"),
    [
        (lambda folder: folder.touch(), False, "is a file; expected a folder"),
        (lambda folder: None, True, "has no dvc.yaml, so there is no project to update"),
    ],
)
def test_what_is_no_place_for_a_project_is_refused(tmp_path, prepare, update, message):
    prepare(tmp_path / "here")
    with pytest.raises(InputError, match=message):
        write_project(tmp_path / "here", update=update)
    with pytest.raises(InputError, match="is a checkout of this software"):
        write_project(ROOT, update=False)


def test_a_path_with_a_tilde_is_refused_since_dvc_does_not_replace_it(tmp_path, capsys):
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    params["corpora"] = {"emodb": {"path": "~/corpora/emodb"}, "savee": {"path": "a~b"}}
    (tmp_path / "p.yaml").write_text(json.dumps(params))
    assert run("check", tmp_path / "p.yaml") == 1
    printed = capsys.readouterr().err
    assert (
        "corpora.emodb.path (line 1): '~/corpora/emodb' begins with ~, which a shell replaces and DVC does not"
        in printed
    )
    assert str(Path("~/corpora/emodb").expanduser()) in printed
    assert "savee" not in printed


def test_its_folds_are_set_in_one_place_and_its_models_have_a_table(tmp_path):
    write_project(tmp_path, update=False)
    path = tmp_path / "params.yaml"
    path.write_text(path.read_text("utf-8").replace("folds: 4 ", "folds: 3 "), encoding="utf-8")
    params = load_params(path)
    assert (params.partition.folds, params.train.folds) == (3, (1, 2, 3))
    assert list(params.report.tables["ours"].models) == list(params.models)


def test_the_home_folder_is_meant_where_the_shell_leaves_the_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert run("init", "~/mine") == 0
    assert (tmp_path / "home/mine/dvc.yaml").is_file()
    assert not Path("~").exists()


def test_init_says_what_to_do_next(tmp_path, capsys):
    run("init", tmp_path / "mine")
    assert f"next: put recordings and a table recordings.csv into {tmp_path}/mine/speech" in capsys.readouterr().out
    run("init", tmp_path / "mine", "--update")
    assert "next, in" in (printed := capsys.readouterr().out)
    assert "`dvc repro`" in printed
    assert "recordings.csv" not in printed


def test_a_path_with_a_variable_of_the_shell_is_refused_too(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SPEECH", "/data/speech")
    (tmp_path / "p.yaml").write_text(
        (ROOT / "params.yaml").read_text().replace("path: demo/corpora/", "path: $SPEECH/")
    )
    assert run("check", tmp_path / "p.yaml") == 1
    assert (
        "begins with $, which a shell replaces and DVC does not; expected the whole path, such as '/data/speech/"
        in (capsys.readouterr().err)
    )
