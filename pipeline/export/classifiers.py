"""Classifiers in eval mode as parts of an ONNX graph: from the features of one segment to its probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.core.errors import InputError
from pipeline.export.graph import Graph, Value
from pipeline.models.base import Classifier
from pipeline.models.convolving import Convolutions
from pipeline.models.forest import LEAST_PROBABILITY, Forest
from pipeline.models.framewise import FramewiseNetwork, LayerWeights
from pipeline.models.linear import LinearClassifier
from pipeline.models.options import POOLED_BANDS
from pipeline.models.perceptron import Perceptron
from pipeline.models.pooling import FLOOR, SegmentPooling
from pipeline.models.recurrent import Recurrent
from pipeline.models.resnext import Block, ResNeXt
from pipeline.training.params import Reading


@dataclass(frozen=True)
class Form:
    """The form in which a classifier reads features.

    Attributes:
        reading: splicing.
        dims: number of columns.
    """

    reading: Reading
    dims: int


def add_probabilities(graph: Graph, features: Value, network: Classifier, form: Form, temperature: float) -> Value:
    """(1, classes) float32 probabilities of one segment.

    Args:
        graph: graph that gets the nodes.
        features: (rows, dims) float32 features of the segment, from its front end.
        network: the classifier, in eval mode.
        form: form in which it reads the features.
        temperature: number that its scores are divided by.

    Raises:
        InputError: its family has no ONNX form.
    """
    values = graph.cast(features, "double") if network.in_double else features
    if network.standardisation is not None:
        kind = np.float64 if network.in_double else np.float32
        mean, deviation = (
            _array(one[0]).astype(kind) for one in (network.standardisation.mean, network.standardisation.deviation)
        )
        values = graph.op("Div", graph.op("Sub", values, graph.constant(mean)), graph.constant(deviation))
    scores = graph.cast(add_scores(network, graph, values, form), "double")
    scaled = graph.op("Div", scores, graph.constant(float(temperature)))
    return graph.cast(graph.op("Softmax", scaled, axis=1), "float")


@singledispatch
def add_scores(network: Classifier, graph: Graph, features: Value, form: Form) -> Value:
    """(1, classes) scores of one segment, from (rows, dims) standardised features."""
    raise InputError(
        f"{type(network).__name__} has no ONNX form; expected a model of the families that come with this software. "
        "pipeline/export/classifiers.py is where a family of your own gets one"
    )


@add_scores.register
def _linear(network: LinearClassifier, graph: Graph, features: Value, form: Form) -> Value:
    product = graph.op("MatMul", features, graph.constant(_array(network.coef.T)))
    return graph.op("Add", product, graph.constant(_array(network.intercept)))


@add_scores.register
def _perceptron(network: Perceptron, graph: Graph, features: Value, form: Form) -> Value:
    values, layers = features, range(sum(name.startswith("weight") for name, _ in network.named_buffers(recurse=False)))
    for layer in layers:
        weight, bias = network.get_buffer(f"weight{layer}"), network.get_buffer(f"bias{layer}")
        values = graph.op(
            "Add", graph.op("MatMul", values, graph.constant(_array(weight))), graph.constant(_array(bias))
        )
        if layer < len(layers) - 1:
            values = graph.op("Relu", values)
    return values


@add_scores.register
def _forest(network: Forest, graph: Graph, features: Value, form: Form) -> Value:
    child, root = _array(network.child).astype(np.int64), _array(network.root).astype(np.int64)
    # Thresholds are compared with values in single precision, as scikit-learn learned them.
    row = graph.reshaped(graph.cast(graph.cast(features, "float"), "double"), -1)
    columns, thresholds = (
        graph.constant(_array(network.feature).astype(np.int64)),
        graph.constant(_array(network.threshold)),
    )
    children, two = graph.constant(child.reshape(-1)), graph.constant([2])
    node = graph.constant(root)
    for _ in range(_depth(child, root)):
        value = graph.op("Gather", row, graph.op("Gather", columns, node, axis=0), axis=0)
        above = graph.cast(graph.op("Greater", value, graph.op("Gather", thresholds, node, axis=0)), "int64")
        node = graph.op("Gather", children, graph.op("Add", graph.op("Mul", node, two), above), axis=0)
    shares = graph.mean(graph.op("Gather", graph.constant(_array(network.share)), node, axis=0), 0, keep=True)
    return graph.op("Log", graph.op("Max", shares, graph.constant([[LEAST_PROBABILITY]])))


def _depth(child: NDArray[np.int64], root: NDArray[np.int64]) -> int:
    """The largest number of comparisons on a way from a root to a leaf, which is its own child."""
    depth, nodes = 0, _inner(child, root)
    while len(nodes):
        depth, nodes = depth + 1, _inner(child, np.unique(child[nodes]))
    return depth


def _inner(child: NDArray[np.int64], nodes: NDArray[np.int64]) -> NDArray[np.int64]:
    inner: NDArray[np.int64] = nodes[(child[nodes] != nodes[:, None]).any(axis=1)]
    return inner


@add_scores.register
def _resnext(network: ResNeXt, graph: Graph, features: Value, form: Form) -> Value:
    frames = graph.op("Unsqueeze", _spliced(graph, features, form.reading), graph.constant([1]))
    hidden = _convolved(graph, frames, network.prelim)
    for stage in network.stages:
        for block in stage.children():
            assert isinstance(block, Block)  # noqa: S101 (of every stage)
            hidden = _block(graph, hidden, block)
    if network.pooling == "bins":
        pooled = graph.mean(graph.mean(hidden, 2), 1)
    else:
        # Mean over height, then over bands of frequencies; a matrix, since their number is known.
        bins = _bins(network, form.dims)
        bands = F.adaptive_avg_pool1d(torch.eye(bins).unsqueeze(0), POOLED_BANDS)[0]
        pooled = graph.op("MatMul", graph.mean(hidden, 2), graph.constant(_array(bands)))
        pooled = graph.reshaped(pooled, 0, network.affine.in_features)
    pooled = graph.mean(pooled, 0, keep=True)
    if isinstance(network.standardise, nn.BatchNorm1d):
        layer = network.standardise
        assert layer.running_mean is not None  # noqa: S101 (statistics are tracked)
        assert layer.running_var is not None  # noqa: S101
        scale = 1 / torch.sqrt(layer.running_var + layer.eps)
        pooled = graph.op("Sub", pooled, graph.constant(_array(layer.running_mean)))
        pooled = graph.op("Mul", pooled, graph.constant(_array(scale)))
    return graph.op("MatMul", pooled, graph.constant(_array(network.affine.weight.T)))


def _bins(network: ResNeXt, dims: int) -> int:
    """Number of frequency bins behind the preliminary convolution, which all blocks keep."""
    return dims + 2 * int(network.prelim.padding[1]) - network.prelim.kernel_size[1] + 1


def _spliced(graph: Graph, rows: Value, reading: Reading) -> Value:
    """(model frames, context, dims), see `splicing.splice`."""
    number = graph.length(rows)
    frames = graph.op(
        "Div", graph.op("Add", number, graph.constant([reading.every - 1])), graph.constant([reading.every])
    )
    centres = graph.op("Mul", graph.steps(frames), graph.constant([reading.every]))
    offsets = graph.constant(np.arange(-reading.left, reading.right + 1))
    place = graph.op("Add", graph.reshaped(centres, -1, 1), offsets)
    last = graph.op("Sub", number, graph.constant([1]))
    place = graph.op("Min", graph.op("Max", place, graph.constant([0])), last)
    return graph.op("Gather", rows, place, axis=0)


def _block(graph: Graph, frames: Value, block: Block) -> Value:
    outputs = []
    for branch in block.branches:
        value = frames
        for layer in branch.children():
            value = _layer(graph, value, layer)
        outputs.append(value)
    share = 1 / len(outputs)
    if block.shakedrop is not None:
        share *= block.shakedrop.expectation
    mixed = graph.op("Mul", graph.op("Sum", *outputs), graph.constant(share, np.float32))
    summed = graph.op("Add", mixed, _layer(graph, frames, block.shortcut))
    return graph.op("Relu", summed) if block.relu_after_addition else summed


def _layer(graph: Graph, value: Value, layer: nn.Module) -> Value:
    if isinstance(layer, nn.Identity):
        return value
    if isinstance(layer, nn.ReLU):
        return graph.op("Relu", value)
    if isinstance(layer, nn.Conv2d):
        return _convolved(graph, value, layer)
    if isinstance(layer, nn.BatchNorm2d):
        return _batch_normalised(graph, value, layer)
    if isinstance(layer, nn.ZeroPad2d):
        left, right, top, bottom = layer.padding
        return graph.op("Pad", value, graph.constant([0, 0, top, left, 0, 0, bottom, right]))
    raise InputError(f"a layer {type(layer).__name__} has no ONNX form")


def _convolved(graph: Graph, value: Value, layer: nn.Conv2d) -> Value:
    height, width = (int(one) for one in layer.padding)
    bias = [] if layer.bias is None else [graph.constant(_array(layer.bias))]
    return graph.op(
        "Conv", value, graph.constant(_array(layer.weight)), *bias, pads=[height, width, height, width],
        strides=list(layer.stride), kernel_shape=list(layer.kernel_size),
    )  # fmt: skip


def _batch_normalised(graph: Graph, value: Value, layer: nn.BatchNorm2d) -> Value:
    numbers = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
    constants = [graph.constant(_array(one)) for one in numbers if one is not None]
    return graph.op("BatchNormalization", value, *constants, epsilon=layer.eps)


@add_scores.register
def _framewise(network: FramewiseNetwork, graph: Graph, features: Value, form: Form) -> Value:
    frames = features
    if network.every > 1:
        frames = graph.slice(frames, graph.constant([0]), graph.length(frames), step=network.every)
    if network.layer_weights is not None:
        frames = _layers_weighted(graph, frames, network.layer_weights)
    if network.convolutions is not None:
        frames = _convolutions(graph, frames, network.convolutions)
    if network.recurrent is not None:
        frames = _recurrent(graph, frames, network.recurrent)
    if network.projection is not None:
        affine, normalisation, _ = network.projection.children()
        assert isinstance(affine, nn.Linear)  # noqa: S101 (as it is built)
        assert isinstance(normalisation, nn.LayerNorm)  # noqa: S101
        frames = graph.op(
            "LayerNormalization", _affine(graph, frames, affine), graph.constant(_array(normalisation.weight)),
            graph.constant(_array(normalisation.bias)), axis=-1, epsilon=normalisation.eps,
        )  # fmt: skip
        frames = graph.op("Relu", frames)
    pooled = _pooled(graph, frames, network.pooling)
    for layer in network.mlp:
        assert isinstance(layer, nn.Linear)  # noqa: S101 (as it is built)
        pooled = graph.op("Relu", _affine(graph, pooled, layer))
    return _affine(graph, pooled, network.affine)


def _layers_weighted(graph: Graph, frames: Value, layer: LayerWeights) -> Value:
    weights = _array(layer.scale * layer.logits.softmax(0))
    blocks = graph.reshaped(frames, 0, len(weights), -1)
    return graph.sum(graph.op("Mul", blocks, graph.constant(weights[:, None])), 1)


def _convolutions(graph: Graph, frames: Value, layers: Convolutions) -> Value:
    """(remaining frames, bins * channels); a segment alone is what `Convolutions` computes in a batch."""
    image = graph.op("Unsqueeze", frames, graph.constant([0, 1]))
    for number, (convolution, normalisation) in enumerate(
        zip(layers.convolutions, layers.normalisations, strict=True), 1
    ):
        assert isinstance(convolution, nn.Conv2d)  # noqa: S101 (as it is built)
        assert isinstance(normalisation, nn.BatchNorm2d)  # noqa: S101
        image = graph.op("Relu", _batch_normalised(graph, _convolved(graph, image, convolution), normalisation))
        kernel = [2 if number <= layers.halvings else 1, 2]
        image = graph.op("MaxPool", image, kernel_shape=kernel, strides=kernel, ceil_mode=1)
    # (1, channels, frames, bins) to (frames, bins, channels)
    described = graph.op("Transpose", graph.op("Squeeze", image, graph.constant([0])), perm=[1, 2, 0])
    return graph.reshaped(described, 0, layers.outputs)


def _recurrent(graph: Graph, frames: Value, layer: Recurrent) -> Value:
    lstm, units = layer.lstm, layer.lstm.hidden_size

    def ordered(name: str) -> NDArray[np.float32]:
        """The gates in the order of ONNX: input, output, forget, cell; PyTorch has input, forget, cell, output."""
        gates = _array(getattr(lstm, name)).reshape(4, units, -1)
        return np.ascontiguousarray(gates[[0, 3, 1, 2]].reshape(4 * units, -1))

    ends = ("l0", "l0_reverse")
    weights, recurrences = (np.stack([ordered(f"{kind}_{end}") for end in ends]) for kind in ("weight_ih", "weight_hh"))
    biases = np.stack(
        [np.concatenate([ordered(f"bias_ih_{end}")[:, 0], ordered(f"bias_hh_{end}")[:, 0]]) for end in ends]
    )
    steps = graph.op("Unsqueeze", frames, graph.constant([1]))
    arguments = (graph.constant(one) for one in (weights, recurrences, biases))
    outputs = graph.op("LSTM", steps, *arguments, hidden_size=units, direction="bidirectional")
    # (frames, directions, 1, units) to (frames, 2 * units)
    return graph.reshaped(outputs, 0, layer.outputs)


def _pooled(graph: Graph, frames: Value, layer: SegmentPooling) -> Value:
    if layer.attention is None:
        mean = graph.mean(frames, 0, keep=True)
        if layer.kind == "mean":
            return mean
        centred = graph.op("Sub", frames, mean)
        variance = graph.mean(graph.op("Mul", centred, centred), 0, keep=True)
    else:
        first, _, second = layer.attention.children()
        assert isinstance(first, nn.Linear)  # noqa: S101 (as it is built)
        assert isinstance(second, nn.Linear)  # noqa: S101
        logits = _affine(graph, graph.op("Tanh", _affine(graph, frames, first)), second)
        shares = graph.op("Softmax", logits, axis=0)
        mean = graph.sum(graph.op("Mul", shares, frames), 0, keep=True)
        centred = graph.op("Sub", frames, mean)
        variance = graph.sum(graph.op("Mul", shares, graph.op("Mul", centred, centred)), 0, keep=True)
    deviation = graph.op("Sqrt", graph.op("Add", variance, graph.constant(FLOOR, np.float32)))
    return graph.op("Concat", mean, deviation, axis=1)


def _affine(graph: Graph, values: Value, layer: nn.Linear) -> Value:
    product = graph.op("MatMul", values, graph.constant(_array(layer.weight.T)))
    return product if layer.bias is None else graph.op("Add", product, graph.constant(_array(layer.bias)))


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().cpu().numpy()
    return array
