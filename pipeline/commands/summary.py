"""Print Table 5 for a model of params.yaml: its layers and their exact parameter counts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from pipeline.core.wording import counted
from pipeline.params import Params, load_params


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, or none for all."""
    parser.add_argument("model", nargs="?", help="a key under models in params.yaml; default: all of them")


def run(options: argparse.Namespace) -> int:
    """Print one table a model."""
    params = load_params()
    for model in [options.model] if options.model else params.models:
        print("\n".join(_table(params, model)), end="\n\n")
    return 0


def _table(params: Params, model: str) -> list[str]:
    from pipeline.models.configured import configured_network
    from pipeline.models.layers import layer_table

    shared, entry = params.network, params.model(model)
    network = configured_network(shared, entry, params.features, len(params.classes))
    shaking = "none" if entry.shake is None else counted(entry.shake.bands, "band")
    if entry.shake is not None and (set_here := entry.shake.model_dump(exclude={"bands"}, exclude_defaults=True)):
        shaking += f" ({_listed(set_here)})"
    others = {name: getattr(entry, name) for name in ("shakedrop", "mixup", "vcl")}
    options = [f", {name} ({_listed(value.model_dump())})" for name, value in others.items() if value is not None]
    gamma0 = entry.gamma0 if isinstance(entry.gamma0, str) else f"{entry.gamma0:g}"
    lines = [
        f"{entry.label}: layout {entry.layout}, gamma0 {gamma0}, shaking {shaking}{''.join(options)}, "
        f"{shared.branches} branches, model frames of {params.features.context} x 257",
        f"{'layer':<12} {'structure':<20} {'blocks':>6} {'stride':>6} {'params':>9}",
    ]
    for row in layer_table(network, shared.widths, shared.kernel):
        blocks = "" if row.blocks is None else str(row.blocks)
        count = "" if row.params is None else f"{row.params:,}"
        lines.append(f"{row.layer:<12} {row.structure:<20} {blocks:>6} {row.stride:>6} {count:>9}".rstrip())
    return lines


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
