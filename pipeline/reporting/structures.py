"""Table 5's figures, counted on networks built for it."""

from __future__ import annotations

from pipeline.models.resnext import build_network
from pipeline.models.summary import LayerRow, layer_table
from pipeline.params import Params
from pipeline.spectrogram import BINS


def network_structures(params: Params) -> dict[str, list[LayerRow]]:
    """The layers of the configured network, by layout: the paper's PreAct and every layout of `models`."""
    network = params.network
    return {
        layout: layer_table(
            build_network(
                layout, kernel=network.kernel, widths=network.widths, blocks=network.blocks,
                branches=network.branches, pooling=network.pooling, padding=network.padding,
                num_classes=len(params.classes), frame_shape=(params.features.context, BINS),
            ),
            network.widths, network.kernel,
        )
        for layout in dict.fromkeys(("PreAct", *(model.layout for model in params.models.values())))
    }  # fmt: skip
