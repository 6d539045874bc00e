"""What DVC cannot track in a corpus, and names that tables cannot hold."""

import os

import pytest

from pipeline.core.errors import InputError
from pipeline.core.wording import printable
from pipeline.corpora.base import list_folder
from pipeline.corpora.ingestion import ingest
from pipeline.corpora.obstacles import obstacles, refuse_untracked
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from pipeline.corpora.survey import survey
from tests.helpers import corpus_trees as trees

NAMES = [f"wav/{speaker}a01{letter}a.wav" for speaker in ("03", "08") for letter in "FWTA"]
CLASSES = ("joy", "anger", "sadness", "fear")


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A corpus in the folder `data/emodb` of a DVC project, which is the current folder."""
    (tmp_path / "project/.dvc").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    return trees.plant(tmp_path / "project/data/emodb", NAMES)


def both(path):
    params = CorpusParams(path=str(path))
    return survey("emodb", params, READERS["emodb"], CLASSES), ingest("emodb", params, READERS["emodb"], CLASSES)


@pytest.mark.parametrize("relative", [True, False])
def test_a_project_around_the_corpus_is_refused_with_the_remedy(corpus, relative):
    (corpus.parent / ".dvc").mkdir()
    path = "data/emodb" if relative else corpus
    with pytest.raises(InputError, match=r"lies in .*project/data, a DVC project inside this one, of which DVC sees no f"
                       r".* would go unnoticed; move the recordings out of it, or remove its \.dvc"):  # fmt: skip
        ingest("emodb", CorpusParams(path=str(path)), READERS["emodb"], CLASSES)
    assert any("a DVC project" in line for line in survey(
        "emodb", CorpusParams(path=str(path)), READERS["emodb"], CLASSES).warnings)  # fmt: skip


def test_a_project_in_a_part_of_the_corpus_is_refused(corpus):
    (corpus / "wav/.dvc").mkdir()
    with pytest.raises(InputError, match="emodb/wav in the corpus is a DVC project"):
        refuse_untracked(list_folder(corpus))


@pytest.mark.parametrize("where", ["", "wav", ".."])
@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_whatever_is_called_dvc_makes_a_project(corpus, where, kind):
    """DVC asks whether it exists, and sees no file then, in the corpus folder itself neither."""
    place = corpus / where / ".dvc"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("")
    else:
        place.symlink_to(corpus.parent.parent)
    with pytest.raises(InputError, match="a DVC project inside this one, of which DVC sees no file"):
        refuse_untracked(list_folder(corpus))


@pytest.mark.parametrize(("where", "pattern", "hidden"), [
    ("", "data/emodb\n", 8), ("", "*.wav", 8), ("data", "03a01*", 4), ("", "*.tmp\n.venv\n", 0), ("", "*.md", 0),
    ("", "*.wav\n!*.wav\n", 0),
])  # fmt: skip
def test_recordings_hidden_by_dvcignore_are_refused(corpus, where, pattern, hidden):
    trees.plant(corpus, ["notes.md"])
    (corpus.parent.parent / where / ".dvcignore").write_text(pattern)
    found = obstacles(list_folder(corpus))
    if not hidden:
        assert found == []
        return
    assert f"a .dvcignore of this project hides {hidden} files of the corpus" in found[0]
    with pytest.raises(InputError, match=r"a changed label .* would go unnoticed; .* correct the \.dvcignore: wav/"):
        ingest("emodb", CorpusParams(path=str(corpus)), READERS["emodb"], CLASSES)


def test_linked_folders_in_a_corpus_are_read_and_said(corpus, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (corpus / "wav").rename(tmp_path / "elsewhere/wav")
    (corpus / "wav").symlink_to(tmp_path / "elsewhere/wav")
    found, ingested = both(corpus)
    assert len(ingested.utterances) == 8
    said = [text for text in ingested.messages if "DVC does not follow" in text]
    assert said == list(found.warnings)
    assert "1 linked folder inside the corpus, which is read and DVC does not follow: wav; after a change" in said[0]


def test_where_dvc_sees_the_files_nothing_is_refused(corpus, tmp_path):
    outside = trees.plant(tmp_path / "elsewhere/emodb", NAMES)
    (tmp_path / "elsewhere/.dvc").mkdir()
    for path in (corpus, outside):
        assert obstacles(list_folder(path)) == []
        assert len(both(path)[1].utterances) == 8


def test_what_stops_dvc_is_named_with_the_remedy(corpus):
    (corpus / "nothing.wav").symlink_to(corpus / "gone.wav")
    (corpus / "self.wav").symlink_to(corpus / "self.wav")
    (corpus / ".dvcignore").write_text("*.txt\n")
    os.mkfifo(corpus / "pipe.wav")
    (corpus / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"")
    found, ingested = both(corpus)
    assert found.warnings == (
        "warning: 1 file whose name is not UTF-8, at which DVC stops; rename it: caf\\xe9.wav",
        "warning: 1 file named .dvcignore inside the corpus, at which DVC stops; remove it: .dvcignore",
        "warning: 2 files linked to nothing or to itself, at which DVC stops; remove them: nothing.wav, self.wav",
        "warning: 1 file that can only be waited for (a pipe, a socket or a device), as DVC does for ever; remove it: "
        "pipe.wav",
    )
    assert len(ingested.utterances) + len(ingested.rejected) == 8 + 5


def test_names_with_line_ends_are_accounted_for(corpus):
    trees.plant(corpus, ["new\nline/03a01Na.wav", "bell\x07.wav", "right\u202eleft.wav"])
    rejected = dict(both(corpus)[1].rejected[["path", "reason"]].itertuples(index=False))
    why = "unreadable: its name has a line end or another control character; rename it"
    assert rejected == dict.fromkeys(["new\\nline/03a01Na.wav", "bell\\x07.wav", "right\\u202eleft.wav"], why)


def test_other_names_are_printed_as_they_are():
    for name in ("ü 日本.wav", "a\u00a0b", "x=1"):
        assert printable(name) == name
    assert printable("\x1b[31mred") == "\\x1b[31mred"
