import contextlib
import re
from importlib import import_module

import pytest

from pipeline.core.errors import InputError
from studies.__main__ import STUDIES, main
from studies.core.params import read_sections
from studies.table1.study import Params
from tests.helpers.closure import ROOT

SMALL = (ROOT / "studies/params.yaml").read_text("utf-8")


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_the_help_has_a_line_for_each_study(arguments, capsys):
    with contextlib.suppress(SystemExit):
        main(arguments)
    lines = capsys.readouterr().out.splitlines()
    for name in STUDIES:
        described = import_module(f"studies.{name}.study").__doc__
        assert f"  {name:12} {described}" in lines
    assert "  check        Check all of studies/params.yaml." in lines


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tabel1"], 1, r"^tabel1: 'tabel1' is not a study; did you mean 'table1'\? expected one of .*, or check\n$"),
        (["table1", "vcl"], 2, r"unrecognized arguments: vcl\n$"),
    ],
)
def test_other_names_are_refused(arguments, status, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == status
    assert re.search(message, capsys.readouterr().err)


def test_check_reads_the_whole_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/params.yaml").write_text(SMALL)
    main(["check"])
    assert "is valid" in capsys.readouterr().out
    (tmp_path / "studies/params.yaml").write_text(SMALL.replace("smoothing: 10", "smoothing: ten"))
    with pytest.raises(SystemExit):
        main(["check"])
    assert "uci.smoothing" in capsys.readouterr().err


def test_a_study_reads_its_own_section_and_refuses_unknown_names_of_sections(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(SMALL.replace("smoothing: 10", "smoothing: ten"))
    assert read_sections(Params, path).table1.depth == 14
    path.write_text(SMALL.replace("execution:", "execuion:"))
    with pytest.raises(InputError, match="execuion .*unknown key; did you mean 'execution'"):
        read_sections(Params, path)
    path.write_text(SMALL.replace("depth: 14", "depht: 14"))
    with pytest.raises(InputError, match="depht .*unknown key; did you mean 'depth'"):
        read_sections(Params, path)
