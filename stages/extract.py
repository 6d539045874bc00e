"""Stage `extract@<frontend>-<corpus>`: the features of every segment, as a Kaldi archive."""

import sys
from pathlib import Path

from pipeline.core.settings import PARAMS, entry_of, read_settings
from pipeline.core.stage import run_stage
from pipeline.core.tables import SEGMENTS, UTTERANCES, read_table
from pipeline.features.described import load_front_end
from pipeline.features.extraction import extract
from pipeline.features.params import ExtractSections


def main(frontend: str, corpus: str) -> None:
    """Extract the features of one front end for one corpus of params.yaml."""
    params = read_settings(PARAMS, ExtractSections)
    path = entry_of(params.corpora, corpus, "corpus").path
    front_end = load_front_end(frontend)
    if front_end.notice:
        print(front_end.notice, file=sys.stderr)
    archive = Path(f"data/features/{frontend}/{corpus}.ark")
    messages = extract(
        utterances=read_table(Path(f"data/utterances/{corpus}.csv"), UTTERANCES),
        segments=read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS),
        corpus_path=Path(path),
        ark=archive,
        scp=archive.with_suffix(".scp"),
        front_end=front_end,
        workers=params.execution.number,
    )
    for message in messages:
        print(message)


if __name__ == "__main__":
    frontend = ("frontend", "a key under frontends in params.yaml, or spectrogram")
    run_stage("extract", main, __doc__, frontend, ("corpus", "a key under corpora in params.yaml"))
