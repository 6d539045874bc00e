"""Stage `extract@<corpus>`: the normalised spectrogram of every segment, as a Kaldi archive."""

import argparse
from pathlib import Path

from pipeline.core.errors import explained
from pipeline.core.tables import SEGMENTS, UTTERANCES, read_table
from pipeline.features.extraction import extract
from pipeline.params import load_params


def main(corpus: str) -> None:
    """Extract the features of one corpus of params.yaml."""
    params = load_params()
    recordings = Path(params.corpus(corpus).path)
    workers = params.execution.workers
    messages = extract(
        utterances=read_table(Path(f"data/utterances/{corpus}.csv"), UTTERANCES),
        segments=read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS),
        corpus_path=recordings,
        ark=Path(f"data/features/{corpus}.ark"),
        scp=Path(f"data/features/{corpus}.scp"),
        cmvn=params.features.cmvn,
        workers=None if workers == "auto" else workers,
    )
    for message in messages:
        print(message)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="a key under corpora in params.yaml")
    key = parser.parse_args().corpus
    with explained(f"extract@{key}"):
        main(key)
