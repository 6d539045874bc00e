"""A small builder of ONNX graphs: nodes by the name of their operator, constants from arrays.

Graphs are written by hand and not traced, because a trace fixes what depends on the length of a recording, and because
sums of the front end are in float64 here, whatever torch computes them in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

OPSET, IR_VERSION = 18, 9
"""Old enough for runtimes of several years, new enough for `LayerNormalization` and axes as inputs."""

Value = str
"""The name of a value of a graph."""


class Graph:
    """Nodes under construction; constants of graphs inside loops are kept in the outermost one."""

    def __init__(self, outer: Graph | None = None) -> None:
        self.nodes: list[NodeProto] = []
        self._top: Graph = self if outer is None else outer._top
        if outer is None:
            self.constants: list[TensorProto] = []
            self._known: dict[tuple[str, tuple[int, ...], bytes], Value] = {}
            self._count = 0

    def name(self, hint: str) -> Value:
        """A name that no other value has."""
        self._top._count += 1
        return f"{hint}_{self._top._count}"

    def constant(self, values: Any, kind: Any = None) -> Value:
        """A constant; equal ones are stored once.

        Args:
            values: what `numpy.asarray` takes.
            kind: type of its numbers; default: that of the values, int64 for whole numbers.
        """
        from onnx import numpy_helper

        array: NDArray[Any] = np.ascontiguousarray(np.asarray(values, dtype=kind)).reshape(np.shape(values))
        top = self._top
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in top._known:
            name = self.name("constant")
            top.constants.append(numpy_helper.from_array(array, name))
            top._known[key] = name
        return top._known[key]

    def op(self, operator: str, *inputs: Value, **attributes: Any) -> Value:
        """The first output of a new node."""
        return self.outputs(operator, 1, *inputs, **attributes)[0]

    def outputs(self, operator: str, number: int, *inputs: Value, **attributes: Any) -> list[Value]:
        """All outputs of a new node."""
        from onnx import helper

        names = [self.name(operator.lower()) for _ in range(number)]
        self.nodes.append(helper.make_node(operator, inputs, names, **attributes))
        return names

    def cast(self, value: Value, kind: str) -> Value:
        """The value as `float`, `double`, `int64` or `bool`."""
        from onnx import TensorProto

        return self.op("Cast", value, to=getattr(TensorProto, {"bool": "BOOL"}.get(kind, kind.upper())))

    def slice(self, value: Value, start: Value, stop: Value, *, axis: int = 0, step: int = 1) -> Value:
        """Part of a value along one axis; `start` and `stop` are (1,) int64."""
        return self.op("Slice", value, start, stop, self.constant([axis]), self.constant([step]))

    def length(self, value: Value) -> Value:
        """(1,) int64 size of the first axis."""
        return self.op("Shape", value, start=0, end=1)

    def mean(self, value: Value, axis: int, *, keep: bool = False) -> Value:
        """The mean along an axis."""
        return self.op("ReduceMean", value, self.constant([axis]), keepdims=int(keep))

    def sum(self, value: Value, axis: int, *, keep: bool = False) -> Value:
        """The sum along an axis."""
        return self.op("ReduceSum", value, self.constant([axis]), keepdims=int(keep))

    def reshaped(self, value: Value, *shape: int) -> Value:
        """The value in another shape."""
        return self.op("Reshape", value, self.constant(list(shape)))

    def steps(self, number: Value) -> Value:
        """(number,) int64: 0, 1, 2, ...; `number` is (1,) int64."""
        stop = self.op("Squeeze", number, self.constant([0]))
        return self.op("Range", self.constant(0), stop, self.constant(1))

    def for_each(self, number: Value, body: Graph, index: Value, result: Value, shape: list[int]) -> Value:
        """Run a graph for each whole number below `number`, (1,) int64, and stack what it gives.

        Args:
            number: how often.
            body: graph whose `index` is the number, () int64.
            index: name that the body uses for it.
            result: name of the value of the body that is stacked, float32.
            shape: its shape.
        """
        from onnx import TensorProto, helper

        condition, kept = self.name("condition"), self.name("condition")
        body.nodes.append(helper.make_node("Identity", [condition], [kept]))
        inner = helper.make_graph(
            body.nodes,
            self.name("body"),
            [
                helper.make_tensor_value_info(index, TensorProto.INT64, []),
                helper.make_tensor_value_info(condition, TensorProto.BOOL, []),
            ],
            [
                helper.make_tensor_value_info(kept, TensorProto.BOOL, []),
                helper.make_tensor_value_info(result, TensorProto.FLOAT, shape),
            ],
        )
        times = self.op("Squeeze", number, self.constant([0]))
        return self.op("Loop", times, self.constant(True, np.bool_), body=inner)

    def model(self, name: str, inputs: dict[str, tuple[int, list[Any]]], outputs: dict[str, list[Any]]) -> ModelProto:
        """The finished model.

        Args:
            name: name of the graph.
            inputs: type and shape of each input.
            outputs: shape of each output; all are float32.
        """
        from onnx import TensorProto, helper

        graph: GraphProto = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(one, kind, shape) for one, (kind, shape) in inputs.items()],
            [helper.make_tensor_value_info(one, TensorProto.FLOAT, shape) for one, shape in outputs.items()],
            self.constants,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="shaking-emotions"
        )
        model.ir_version = IR_VERSION
        return model
