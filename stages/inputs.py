"""Stage `inputs`: content hashes of the configured corpora's features and segments, what training depends on."""

import json
from pathlib import Path

from pipeline.core.errors import explained
from pipeline.core.files import write_text
from pipeline.features.fingerprints import fingerprints
from pipeline.params import load_params


def main() -> None:
    """Make data/inputs.json."""
    found = fingerprints(load_params().corpora, Path("data/features"), Path("data/segments"))
    write_text(Path("data/inputs.json"), json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    with explained("inputs"):
        main()
