"""Stage `partition`: divide the recordings of all configured corpora into what runs train on and validate on."""

import json
from pathlib import Path

import pandas as pd

from pipeline.core.files import write_text
from pipeline.core.settings import PARAMS, read_settings
from pipeline.core.stage import run_stage
from pipeline.core.tables import FOLDS, PARTS, REJECTED, SEGMENTS, UTTERANCES, read_table, write_table
from pipeline.folds.listed import Listed, read_listed
from pipeline.folds.params import PartitionSections
from pipeline.folds.partition import balance_table
from pipeline.folds.recordings import recordings_of
from pipeline.folds.split import split
from pipeline.folds.uniqueness import refuse_shared


def main() -> None:
    """Write `data/folds.csv`, `data/parts.csv` and `data/partition.json`; print the balance as in Table 4."""
    params = read_settings(PARAMS, PartitionSections)
    options, sources = params.partition, params.sources
    utterances = pd.concat([read_table(Path(f"data/utterances/{corpus}.csv"), UTTERANCES) for corpus in params.corpora])
    refuse_shared(utterances)
    segments = pd.concat([read_table(Path(f"data/segments/{corpus}.csv"), SEGMENTS) for corpus in params.corpora])

    def listed(path: str | None, option: str) -> Listed | None:
        if path is None:
            return None
        rejected = pd.concat([read_table(Path(f"data/rejected/{corpus}.csv"), REJECTED) for corpus in params.corpora])
        return read_listed(path, option, recordings_of(utterances, segments, sources), rejected)

    table = listed(options.table, "partition.table")
    test = listed(options.test.table if options.test else None, "partition.test.table")
    found = split(utterances, segments, options, params.classes, sources, table, test)
    write_table(found.folds, Path("data/folds.csv"), FOLDS)
    write_table(found.parts, Path("data/parts.csv"), PARTS)
    record = {"notes": list(found.notes), "missing": found.missing.to_dict("records")}
    write_text(Path("data/partition.json"), json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    for repeat, folds in found.folds.groupby("repeat") if "repeat" in found.folds else [(0, found.folds)]:
        if repeat:
            print(f"repeat {repeat}")
        print(balance_table(folds).to_string())
    for note in found.notes:
        print(note)
    if len(found.unused):
        print(f"recordings that a run leaves out\n{found.unused.to_string()}")


if __name__ == "__main__":
    run_stage("partition", main, __doc__)
