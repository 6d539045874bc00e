"""Export trained weights: ONNX with the front end, safetensors, a runner without torch, and a model card."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.commands.predict import add_model_arguments, ready_ensemble, user_path
from pipeline.core.errors import InputError
from pipeline.core.settings import PARAMS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The weights, and the folder of the bundle."""
    add_model_arguments(parser)
    parser.add_argument("--to", type=user_path, required=True, metavar="DIR", help="new or empty folder for the bundle")


def run(options: argparse.Namespace) -> int:
    """Write the bundle; nothing is written if it does not give the probabilities of torch."""
    from pipeline.export.bundle import export, refuse_if_not_installed, refuse_used, summary_line
    from pipeline.export.card import Facts, load_facts, models_of, selection_of, write_card
    from pipeline.params import load_params

    refuse_if_not_installed()
    refuse_used(options.to)
    ensemble = ready_ensemble(options)
    files = [one.path for one in ensemble.members]
    models, selection = models_of(files), selection_of(files, options.selection)
    model = models.pop() if len(models) == 1 else ""
    facts = Facts(
        model or "Several models together",
        options.selection,
        missing="these weights are not those of one configured model"
        if selection
        else "these weights are of different epochs (last, best or dev)",
    )
    if PARAMS.is_file() and selection:
        params = load_params()
        if model in params.models and params.classes == ensemble.classes:
            _refuse_unfinished(model)
            facts = load_facts(model, params, selection, identities=[one.weights.identity for one in ensemble.members])
    if facts.missing:
        print(f"the model card lacks results: {facts.missing}", file=sys.stderr)
    print(summary_line(export(ensemble, options.to, write_card(facts, ensemble), facts.label)))
    return 0


def _refuse_unfinished(model: str) -> None:
    """Refuse weights of a model whose results were not collected."""
    if not Path(f"results/runs/{model}.csv").is_file():
        raise InputError(
            f"{model} did not finish: results/runs/{model}.csv does not exist; `dvc repro train@{model}` trains "
            f"what is missing and collects it"
        )
