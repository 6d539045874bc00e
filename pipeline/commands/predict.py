"""Print or write the class probabilities of recordings, from trained weights or several of them together."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.selections import PREDICTED
from pipeline.core.wording import counted, printable

if TYPE_CHECKING:
    from pipeline.prediction.ensemble import Ensemble
    from pipeline.prediction.rows import Row
    from pipeline.prediction.segments import Scored


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Weights, recordings, and the form and place of the output."""
    add_model_arguments(parser)
    parser.add_argument(
        "recordings", nargs="+", help="files, folders, patterns such as 'speech/**/*.wav', or a CSV with a column path"
    )
    parser.add_argument(
        "--per", choices=("utterance", "segment"), default="utterance",
        help="a row for each recording (utterance, the default), or for each of its segments",
    )  # fmt: skip
    parser.add_argument("--out", type=user_path, metavar="FILE", help="a .csv, .json or .parquet; default: print CSV")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """The weights, which `timeline` takes too."""
    parser.add_argument(
        "model",
        help="a file of results/weights/<model>/, a folder or a pattern of such files, or the key of a model: "
        "the probabilities of several are averaged",
    )
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="MODEL",
        help="further weights, averaged with the first; repeatable",
    )
    parser.add_argument(
        "--selection",
        choices=PREDICTED,
        default="last",
        help="where a folder or a model is named: the epoch whose weights are used; default: last",
    )
    parser.add_argument(
        "--uncalibrated", action="store_true", help="leave out the temperature that is stored with the weights"
    )
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="let weights ask for an encoder that exists only as pickle, which can run code; only if you trust "
        "the weights and the encoder",
    )


def run(options: argparse.Namespace) -> int:
    """Write a row for each recording or segment; one that cannot be used has its reason, and the exit status is 1."""
    from pipeline.prediction.listing import list_recordings
    from pipeline.prediction.rows import TableWriter, columns, refuse_output, row_of_error, rows_of, writing

    if options.out is not None:
        refuse_output(options.out, overwrite=options.overwrite)
    listing = list_recordings(options.recordings)
    ensemble = ready_ensemble(options)
    for note in listing.notes:
        print(note, file=sys.stderr)
    names = columns(ensemble, options.per)

    @contextmanager
    def printing() -> Iterator[Callable[[Row], None]]:
        yield TableWriter(sys.stdout, names).write

    failed = 0
    with printing() if options.out is None else writing(options.out, names) as write:
        for path, outcome in scored_recordings(listing.paths, ensemble):
            if isinstance(outcome, str):
                failed += 1
                write(row_of_error(path, outcome))
            else:
                for row in rows_of(path, outcome, ensemble, options.per):
                    write(row)
    if options.out is not None:
        unusable = f", {failed} of them not usable" if failed else ""
        print(f"{counted(len(listing.paths), 'recording')} in {printable(str(options.out))}{unusable}", file=sys.stderr)
    return 1 if failed else 0


def user_path(text: str) -> Path:
    """A path to write to; `~` is the home folder, which a shell leaves as it is in `--to=~/here`."""
    return Path(text).expanduser()


def ready_ensemble(options: argparse.Namespace) -> Ensemble:
    """The classifiers that a command line names; what a user must know of them is printed."""
    from pipeline.frontends.base import say_notices
    from pipeline.prediction.ensemble import all_weight_files, load_ensemble, notes_of

    files = all_weight_files([options.model, *options.also], options.selection)
    ensemble = load_ensemble(files, allow_pickle=options.allow_pickle, calibrated=not options.uncalibrated)
    say_notices(ensemble.front_ends)
    for note in notes_of(ensemble):
        print(note, file=sys.stderr)
    return ensemble


def scored_recordings(
    paths: tuple[Path, ...],
    ensemble: Ensemble,
    rule: Callable[[int], list[tuple[int, int]]] | None = None,
    columns: int = 0,
) -> Iterator[tuple[Path, Scored | str]]:
    """What the classifiers say about each recording, or the reason why it cannot be used; with progress on a terminal.

    The reason and the notes of a recording are printed too.
    """
    from tqdm import tqdm

    from pipeline.audio.recording import AudioError
    from pipeline.prediction.segments import score

    sizes = [_size(path) for path in paths]
    # Bytes stand for time, so that the time left is right for one long recording among short ones.
    with tqdm(total=sum(sizes), unit="B", unit_scale=True, disable=None, mininterval=0.5) as bar:
        for number, (path, size) in enumerate(zip(paths, sizes, strict=True), 1):
            bar.set_description(f"{number} of {len(paths)}")
            begun = bar.n

            def progress(share: float, begun: float = begun, size: int = size) -> None:
                bar.update(begun + round(share * size) - bar.n)

            outcome: Scored | str
            try:
                outcome = score(path, ensemble, rule, progress, columns)
            except AudioError as error:
                outcome = str(error)
            except (MemoryError, RuntimeError) as error:
                # PyTorch reports memory that is used up as a RuntimeError.
                outcome = _exhausted(error)
            bar.update(begun + size - bar.n)
            for text in (outcome,) if isinstance(outcome, str) else outcome.notes:
                tqdm.write(f"{printable(str(path))}: {text}", file=sys.stderr)
            yield path, outcome


def _size(path: Path) -> int:
    try:
        return max(1, path.stat().st_size)
    except OSError:
        return 1


def _exhausted(error: Exception) -> str:
    """The reason why a recording cannot be used, if memory ran out."""
    if isinstance(error, MemoryError) or "memory" in str(error):
        return "too long for the memory of this machine; cut it into shorter recordings"
    raise error
