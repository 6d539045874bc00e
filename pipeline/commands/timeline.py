"""Write the emotions over time of long recordings: CSV, Praat's TextGrid, Audacity's labels, and a picture."""

from __future__ import annotations

import argparse
import csv
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.predict import add_model_arguments, ready_ensemble, scored_recordings, user_path
from pipeline.core.errors import InputError
from pipeline.core.files import replacing, write_text
from pipeline.core.wording import counted, printable

if TYPE_CHECKING:
    from pipeline.prediction.ensemble import Ensemble
    from pipeline.prediction.segments import Scored
    from pipeline.prediction.timeline import Grid

MINIMUM = 1.0
"""Default of `--minimum` in seconds."""

EVERY = 1.0
"""Default of `--every` in seconds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Weights, recordings, and how they are cut."""
    add_model_arguments(parser)
    parser.add_argument("recordings", nargs="+", help="as of predict: files, folders, patterns, or a CSV of paths")
    parser.add_argument("--to", type=user_path, required=True, metavar="DIR", help="folder to write, made if need be")
    parser.add_argument(
        "--window", type=float, metavar="S", help="seconds of a window; default: the longest segment of the training"
    )
    parser.add_argument("--every", type=float, metavar="S", help=f"seconds from window to window; default: {EVERY:g}")
    parser.add_argument(
        "--minimum", type=float, default=MINIMUM, metavar="S",
        help=f"a stretch of one emotion that is shorter joins its neighbour; default: {MINIMUM:g}",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace files of earlier timelines in DIR")


def run(options: argparse.Namespace) -> int:
    """Write five files for each recording, and `index.csv`, which names them; the exit status is 1 if one failed."""
    from pipeline.prediction.listing import list_recordings
    from pipeline.prediction.picture import COLUMNS
    from pipeline.prediction.timeline import Grid

    listing = list_recordings(options.recordings)
    refuse_folder(options.to, overwrite=options.overwrite)
    ensemble = ready_ensemble(options)
    window = ensemble.segment.seconds if options.window is None else options.window
    every = min(EVERY, window) if options.every is None else options.every
    grid = Grid(window, every, options.minimum)
    grid.refuse_mistakes()
    for note in listing.notes:
        print(note, file=sys.stderr)
    index, taken, failed = [], {"index"}, 0
    for path, outcome in scored_recordings(listing.paths, ensemble, grid.rule, COLUMNS):
        if isinstance(outcome, str):
            failed += 1
            index.append([printable(str(path)), "", "", "", printable(outcome)])
            continue
        name = _free_name(path, taken)
        stretches = _write(options.to, name, path, outcome, ensemble, grid)
        index.append([printable(str(path)), name, f"{outcome.seconds:.3f}", str(stretches), ""])
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([["path", "name", "seconds", "stretches", "error"], *index])
    write_text(options.to / "index.csv", text.getvalue())
    print(f"{counted(len(index) - failed, 'timeline')} in {printable(str(options.to))}", file=sys.stderr)
    return 1 if failed else 0


def refuse_folder(folder: Path, *, overwrite: bool) -> None:
    """Make a folder for output.

    Raises:
        InputError: it is a file, it has files, or it cannot be written.
    """
    shown = printable(str(folder))
    if os.path.lexists(folder) and not folder.is_dir():
        raise InputError(f"{shown} is not a folder; expected a new or an empty folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not overwrite:
            raise InputError(f"the folder {shown} is not empty; expected a new or an empty one, or --overwrite")
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"the folder {shown} cannot be written: {error.strerror}; name another one") from None


def _free_name(path: Path, taken: set[str]) -> str:
    """A name for the files of a recording, of letters that every system allows, that no other recording has."""
    base = re.sub(r"[^\w.-]+", "_", printable(path.stem)).strip("._") or "recording"
    name, number = base, 1
    while name.lower() in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name.lower())
    return name


def _write(folder: Path, name: str, path: Path, scored: Scored, ensemble: Ensemble, grid: Grid) -> int:
    from pipeline.prediction.labels import as_audacity, as_csv, as_textgrid
    from pipeline.prediction.picture import timeline_picture
    from pipeline.prediction.timeline import timeline

    found = timeline(scored, grid)
    classes = ensemble.classes
    write_text(folder / f"{name}.csv", as_csv(found, classes, spread=len(ensemble.members) > 1))
    write_text(folder / f"{name}.TextGrid", as_textgrid(found, classes))
    write_text(folder / f"{name}.labels.txt", as_audacity(found, classes))
    drawing = timeline_picture(found, scored.envelope, classes, path.name)
    write_text(folder / f"{name}.svg", drawing.svg)
    with replacing(folder / f"{name}.png") as temporary:
        temporary.write_bytes(drawing.png)
    return len(found.stretches)
