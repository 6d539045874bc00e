"""What names say, asked of single paths and keys instead of folders: the same as a reader's scan of the folder."""

from pathlib import Path

import pytest

from pipeline.corpora.base import Folder
from pipeline.corpora.naming import NAMERS, named, named_all, reader_called
from pipeline.corpora.params import CorpusParams
from pipeline.corpora.registry import READERS
from tests.helpers.split_lists import TREES, by_speaker


@pytest.mark.parametrize("corpus", sorted(set(TREES) - {"iemocap"}))
def test_a_name_says_what_the_scan_of_its_folder_says(corpus):
    files = [file for one in by_speaker(corpus).values() for file in one]
    scanned = READERS[corpus].scan(Folder(Path("x"), tuple(sorted(files))), CorpusParams(path="x")).recordings
    assert [found.recording for found in named_all(sorted(files), (corpus,)) if found] == list(scanned)


def test_every_reader_that_reads_names_is_asked():
    assert set(NAMERS) == set(TREES)


@pytest.mark.parametrize("corpus", TREES)
def test_no_other_reader_takes_the_names_for_its_own(corpus):
    files = [file for one in by_speaker(corpus, most=3).values() for file in one]
    assert {found.reader for found in named_all(files) if found} == {corpus}


@pytest.mark.parametrize(
    ("name", "reader", "actor"),
    [("emodb-03a01Fa", "emodb", "spk03"), ("EMO-DB_03a01Fa.wav", None, None), ("03-01-03-01-01-01-07", "ravdess", "Actor_07"),
     ("C:\\data\\wav\\03a01Fa.wav", "emodb", "spk03"), ("Ses01F_impro01_M003", "iemocap", "Ses01M"), ("._03a01Fa.wav", None, None),
     ("03a99Fa.wav", "emodb", "spk03"), ("99a01Fa.wav", None, None), ("", None, None)],
)  # fmt: skip
def test_keys_and_paths(name, reader, actor):
    found = named(name)
    assert [(one.reader, one.recording.actor) for one in found] == ([(reader, actor)] if reader else [])


def test_corpora_have_several_names():
    assert [reader_called(name) for name in ("Emo-DB", "EmoDB 2.0", "CREMA_D", "eNTERFACE'05", "own", "")] == [
        "emodb", "emodb", "cremad", "enterface", None, None,
    ]  # fmt: skip
