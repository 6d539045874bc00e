"""Stage `partition`: assign the actors of all configured corpora to folds."""

from pathlib import Path

import pandas as pd

from pipeline.core.settings import PARAMS, read_settings
from pipeline.core.stage import run_stage
from pipeline.core.tables import FOLDS, SEGMENTS, UTTERANCES, read_table, write_table
from pipeline.folds.params import PartitionSections
from pipeline.folds.partition import balance_table, partition
from pipeline.folds.uniqueness import refuse_shared


def main() -> None:
    """Write `data/folds.csv` and print its balance, in the layout of Table 4."""
    params = read_settings(PARAMS, PartitionSections)
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
    run_stage("partition", main, __doc__)
