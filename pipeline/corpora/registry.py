"""All corpus readers, by name."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.corpora import custom, emodb, emovo, enterface, iemocap, ravdess, savee
from pipeline.corpora.base import Reader
from pipeline.params import ReaderName

READERS: Mapping[ReaderName, Reader] = {
    reader.name: reader
    for reader in (
        enterface.READER, ravdess.READER, iemocap.READER, emodb.READER, emovo.READER, savee.READER, custom.READER
    )
}  # fmt: skip
"""Every reader by its name in `params.yaml`."""
