"""`python -m pipeline corpora`, and the survey that it prints."""

import json

import pytest
from ruamel.yaml import YAML

from pipeline.__main__ import main
from pipeline.audio import decoding as audio
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from pipeline.corpora.survey import survey
from tests.helpers import corpus_trees as trees
from tests.helpers.closure import ROOT

CLASSES = ("joy", "anger", "sadness", "fear")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with params of six corpora: one there, one with a damaged file, one another's, three missing."""
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key, corpus in params["corpora"].items():
        corpus["path"] = key
    (tmp_path / "params.yaml").write_text(json.dumps(params), encoding="utf-8")  # JSON is YAML
    trees.plant(tmp_path / "emodb", trees.emodb())
    trees.plant(tmp_path / "savee", trees.savee()[:20]).joinpath("AudioData/DC/a01.wav").write_bytes(b"damaged")
    trees.plant(tmp_path / "emovo", trees.ravdess()[:3])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as end:
        main(["corpora", *arguments])
    return end.value.code


def blocks(printed):
    return {block.split(" ")[0]: block.splitlines() for block in printed.strip().split("\n\n")}


@pytest.mark.usefixtures("project")
def test_every_configured_corpus_is_listed_found_or_not(capsys):
    assert run() == 0
    listed = blocks(capsys.readouterr().out)
    assert list(listed) == ["enterface", "ravdess", "iemocap", "emodb", "emovo", "savee"]
    assert listed["emodb"] == [
        "emodb in emodb: found",
        "  Emo-DB: first edition, 10 actors (5 female, 5 male), 535 recordings",
        "  complete: its owner's release has 535 recordings",
        "  classes: joy 71, anger 127, sadness 62, fear 69; 206 of other emotions or excluded actors",
        "  audio: 0.00 h of the classes; 329 at 16000 Hz",
        "  licence: free for research; cite the paper",
        "  where to get it: http://emodb.bilderbar.info/ (download.zip, 40.5 MB)",
    ]
    assert listed["ravdess"] == [
        "ravdess in ravdess: not found: the corpus folder ravdess does not exist; set its path in params.yaml",
        "  licence: CC BY-NC-SA 4.0",
        f"  where to get it: {READERS['ravdess'].source}",
    ]
    assert listed["emovo"][0].startswith(
        "emovo in emovo: not usable: emovo holds 3 files but no recording of EMOVO; this"
    )
    assert "  warning: 1 recording cannot be read; ingest names them" in listed["savee"]
    assert "  incomplete: its owner's release has 480 recordings" in listed["savee"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("reader", READERS)
def test_the_expected_tree_of_every_reader(reader, capsys):
    assert run("--expect", reader) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{READERS[reader].title}\n{READERS[reader].tree}\n")
    assert ("to cite: " in printed) == (reader not in ("custom", "audformat"))


@pytest.mark.usefixtures("project")
def test_the_tree_of_an_unknown_corpus(capsys):
    assert run("--expect", "emobd") == 1
    assert capsys.readouterr().err == (
        "corpora: 'emobd' is neither a corpus in params.yaml nor a reader; did you mean 'emodb'? expected one of "
        "enterface, ravdess, iemocap, emodb, emovo, savee, emodb2, cremad, nemo, tess, subesco, esd, cafe, audformat, "
        "custom\n"
    )


def test_a_key_of_the_users_own_stands_for_its_reader(project, capsys):
    params = json.loads((project / "params.yaml").read_text())
    params["corpora"] = {"berlin": {"reader": "emodb", "path": "emodb"}}
    (project / "params.yaml").write_text(json.dumps(params))
    assert run("--expect", "berlin") == 0
    assert capsys.readouterr().out.startswith("Emo-DB\n")


def test_a_survey_counts_copies_once_and_leaves_excluded_actors_out(tmp_path):
    names = [f"wav/{speaker}a01{letter}a.wav" for speaker in ("03", "08") for letter in "FWTAN"]
    trees.plant(tmp_path, [*names, "copy/03a01Fa.wav"])
    (tmp_path / "wav/03a01Ta.wav").write_bytes(trees.wav_bytes("long", samples=36000, rate=8000))
    found = survey("emodb", CorpusParams(path=str(tmp_path), exclude_actors=("spk08",)), READERS["emodb"], CLASSES)
    assert found.classes == {"joy": 1, "anger": 1, "sadness": 1, "fear": 1}
    assert (found.others, found.complete, found.unreadable) == (6, False, 0)
    assert found.rates == {8000: 1, 16000: 3}
    assert found.seconds == pytest.approx(4.5 + 3 * 0.03)


def test_a_survey_decodes_nothing_that_a_header_says(tmp_path, monkeypatch):
    trees.plant(tmp_path, ["wav/03a01Fa.wav", "wav/03a01Wa.wav"])
    monkeypatch.setattr(audio, "examine", None)
    monkeypatch.setattr(audio, "_opened", None)
    assert survey("emodb", CorpusParams(path=str(tmp_path)), READERS["emodb"], CLASSES).rates == {16000: 2}
