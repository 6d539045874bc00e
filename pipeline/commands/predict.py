"""Print the class probabilities of recordings, from trained weights."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.wording import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Weights and recordings."""
    parser.add_argument("weights", type=Path, help="a file of results/weights/<model>/")
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="let weights ask for an encoder that exists only as pickle, which can run code; where you trust both",
    )
    parser.add_argument("audio", type=Path, nargs="+", help="recordings in any format that the corpora have")


def run(options: argparse.Namespace) -> int:
    """Print a CSV row for each recording; files that cannot be read are reported, and the exit status is 1 then."""
    from pipeline.audio.recording import AudioError
    from pipeline.frontends.base import say_notices
    from pipeline.runs.prediction import note_on_standardisation, notes_on_features, predict
    from pipeline.runs.weights import load_weights

    if options.weights.exists() and not options.weights.is_file():
        # Opening a pipe would wait for ever.
        raise InputError(f"{printable(str(options.weights))} is no file; expected a file of results/weights")
    weights = load_weights(options.weights)
    network, front_end = weights.build(), weights.front_end()
    if not front_end.reads_audio:
        raise InputError(
            f"{options.weights} was trained on the front end {front_end.options.kind}, which reads no audio, so its "
            "features of other recordings cannot be computed; only its predictions in results/predictions exist"
        )
    if getattr(front_end.options, "allow_pickle", False) and not options.allow_pickle:
        raise InputError(
            f"{printable(str(options.weights))} asks for an encoder that may be loaded from pickle, which can run "
            f"code: {printable(str(weights.frontend.get('path')))}; if you trust both, add --allow-pickle"
        )
    front_end.refuse_if_not_installed()
    if (front_end.dims, front_end.framewise) != (weights.design.shape.dims, weights.design.shape.framewise):
        raise InputError(
            f"{printable(str(options.weights))} is damaged: its front end gives {front_end.dims} columns, and its "
            f"classifier reads {weights.design.shape.dims}"
        )
    say_notices([front_end])
    try:
        notes = [note_on_standardisation(network), *notes_on_features(weights, front_end)]
    except InputError as error:
        raise InputError(f"{options.weights}: {error}") from None
    for note in filter(None, notes):
        print(f"{options.weights}: {note}", file=sys.stderr)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["path", "predicted", *(f"p_{printable(name)}" for name in weights.classes)])
    failed = 0
    for path in options.audio:
        name = printable(str(path))
        try:
            found = predict(path, weights, network, front_end)
        except AudioError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed += 1
            continue
        except (MemoryError, RuntimeError) as error:
            # PyTorch reports memory that is used up as a RuntimeError.
            print(f"{name}: {_exhausted(error)}", file=sys.stderr)
            failed += 1
            continue
        for remark in found.notes:
            print(f"{name}: {remark.text}", file=sys.stderr)
        name = _cell(name)
        predicted = printable(weights.classes[int(found.probabilities.argmax())])
        table.writerow([name, predicted, *(f"{value:.6f}" for value in found.probabilities)])
    return 1 if failed else 0


def _cell(path: str) -> str:
    """A path that no spreadsheet takes for a formula: one that begins like a formula gets `./` in front."""
    return f"./{path}" if path.startswith(("=", "+", "-", "@")) else path


def _exhausted(error: Exception) -> str:
    """What a recording lacked, if it was memory."""
    if isinstance(error, MemoryError) or "memory" in str(error):
        return "too long for the memory of this machine; cut it into shorter recordings"
    raise error
