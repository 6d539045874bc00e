"""Stage `segment@<corpus>`: utterances to segments of at most `segment.seconds`."""

import argparse
from pathlib import Path

from pipeline.core.errors import explained
from pipeline.core.tables import SEGMENTS, UTTERANCES, read_table, write_table
from pipeline.features.segmentation import longest_segment, segment
from pipeline.params import load_params


def main(corpus: str) -> None:
    """Segment one corpus of params.yaml."""
    params = load_params()
    longest = longest_segment(params.segment.seconds) if params.corpus(corpus).segment else None
    utterances = read_table(Path(f"data/utterances/{corpus}.csv"), UTTERANCES)
    segments = segment(utterances, longest)
    write_table(segments, Path(f"data/segments/{corpus}.csv"), SEGMENTS)
    print(f"{corpus}: {len(utterances)} utterances, {len(segments)} segments")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="a key under corpora in params.yaml")
    key = parser.parse_args().corpus
    with explained(f"segment@{key}"):
        main(key)
