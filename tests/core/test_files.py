import stat

import pytest

from pipeline.core.errors import InputError, explained
from pipeline.core.files import replacing, write_text


def write_half(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise FileNotFoundError


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new/folder/file.txt"
    write_text(path, "one\n")
    with pytest.raises(FileNotFoundError):
        write_half(path)
    assert path.read_text() == "one\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"], "nothing is left beside it"


def test_a_file_has_the_rights_of_any_new_file(tmp_path):
    write_text(tmp_path / "a", "")
    (tmp_path / "b").write_text("")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


def test_a_users_mistake_ends_the_process_with_its_message_alone(capsys):
    with pytest.raises(SystemExit) as end, explained("ingest@emodb"):
        raise InputError("the folder is empty")
    assert end.value.code == 1
    assert capsys.readouterr().err == "ingest@emodb: the folder is empty\n"


def test_an_interrupt_says_so(capsys):
    with pytest.raises(SystemExit) as end, explained("train@PreAct"):
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), explained("x"):
        1 / 0  # noqa: B018
