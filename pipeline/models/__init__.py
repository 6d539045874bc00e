"""Networks: shaking, branch layouts and ResNeXt for any kernel, width, depth and number of branches."""

from pipeline.models.layouts import LAYOUTS, BranchLayout
from pipeline.models.resnext import ResNeXt, build_network
from pipeline.models.shaking import Shaking, mix_branches

__all__ = ["LAYOUTS", "BranchLayout", "ResNeXt", "Shaking", "build_network", "mix_branches"]
