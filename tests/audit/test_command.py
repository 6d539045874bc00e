"""The command: its exit status and what it prints."""

import argparse
import json

import pytest

from pipeline.__main__ import main
from pipeline.commands.audit import add_arguments
from tests.helpers.closure import ROOT
from tests.helpers.split_lists import by_speaker, emobox


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["audit", *map(str, arguments)])
    return end.value.code


@pytest.fixture
def lists(tmp_path):
    files = by_speaker("emodb")
    emobox(tmp_path / "emodb_train_fold_1.jsonl", "emodb", files["03"] + files["08"][:2])
    emobox(tmp_path / "emodb_test_fold_1.jsonl", "emodb", files["08"][2:])
    return sorted(tmp_path.glob("*.jsonl"))


def test_leaks_have_status_1_and_are_named(lists, capsys):
    assert run(*lists) == 1
    printed = capsys.readouterr().out
    assert "speakers, texts and genders of all entries are taken from their names, by the rules of Emo-DB" in printed
    assert "LEAK  speakers: 1 of 1 (emodb/spk08), in" in printed
    assert "verdict: LEAKS\n  1 speaker in two parts in fold 1" in printed


def test_clean_has_status_0_and_unreadable_2(tmp_path, lists, capsys):
    (tmp_path / "clean.csv").write_text("path,split\n03a01Fa.wav,train\n08a01Fa.wav,test\n")
    assert run(tmp_path / "clean.csv") == 0
    assert "verdict: clean: the parts share nothing that scheme actors keeps apart" in capsys.readouterr().out
    assert run(tmp_path / "nothing.csv") == 2
    assert "audit: " in capsys.readouterr().err
    assert run(lists[0], "--column", "speeker=x") == 2
    assert "did you mean 'speaker'? expected ROLE=NAME" in capsys.readouterr().err


def test_two_parts_of_one_corpus_with_nothing_else_in_common_share_nothing(tmp_path, capsys):
    rows = ("a1,x,1", "a2,x,1", "a3,y,2")
    (tmp_path / "list.csv").write_text("\n".join(["file,speaker,fold", *rows]) + "\n")
    (tmp_path / "named.csv").write_text(
        "\n".join(["file,speaker,fold,corpus", *(f"{row},mine" for row in rows)]) + "\n"
    )
    for name in ("list.csv", "named.csv"):
        assert run(tmp_path / name) == 0
        assert "  fold 1 and fold 2 share nothing\n" in capsys.readouterr().out


def test_a_list_with_dev_and_valid_has_two_parts_which_may_leak(tmp_path, capsys):
    rows = ("1.wav,a,train", "2.wav,b,dev", "3.wav,b,valid")
    (tmp_path / "list.csv").write_text("\n".join(["file,speaker,part", *rows]) + "\n")
    assert run(tmp_path / "list.csv") == 1
    assert "LEAK  speakers: 1 of 1 (b)" in capsys.readouterr().out


def test_reasons_count_recordings(tmp_path, capsys):
    (tmp_path / "list.csv").write_text("file,speaker,split\nx/1.wav,a,train\nx/2.wav,a,train\n./x/1.wav,b,test\n")
    assert run(tmp_path / "list.csv") == 1
    assert capsys.readouterr().out.endswith("verdict: LEAKS\n  1 recording (the same by name) in two parts\n")


def test_json_has_everything(lists, capsys):
    assert run(*lists, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["status"], found["scheme"]) == ("leaks", 1, "actors")
    (pair,) = found["pairs"]
    shared = {one["kind"]: one for one in pair["shared"]}
    assert (pair["first"], pair["second"]) == ("train", "test")
    assert shared["speakers"]["values"] == ["emodb/spk08"]
    assert found["parts"][0]["counts"]["gender"] == {"F": 2, "M": len(by_speaker("emodb")["03"])}


def test_the_documentation_lists_every_scheme():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    (scheme,) = (action for action in parser._actions if "--scheme" in action.option_strings)
    text = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
    first, *others, last = scheme.choices
    listed = ", ".join([f"`{first}` (the default)", *(f"`{one}`" for one in others)]) + f" or `{last}`"
    assert f"`--scheme` is {listed}, as in `partition.scheme`" in text
