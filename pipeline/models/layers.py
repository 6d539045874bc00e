"""Table 5: the layers of a network and their parameters, counted on the network itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from pipeline.models.resnext import ResNeXt


@dataclass(frozen=True)
class LayerRow:
    """One row of Table 5; `blocks` and `stride` are empty where they mean nothing, `params` where there are none."""

    layer: str
    structure: str
    blocks: int | None
    stride: str
    params: int | None


def layer_table(network: ResNeXt, widths: Sequence[int], kernel: tuple[int, int]) -> list[LayerRow]:
    """The rows of Table 5 for a built network, the total last."""
    size = f"{kernel[0]}x{kernel[1]}"
    rows = [LayerRow("prelim-conv", f"{size}, {widths[0]}", 1, "1,1", count_parameters(network.prelim))]
    for width, stage in zip(widths[1:], network.stages, strict=True):
        structure = f"{size}, {width}; {size}, {width}"
        depth = len(list(stage.children()))
        rows.append(LayerRow(f"res-{width}", structure, depth, "1,1", count_parameters(stage)))
    affine = network.affine
    rows += [
        LayerRow("average", "", None, "", None),
        LayerRow("affine", f"{affine.in_features}x{affine.out_features}", None, "", count_parameters(affine)),
    ]
    if network.constancy is not None:
        rows.append(LayerRow("vcl", "beta of each unit", None, "", count_parameters(network.constancy)))
    return [*rows, LayerRow("total", "", None, "", count_parameters(network))]


def count_parameters(module: nn.Module) -> int:
    """Trainable numbers in a module."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
