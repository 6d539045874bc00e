import copy
import math
import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pipeline.models.convolution import Convolution
from pipeline.models.resnext import build_network
from pipeline.models.shaking import Shaking

KERNELS = [
    ((2, 16), (1, 8)),
    ((2, 16), (0, 7)),
    ((3, 31), (1, 15)),
    ((1, 15), (0, 0)),
    ((2, 8), (1, 4)),
    ((3, 3), (1, 1)),
]


@pytest.mark.parametrize(("kernel", "padding"), KERNELS)
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_pytorchs_own_layer(kernel, padding, bias):
    torch.manual_seed(0)
    ours = Convolution(3, 5, kernel, padding=padding, bias=bias).double()
    plain = nn.Conv2d(3, 5, kernel, padding=padding, bias=bias).double()
    plain.load_state_dict(ours.state_dict())
    given = torch.randn(4, 3, 6, 40, dtype=torch.float64)
    frames, same = given.clone().requires_grad_(), given.clone().requires_grad_()
    outputs = ours(frames), plain(same)
    assert torch.equal(*outputs)
    weights = torch.randn_like(outputs[0])
    for output in outputs:
        (output * weights).sum().backward()
    torch.testing.assert_close(frames.grad, same.grad)
    for name, parameter in plain.named_parameters():
        torch.testing.assert_close(ours.get_parameter(name).grad, parameter.grad)


def test_numerical_gradients_agree():
    layer = Convolution(2, 2, (2, 16), padding=(0, 7)).double()
    frames = torch.randn(2, 2, 3, 20, dtype=torch.float64, requires_grad=True)

    def convolve(frames, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, frames)

    assert torch.autograd.gradcheck(convolve, (frames, layer.weight, layer.bias))


def test_a_bf16_input_is_computed_in_bf16_and_its_gradients_kept_in_fp32():
    torch.manual_seed(0)
    layer = Convolution(4, 8, (2, 16), padding=(1, 8))
    frames = torch.randn(8, 4, 16, 64)
    layer(frames).square().sum().backward()
    exact = layer.weight.grad.clone()
    layer.zero_grad()
    outputs = layer(frames.bfloat16())
    assert outputs.dtype == torch.bfloat16
    outputs.float().square().sum().backward()
    assert layer.weight.grad.dtype == torch.float32
    assert (layer.weight.grad - exact).norm() < 0.01 * exact.norm()


STRIDED = """
import torch
from torch.nn import functional as F
from pipeline.models.convolution import Convolution

torch.set_num_threads(1)
torch.manual_seed(0)
tried = 0
for inputs in (1, 2, 3, 4, 5, 6, 8, 16):
    for outputs in (1, 2, 4, 8, 16):
        for size in (4, 7, 8, 14):
            layer = Convolution(inputs, outputs, 1, stride=2, bias=outputs > 2)
            images = torch.randn(8, inputs, size, size).contiguous(memory_format=torch.channels_last).requires_grad_()
            result = layer(images)
            gradient = torch.randn_like(result)
            result.backward(gradient)
            # In float64 and the usual memory order, where PyTorch's own stride is sound.
            exact = [part.detach().double().contiguous().requires_grad_() for part in (images, layer.weight)]
            expected = F.conv2d(*exact, None if layer.bias is None else layer.bias.detach().double(), stride=2)
            expected.backward(gradient.double().contiguous())
            torch.testing.assert_close(result.double(), expected, rtol=1e-4, atol=1e-4)
            for ours, theirs in ((images.grad, exact[0].grad), (layer.weight.grad, exact[1].grad)):
                torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-4)
            tried += 1
print(tried)
"""


@pytest.mark.parametrize("instructions", ["AVX2", "ALL"])
def test_a_strided_1_x_1_kernel_is_sound_on_cpus_without_avx_512(instructions):
    """In a process of its own, since PyTorch's own backward pass aborts it where only AVX2 is used."""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": instructions}
    done = subprocess.run([sys.executable, "-c", STRIDED], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "160"), done.stderr


