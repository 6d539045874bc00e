"""PyTorch's convolution, with a faster weight gradient of wide kernels on CPUs, and 1 x 1 kernels without a stride."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

WIDEST_KERNEL = 14
"""Widest kernel for which oneDNN has a compiled weight gradient (its jit kernels of x86 CPUs). For a wider one it
unfolds the input and multiplies matrices, which takes two to four times as long; see `benchmarks/train_step.py`."""


class Convolution(nn.Conv2d):
    """`nn.Conv2d` that computes in the precision of its input, whatever the precision of its weights.

    A 1 x 1 kernel with a stride reads every second row and column, say: they are taken first, and the stride is then 1.
    The numbers are the same. With the stride left to PyTorch 2.11, its backward pass in channels-last order writes
    outside its buffers on CPUs without AVX-512 where there are 2 to 6 input channels, and the process aborts.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """(frames, in_channels, height, bins) to (frames, out_channels, ...), as `nn.Conv2d` gives it."""
        weight = self.weight.to(inputs.dtype)
        bias = None if self.bias is None else self.bias.to(inputs.dtype)
        rows, columns = self.stride
        if self.kernel_size == (1, 1) and self.padding == (0, 0) and (rows, columns) != (1, 1):
            return F.conv2d(inputs[..., ::rows, ::columns], weight, bias, groups=self.groups)
        wide = self.kernel_size[1] > WIDEST_KERNEL and self.stride == (1, 1) and self.groups == 1
        if wide and inputs.device.type == "cpu" and torch.is_grad_enabled():
            convolved: Tensor = _WideConvolution.apply(inputs, weight, bias, self.padding)  # type: ignore[no-untyped-call]
            return convolved
        return F.conv2d(inputs, weight, bias, stride=self.stride, padding=self.padding, groups=self.groups)


class _WideConvolution(torch.autograd.Function):
    """A convolution whose weight gradient is computed for narrow parts of the kernel, one after another."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.padding = padding
        ctx.has_bias = bias is not None
        return F.conv2d(inputs, weight, bias, padding=padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        to_inputs = None
        if ctx.needs_input_grad[0]:
            to_inputs, _, _ = _gradients(gradient, inputs, weight, ctx.padding, (True, False, False))
        to_weight, to_bias = _weight_gradient(gradient, inputs, weight, ctx.padding, ctx.has_bias)
        return to_inputs, to_weight, to_bias, None


def _weight_gradient(
    gradient: Tensor, inputs: Tensor, weight: Tensor, padding: tuple[int, int], has_bias: bool
) -> tuple[Tensor, Tensor | None]:
    """Gradients of weight and bias.

    Columns k to k + m of the kernel are applied to the padded input from its column k on, so their gradient is that of
    a kernel of width m over the input shifted by k.
    """
    height, width = padding
    rest = gradient.shape[3] - 1 - inputs.shape[3]
    parts, to_bias, start = [], None, 0
    for part in weight.tensor_split(-(-weight.shape[3] // WIDEST_KERNEL), dim=3):
        left = width - start
        shifted = F.pad(inputs, (left, rest + part.shape[3] - left, height, height))
        _, to_part, bias = _gradients(gradient, shifted, part, (0, 0), (False, True, has_bias and start == 0))
        parts.append(to_part)
        to_bias = bias if start == 0 else to_bias
        start += part.shape[3]
    return torch.cat(parts, dim=3), to_bias


def _gradients(
    gradient: Tensor, inputs: Tensor, weight: Tensor, padding: tuple[int, int], wanted: tuple[bool, bool, bool]
) -> tuple[Any, Any, Any]:
    """The wanted gradients of input, weight and bias, computed by PyTorch's own kernels."""
    gradients: tuple[Any, Any, Any] = torch.ops.aten.convolution_backward(
        gradient, inputs, weight, [weight.shape[0]], (1, 1), padding, (1, 1), False, (0, 0), 1, wanted
    )
    return gradients
