"""Table 5's figures, counted on networks built for it."""

from __future__ import annotations

from dataclasses import replace

from pipeline.models.base import LayerRow
from pipeline.models.families.resnext import ResNeXtParams, build
from pipeline.params import Params


def network_structures(params: Params) -> dict[str, list[LayerRow]]:
    """The layers of the configured networks, by layout: the paper's PreAct and every layout of `models`.

    The sections and the front end are those of the first model of a layout (for PreAct without a model, of the first
    ResNeXt). Empty if no model is a ResNeXt.
    """
    first: dict[str, str] = {}
    for key, model in params.models.items():
        if isinstance(model, ResNeXtParams):
            first.setdefault(model.layout, key)
    if not first:
        return {}
    structures: dict[str, list[LayerRow]] = {}
    for layout, key in {"PreAct": next(iter(first.values())), **first}.items():
        shape = params.front_end(params.model(key).frontend).shape
        plain = ResNeXtParams.model_validate({"label": layout, "layout": layout})
        structures[layout] = build(replace(params.design_of(key, shape), model=plain)).layer_rows()
    return structures
