"""The corpus readers by name. A new reader is one file and one line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.core.settings import Classes, Sections, class_mistakes, entry_of
from pipeline.core.wording import did_you_mean, enumerated
from pipeline.corpora import (
    audformat,
    cafe,
    cremad,
    custom,
    emodb,
    emodb2,
    emovo,
    enterface,
    esd,
    iemocap,
    nemo,
    ravdess,
    savee,
    subesco,
    tess,
)
from pipeline.corpora.base import Reader
from pipeline.corpora.params import Corpora, CorpusParams
from pipeline.corpora.selection import filter_mistakes

READERS: dict[str, Reader] = {
    reader.name: reader
    for reader in (
        enterface.READER,
        ravdess.READER,
        iemocap.READER,
        emodb.READER,
        emovo.READER,
        savee.READER,
        emodb2.READER,
        cremad.READER,
        nemo.READER,
        tess.READER,
        subesco.READER,
        esd.READER,
        cafe.READER,
        audformat.READER,
        custom.READER,
    )
}
"""Every reader by its name in `params.yaml`."""

NEEDED = {"table": "the table that lists the recordings", "column": "the column of the emotion"}
"""Descriptions of the options that a reader may need, for messages."""


class CorpusSections(Sections):
    """The sections of params.yaml that ingestion depends on."""

    classes: Classes
    corpora: Corpora

    def mistakes(self) -> list[str]:
        """See `Sections`."""
        return [*class_mistakes(self.classes), *corpus_mistakes(self.corpora)]


def reader_of(corpora: Mapping[str, CorpusParams], key: str) -> Reader:
    """The reader of a configured corpus: its option `reader`, else the reader with the name of the corpus.

    Raises:
        InputError: there is no such corpus.
    """
    return READERS[entry_of(corpora, key, "corpus").reader or key]


def corpus_mistakes(corpora: Mapping[str, CorpusParams]) -> Iterator[str]:
    """The mistakes in the options of the corpora, one sentence each."""
    names = ", ".join(READERS)
    for key, corpus in corpora.items():
        if corpus.reader is None and key not in READERS:
            yield f"corpora.{key}.reader: missing, and {key!r} is not the name of a reader; expected one of {names}"
            continue
        reader = READERS.get(corpus.reader or key)
        if reader is None:
            yield (
                f"corpora.{key}.reader: {corpus.reader!r} is not a reader; "
                f"{did_you_mean(str(corpus.reader), READERS)}expected one of {names}"
            )
            continue
        for option in ("table", "column"):
            if getattr(corpus, option) is not None and option not in reader.options:
                known = enumerated(name for name, one in READERS.items() if option in one.options)
                yield f"corpora.{key}.{option}: only the readers {known} have this option; remove it"
            if getattr(corpus, option) is None and option in reader.needs:
                yield f"corpora.{key}.{option}: missing; the reader {reader.name!r} needs it: {NEEDED[option]}"
        for option, mistake in filter_mistakes(reader, corpus):
            yield f"corpora.{key}.{option}: {mistake}"
        if corpus.split_group == "session" and not reader.sessions:
            known = ", ".join(name for name, one in READERS.items() if one.sessions)
            yield f"corpora.{key}.split_group: 'session' is available for the reader {known} only; expected 'actor'"
