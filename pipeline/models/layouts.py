"""The order of normalisation, activation and convolution in a residual branch (Figure 2; section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import nn

from pipeline.models.convolution import Convolution
from pipeline.models.normalisation import BatchNorm2d
from pipeline.models.options import Padding


@dataclass(frozen=True)
class BranchLayout:
    """The order of the operations of a branch, and what goes with it outside the branch.

    Attributes:
        operations: operations of the branch from its input to shaking, in the words of Figure 2.
        relu_after_addition: whether a ReLU follows the addition of the shortcut.
        standardise: whether a normalisation without scale and shift precedes the affine layer (the paper's CCL).
    """

    operations: tuple[str, ...]
    relu_after_addition: bool = False
    standardise: bool = True


def _layout(operations: str, *, relu_after_addition: bool = False, standardise: bool = True) -> BranchLayout:
    return BranchLayout(tuple(operations.split()), relu_after_addition, standardise)


LAYOUTS: Mapping[str, BranchLayout] = MappingProxyType({
    "PreAct": _layout("BN ReLU Conv BN ReLU Conv", standardise=False),
    "PreActBN": _layout("BN ReLU Conv BN ReLU Conv BN"),
    "RPreAct": _layout("ReLU Conv BN ReLU Conv BN"),
    "PostAct": _layout("Conv BN ReLU Conv BN", relu_after_addition=True),
    "BN-Shake": _layout("ReLU Conv ReLU Conv BN"),
})  # fmt: skip
"""Names of He et al. 2016 (arXiv 1603.05027) as the paper uses them; BN-Shake is Table 1's."""


def build_branch(
    layout: BranchLayout,
    in_channels: int,
    out_channels: int,
    kernel: tuple[int, int],
    padding: Padding,
    *,
    stride: int = 1,
    bias: bool = True,
) -> nn.Sequential:
    """One residual branch: (frames, in_channels, height, bins) to (frames, out_channels, height, bins).

    Only the first convolution has the stride, which divides height and bins; `bias` says whether convolutions have a
    bias.
    """
    layers: list[nn.Module] = []
    channels = in_channels
    convolutions = 0
    for operation in layout.operations:
        if operation == "Conv":
            if padding == "same":
                layers.append(nn.ZeroPad2d(_around(kernel)))
            pads = (0, 0) if padding == "same" else _paired(kernel, convolutions)
            step = 1 if convolutions else stride
            layers.append(Convolution(channels, out_channels, kernel, stride=step, padding=pads, bias=bias))
            channels = out_channels
            convolutions += 1
        elif operation == "BN":
            layers.append(BatchNorm2d(channels))
        else:
            # In place, since nothing else reads its input; but not on the block's input, which the shortcut needs.
            layers.append(nn.ReLU(inplace=bool(layers)))
    return nn.Sequential(*layers)


def _paired(kernel: tuple[int, int], position: int) -> tuple[int, int]:
    """Padding of the first and second convolution of a branch, which together keep the size of an even kernel.

    Each output of a 2 x 16 convolution lies half a step beside its inputs: the first convolution is padded to be one
    larger, the second to be one smaller, and the two half steps cancel. With an odd kernel both keep the size.
    """
    height, width = kernel
    return (height // 2, width // 2) if position % 2 == 0 else ((height - 1) // 2, (width - 1) // 2)


def _around(kernel: tuple[int, int]) -> tuple[int, int, int, int]:
    """Numbers of zeros left, right, above and below that keep the size; an even kernel has the extra one at the end."""
    height, width = kernel
    return (width - 1) // 2, width // 2, (height - 1) // 2, height // 2
