"""Stage `inputs`: content hashes of the features and segments of the configured corpora, for training."""

import json
from pathlib import Path

from pipeline.core.files import write_text
from pipeline.core.settings import PARAMS, read_settings
from pipeline.core.stage import run_stage
from pipeline.features.described import described_front_ends
from pipeline.features.fingerprints import fingerprints
from pipeline.features.params import SegmentSections


def main() -> None:
    """Write `data/inputs.json`."""
    corpora = read_settings(PARAMS, SegmentSections).corpora
    ends = described_front_ends(Path("data/frontends"))
    found = fingerprints(corpora, ends, Path("data/features"), Path("data/segments"))
    write_text(Path("data/inputs.json"), json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    run_stage("inputs", main, __doc__)
