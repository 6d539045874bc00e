"""Table 5's figures, counted on networks built for it."""

from __future__ import annotations

from pipeline.models.configured import configured_network
from pipeline.models.layers import LayerRow, layer_table
from pipeline.params import ModelParams, Params


def network_structures(params: Params) -> dict[str, list[LayerRow]]:
    """The layers of the configured network, by layout: the paper's PreAct and every layout of `models`."""
    layouts = dict.fromkeys(("PreAct", *(model.layout for model in params.models.values())))
    structures: dict[str, list[LayerRow]] = {}
    for layout in layouts:
        model = ModelParams(label=layout, layout=layout)
        network = configured_network(params.network, model, params.features, len(params.classes))
        structures[layout] = layer_table(network, params.network.widths, params.network.kernel)
    return structures