class Mixing(torch.autograd.Function):
    """Two branches mixed as equations 4 to 6 say, with weights given from outside."""

    @staticmethod
    def forward(ctx, alpha, beta, first, second):
        ctx.save_for_backward(beta)
        return alpha * first + (1 - alpha) * second

    @staticmethod
    def backward(ctx, gradient):
        (beta,) = ctx.saved_tensors
        return None, None, beta * gradient, (1 - beta) * gradient


def plain_scores(network, frames, segment_of_frame, num_segments, draws):
    """The network by PyTorch's own layers, one branch after the other, written out."""
    hidden = F.conv2d(frames, network.prelim.weight, network.prelim.bias, padding=network.prelim.padding)
    for stage in network.stages:
        for block in stage:
            outputs = []
            for branch in block.branches:
                x = hidden
                for layer in branch:
                    if isinstance(layer, nn.Conv2d):
                        x = F.conv2d(x, layer.weight, layer.bias, padding=layer.padding)
                    elif isinstance(layer, nn.BatchNorm2d):
                        x = layer(x)
                    else:
                        x = F.relu(x)
                outputs.append(x)
            mixed = Mixing.apply(*(next(draws)[:, None, None, None] for _ in range(2)), *outputs)
            shortcut = block.shortcut
            if isinstance(shortcut, nn.Conv2d):
                hidden = mixed + F.conv2d(hidden, shortcut.weight, shortcut.bias)
            else:
                hidden = mixed + hidden
            if block.relu_after_addition:
                hidden = F.relu(hidden)
    pooled = F.adaptive_avg_pool2d(hidden, (1, 8)).flatten(1)
    means = [pooled[segment_of_frame == segment].mean(0) for segment in range(num_segments)]
    return network.affine(network.standardise(torch.stack(means)))


@pytest.mark.parametrize("layout", ["PreAct", "PreActBN", "RPreAct", "PostAct", "BN-Shake"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-2)])
def test_a_step_has_the_loss_gradients_and_statistics_of_plain_layers(layout, dtype, tolerance):
    """Wide kernels, in-place activations and channels last change nothing but the order of sums."""
    network = build_network(
        layout, kernel=(2, 16), widths=(4, 8, 16), blocks=(2, 1), branches=2, num_classes=4, frame_shape=(6, 40),
        dropout=0.0, gamma0=0.7, shaking=Shaking(), seed=3,
    ).to(dtype)  # fmt: skip
    plain = copy.deepcopy(network)
    network = network.to(memory_format=torch.channels_last)
    torch.manual_seed(1)
    frames = torch.randn(14, 1, 6, 40, dtype=dtype)
    segment_of_frame = torch.tensor([0] * 4 + [1] * 3 + [2] * 5 + [3] * 2)
    emotions, weights = torch.tensor([0, 1, 2, 3]), torch.tensor([0.5, 1.0, 1.5, 1.0], dtype=dtype)
    scores = network(
        frames.contiguous(memory_format=torch.channels_last), segment_of_frame, 4, torch.Generator().manual_seed(5)
    )
    noise = torch.Generator().manual_seed(5)
    # For two branches: alpha of the first branch by frame, then beta, block after block.
    draws = (torch.rand(14, 1, generator=noise)[:, 0].to(dtype) for _ in iter(int, 1))
    expected = plain_scores(plain, frames, segment_of_frame, 4, draws)
    losses = [F.cross_entropy(values, emotions, weight=weights) for values in (scores, expected)]
    for loss in losses:
        loss.backward()
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=tolerance)
    for name, parameter in plain.named_parameters():
        scale = parameter.grad.abs().max().item()
        difference = (network.get_parameter(name).grad - parameter.grad).abs().max().item()
        assert math.isfinite(scale)
        # A bias before a normalisation has no gradient but rounding.
        assert difference <= tolerance * max(scale, 1e-1), name
    for name, buffer in plain.named_buffers():
        torch.testing.assert_close(network.get_buffer(name), buffer, rtol=tolerance, atol=tolerance)
