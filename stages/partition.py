"""Stage `partition`: the actors of the configured corpora to folds; the first stage that sees all corpora together."""

from pathlib import Path

import pandas as pd

from pipeline.core.errors import explained
from pipeline.core.tables import FOLDS, SEGMENTS, UTTERANCES, read_table, write_table
from pipeline.folds.partition import balance_table, partition
from pipeline.folds.uniqueness import refuse_shared
from pipeline.params import load_params


def main() -> None:
    """Make data/folds.csv and print its balance, laid out as Table 4."""
    params = load_params()
    options = params.partition
    refuse_shared(
        pd.concat([read_table(Path(f"data/utterances/{corpus}.csv"), UTTERANCES) for corpus in params.corpora])
    )
    segments = pd.concat([read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS) for corpus in params.corpora])
    folds, notes = partition(segments, options.folds, options.seed, options.balance_classes, params.classes)
    write_table(folds, Path("data/folds.csv"), FOLDS)
    print(balance_table(folds).to_string())
    for note in notes:
        print(note)


if __name__ == "__main__":
    with explained("partition"):
        main()
