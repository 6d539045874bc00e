"""Print what a model of params.yaml is made of: its layers and their parameter counts, as in Table 5 of the paper."""

from __future__ import annotations

import argparse

from pipeline.evaluation.results import model_label
from pipeline.models.family import Design, Family
from pipeline.params import Params, load_params


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, or none for all."""
    parser.add_argument("model", nargs="?", help="a key under models in params.yaml; default: all of them")


def run(options: argparse.Namespace) -> int:
    """Print one table for each model."""
    params = load_params()
    for model in [options.model] if options.model else params.models:
        print("\n".join(_table(params, model)), end="\n\n")
    return 0


def _table(params: Params, key: str) -> list[str]:
    model, family = params.model(key), params.family_of(key)
    design = params.design_of(key, params.front_end(model.frontend).shape)
    network = family.classifier(design, 0)
    lines = [
        f"{model_label(model)}: {', '.join(family.in_words(model))}, {_read(design, family)}",
        f"{'layer':<12} {'structure':<20} {'blocks':>6} {'stride':>6} {'params':>9}",
    ]
    for row in network.layer_rows():
        blocks = "" if row.blocks is None else str(row.blocks)
        count = "" if row.params is None else f"{row.params:,}"
        lines.append(f"{row.layer:<12} {row.structure:<20} {blocks:>6} {row.stride:>6} {count:>9}".rstrip())
    return lines


def _read(design: Design, family: Family) -> str:
    """The form in which the classifier reads the data."""
    if family.reads == "spliced":
        return f"{design.network.branches} branches, model frames of {design.features.context} x {design.dims}"
    return f"{'frames' if family.reads == 'frames' else 'rows'} of {design.dims}"
