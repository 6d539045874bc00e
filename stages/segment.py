"""Stage `segment@<corpus>`: cut utterances into segments of at most `segment.seconds`."""

from pathlib import Path

from pipeline.core.settings import PARAMS, entry_of, read_settings
from pipeline.core.stage import run_stage
from pipeline.core.tables import SEGMENTS, UTTERANCES, read_table, write_table
from pipeline.features.params import SegmentSections
from pipeline.features.segmentation import longest_segment, segment


def main(corpus: str) -> None:
    """Segment one corpus of params.yaml."""
    params = read_settings(PARAMS, SegmentSections)
    longest = longest_segment(params.segment.seconds) if entry_of(params.corpora, corpus, "corpus").segment else None
    utterances = read_table(Path(f"data/utterances/{corpus}.csv"), UTTERANCES)
    segments = segment(utterances, longest)
    write_table(segments, Path(f"data/segments/{corpus}.csv"), SEGMENTS)
    print(f"{corpus}: {len(utterances)} utterances, {len(segments)} segments")


if __name__ == "__main__":
    run_stage("segment", main, __doc__, ("corpus", "a key under corpora in params.yaml"))
