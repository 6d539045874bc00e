"""Stage `ingest`: the recordings of one corpus to utterances, and every other file with the reason it is left out."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.core.errors import explained
from pipeline.core.tables import REJECTED, UTTERANCES, write_table
from pipeline.corpora.ingestion import ingest
from pipeline.params import load_params


def main(corpus: str) -> None:
    """Ingest the corpus of this key in `params.yaml`."""
    params = load_params()
    found = ingest(corpus, params.corpora[corpus], params.reader(corpus), params.classes)
    write_table(found.utterances, Path(f"data/utterances/{corpus}.csv"), UTTERANCES)
    write_table(found.rejected, Path(f"data/rejected/{corpus}.csv"), REJECTED)
    print("\n".join(found.messages))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="a key under corpora in params.yaml")
    key = parser.parse_args().corpus
    with explained(f"ingest@{key}"):
        main(key)
