"""Stage `ingest@<corpus>`: a table of utterances, and one of all other files with the reason for each."""

from pathlib import Path

from pipeline.core.settings import PARAMS, entry_of, read_settings
from pipeline.core.stage import run_stage
from pipeline.core.tables import REJECTED, UTTERANCES, write_table
from pipeline.corpora.ingestion import ingest
from pipeline.corpora.registry import CorpusSections, reader_of


def main(corpus: str) -> None:
    """Ingest one corpus of params.yaml."""
    params = read_settings(PARAMS, CorpusSections)
    options, reader = entry_of(params.corpora, corpus, "corpus"), reader_of(params.corpora, corpus)
    found = ingest(corpus, options, reader, params.classes)
    write_table(found.utterances, Path(f"data/utterances/{corpus}.csv"), UTTERANCES)
    write_table(found.rejected, Path(f"data/rejected/{corpus}.csv"), REJECTED)
    print("\n".join(found.messages))


if __name__ == "__main__":
    run_stage("ingest", main, __doc__, ("corpus", "a key under corpora in params.yaml"))
