"""Front ends as parts of an ONNX graph: from samples to the rows of a segment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.audio.frames import SHIFT, WINDOW
from pipeline.export.graph import Graph, Value
from pipeline.frontends.base import FrontEndOptions
from pipeline.frontends.functionals import FunctionalsOptions
from pipeline.frontends.kaldi import BINS, EPSILON, FFT, PREEMPHASIS
from pipeline.frontends.logmel import LogMelOptions
from pipeline.frontends.mel import cosine_transform, mel_filters
from pipeline.frontends.mfcc import MfccOptions
from pipeline.frontends.spectrogram import SpectrogramOptions

_PART = 80
"""Samples; windows and shifts are multiples of it, so windows are made of whole parts."""


def expressible(options: FrontEndOptions) -> bool:
    """Whether a front end can be a part of a graph."""
    if options.varied:
        return False
    if isinstance(options, FunctionalsOptions):
        return isinstance(options.of, FrontEndOptions) and expressible(options.of)
    return isinstance(options, SpectrogramOptions | LogMelOptions | MfccOptions)


def add_frames(graph: Graph, samples: Value, options: FrontEndOptions) -> Value:
    """(frames, dims) float32 of a recording, normalised if that is over the whole of it.

    Args:
        graph: graph that gets the nodes.
        samples: (num_samples,) float32 at 16 kHz on the int16 scale.
        options: options of an expressible front end.
    """
    if isinstance(options, FunctionalsOptions):
        assert isinstance(options.of, FrontEndOptions)  # noqa: S101 (expressible)
        return add_frames(graph, samples, options.of)
    frames = _unnormalised(graph, _powers(graph, samples), options)
    return _normalised(graph, frames) if getattr(options, "cmvn", None) == "utterance" else frames


def add_rows(graph: Graph, frames: Value, options: FrontEndOptions) -> Value:
    """(rows, dims) float32 features of the (length, dims) frames of one segment."""
    if isinstance(options, FunctionalsOptions):
        assert isinstance(options.of, FrontEndOptions)  # noqa: S101 (expressible)
        return _functionals(graph, add_rows(graph, frames, options.of), options.statistics)
    return _normalised(graph, frames) if getattr(options, "cmvn", None) == "segment" else frames


def _powers(graph: Graph, samples: Value) -> Value:
    """(frames, 257) float32 power spectra with the energy in place of bin 0; see `kaldi.powers`.

    Pre-emphasis, window and Fourier transform are one matrix. It and its products are in float64: the transform of
    float32 numbers by matrices loses more digits than a fast one, which torch uses.
    """
    one = graph.constant([1])
    available = graph.length(samples)
    frames = graph.op(
        "Add", graph.op("Div", graph.op("Sub", available, graph.constant([WINDOW])), graph.constant([SHIFT])), one
    )
    reached = graph.op(
        "Add", graph.op("Mul", graph.op("Sub", frames, one), graph.constant([SHIFT])), graph.constant([WINDOW])
    )
    parts = graph.reshaped(graph.slice(samples, graph.constant([0]), reached), -1, _PART)
    step = SHIFT // _PART
    span = graph.op("Add", graph.op("Mul", graph.op("Sub", frames, one), graph.constant([step])), one)
    pieces = [
        graph.slice(parts, graph.constant([first]), graph.op("Add", span, graph.constant([first])), step=step)
        for first in range(WINDOW // _PART)
    ]
    windows = graph.cast(graph.op("Concat", *pieces, axis=1), "double")
    centred = graph.op("Sub", windows, graph.mean(windows, 1, keep=True))
    real, imaginary = _transforms()
    parts_of_power = [graph.op("MatMul", centred, graph.constant(matrix)) for matrix in (real, imaginary)]
    squares = [graph.op("Mul", value, value) for value in parts_of_power]
    energy = graph.sum(graph.op("Mul", centred, centred), 1, keep=True)
    power = graph.op("Concat", energy, graph.op("Add", *squares), axis=1)
    return graph.cast(power, "float")


def _transforms() -> tuple[np.ndarray, np.ndarray]:
    """(400, 256) real and imaginary parts of what turns centred windows into the spectrum above bin 0."""
    emphasis = np.eye(WINDOW) - PREEMPHASIS * np.eye(WINDOW, k=1)
    emphasis[0, 0] = 1 - PREEMPHASIS
    # Kaldi's default window; the front end rounds it to float32.
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))
    emphasised = emphasis * (hann**0.85).astype(np.float32).astype(np.float64)
    angles = 2 * np.pi / FFT * np.outer(np.arange(WINDOW), np.arange(1, BINS))
    return emphasised @ np.cos(angles), emphasised @ -np.sin(angles)


def _unnormalised(graph: Graph, power: Value, options: FrontEndOptions) -> Value:
    if isinstance(options, SpectrogramOptions):
        return _logarithm(graph, power)
    assert isinstance(options, LogMelOptions | MfccOptions)  # noqa: S101 (expressible)
    filters = mel_filters(options.bands, options.low_freq, options.high_freq)
    bands = _logarithm(graph, graph.op("MatMul", power, graph.constant(filters.T)))
    if isinstance(options, LogMelOptions):
        return bands
    transform = cosine_transform(options.coefficients, options.bands, options.lifter)
    values = graph.op("MatMul", bands, graph.constant(transform.T))
    if options.use_energy:
        first, end = graph.constant([0]), graph.constant([1])
        energy = _logarithm(graph, graph.slice(power, first, end, axis=1))
        if options.coefficients == 1:
            values = energy
        else:
            others = graph.slice(values, end, graph.constant([options.coefficients]), axis=1)
            values = graph.op("Concat", energy, others, axis=1)
    return _with_deltas(graph, values, options.deltas)


def _logarithm(graph: Graph, energies: Value) -> Value:
    return graph.op("Log", graph.op("Max", energies, graph.constant(EPSILON, np.float32)))


def _with_deltas(graph: Graph, values: Value, order: int) -> Value:
    """See `kaldi.with_deltas`."""
    blocks = [values]
    number = graph.length(values)
    last = graph.op("Sub", number, graph.constant([1]))
    regression, scales = np.arange(-2, 3) / 10, np.ones(1)
    for _ in range(order):
        scales = np.convolve(scales, regression)
        reach = len(scales) // 2
        place = graph.op(
            "Sub", graph.steps(graph.op("Add", number, graph.constant([2 * reach]))), graph.constant([reach])
        )
        place = graph.op("Min", graph.op("Max", place, graph.constant([0])), last)
        around = graph.op("Gather", values, place, axis=0)
        shifted = [
            graph.op(
                "Mul",
                graph.slice(around, graph.constant([first]), graph.op("Add", number, graph.constant([first]))),
                graph.constant(scale, np.float32),
            )
            for first, scale in enumerate(scales.tolist())
        ]
        blocks.append(graph.op("Sum", *shifted))
    return graph.op("Concat", *blocks, axis=1) if order else values


def _normalised(graph: Graph, frames: Value) -> Value:
    """See `kaldi.normalise`."""
    mean = graph.cast(graph.mean(graph.cast(frames, "double"), 0, keep=True), "float")
    centred = graph.op("Sub", frames, mean)
    squares = graph.cast(graph.op("Mul", centred, centred), "double")
    deviation = graph.cast(graph.op("Sqrt", graph.mean(squares, 0, keep=True)), "float")
    level = graph.op("Max", graph.op("Abs", mean), graph.constant(1, np.float32))
    constant = graph.op("LessOrEqual", deviation, graph.op("Mul", level, graph.constant(16 * EPSILON, np.float32)))
    return graph.op("Div", centred, graph.op("Where", constant, graph.constant(np.inf, np.float32), deviation))


def _functionals(graph: Graph, rows: Value, statistics: Sequence[str]) -> Value:
    """See `functionals.functionals`; (1, statistics * columns)."""
    values = graph.cast(rows, "double")
    number = graph.length(rows)
    last = graph.op("Sub", number, graph.constant([1]))
    mean = graph.mean(values, 0, keep=True)
    lazily: dict[str, Value] = {}

    def ordered() -> Value:
        if "sorted" not in lazily:
            lazily["sorted"] = graph.outputs("TopK", 2, values, number, axis=0, largest=0, sorted=1)[0]
        return lazily["sorted"]

    def changes() -> Value:
        if "changes" not in lazily:
            # Of a single row, its difference from itself.
            place = graph.steps(graph.op("Max", last, graph.constant([1])))
            following = graph.op("Min", graph.op("Add", place, graph.constant([1])), last)
            after, before = (graph.op("Gather", values, one, axis=0) for one in (following, place))
            lazily["changes"] = graph.op("Sub", after, before)
        return lazily["changes"]

    def value(name: str) -> Value:
        if name == "mean":
            return mean
        if name == "deviation":
            return _deviation(graph, values, mean)
        if name == "slope":
            times = graph.cast(graph.steps(number), "double")
            times = graph.op("Sub", times, graph.mean(times, 0, keep=True))
            power = graph.op("Max", graph.sum(graph.op("Mul", times, times), 0, keep=True), graph.constant([1e-9]))
            column = graph.reshaped(times, -1, 1)
            product = graph.sum(graph.op("Mul", column, graph.op("Sub", values, mean)), 0, keep=True)
            return graph.op("Div", product, power)
        if name == "change_mean":
            return graph.mean(changes(), 0, keep=True)
        if name == "change_deviation":
            return _deviation(graph, changes(), graph.mean(changes(), 0, keep=True))
        rank = graph.op("Mul", graph.cast(last, "double"), graph.constant([int(name[1:]) / 100]))
        below = graph.op("Floor", rank)
        low_place = graph.cast(below, "int64")
        high_place = graph.op("Min", graph.op("Add", low_place, graph.constant([1])), last)
        low, high = (graph.op("Gather", ordered(), place, axis=0) for place in (low_place, high_place))
        return graph.op("Add", low, graph.op("Mul", graph.op("Sub", rank, below), graph.op("Sub", high, low)))

    blocks = [value(name) for name in statistics]
    return graph.cast(graph.op("Concat", *blocks, axis=1) if len(blocks) > 1 else blocks[0], "float")


def _deviation(graph: Graph, values: Value, mean: Value) -> Value:
    centred = graph.op("Sub", values, mean)
    return graph.op("Sqrt", graph.mean(graph.op("Mul", centred, centred), 0, keep=True))
