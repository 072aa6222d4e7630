"""The bundled model's BERT body as an ONNX graph: word vectors in, token vectors out."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

    from ingest.adaptation import AdaptedWeights
    from ingest.weights import WeightsFile

_MICROSOFT = "com.microsoft"


def onnx_body(weights: "WeightsFile | AdaptedWeights") -> bytes:
    """The serialised model. All texts of a batch have the same number of tokens, so there is no mask."""
    from onnx import TensorProto, helper

    graph = _Graph()
    hidden, epsilon = weights.hidden, weights.epsilon

    def linear(x: str, layer: int, *names: str) -> str:
        inputs = weights.feed_forward if names == ("fo",) else hidden
        matrix = np.concatenate([weights.floats(f"l{layer}.{name}.w", -1, inputs) for name in names]).T
        bias = np.concatenate([weights.floats(f"l{layer}.{name}.b", -1) for name in names])
        return graph.linear(x, matrix, bias)

    def add_and_norm(x: str, y: str, name: str) -> str:
        scale, bias = weights.floats(f"{name}.w", -1), weights.floats(f"{name}.b", -1)
        constants = graph.constant(scale), graph.constant(bias)
        return graph.node("SkipLayerNormalization", x, y, *constants, domain=_MICROSOFT, epsilon=epsilon)

    places = weights.floats("emb.pos", -1, hidden) + weights.floats("emb.type", -1, hidden)[0]
    zero = graph.constant(np.zeros(1, np.int64))
    length = graph.node("Shape", "word_vectors", start=1, end=2)
    used_places = graph.node("Slice", graph.constant(places[None]), zero, length, graph.constant(np.ones(1, np.int64)))
    x = graph.node(
        "LayerNormalization",
        graph.node("Add", "word_vectors", used_places),
        graph.constant(weights.floats("emb.ln.w", -1)),
        graph.constant(weights.floats("emb.ln.b", -1)),
        epsilon=epsilon,
    )
    for layer in range(weights.layers):
        queries, keys, values = graph.split(linear(x, layer, "q", "k", "v"), 3)
        mixed = graph.node("MultiHeadAttention", queries, keys, values, domain=_MICROSOFT, num_heads=weights.heads)
        x = add_and_norm(linear(mixed, layer, "ao"), x, f"l{layer}.aln")
        widened = graph.node("Gelu", linear(x, layer, "fi"))
        x = add_and_norm(linear(widened, layer, "fo"), x, f"l{layer}.oln")
    graph.node("Identity", x, output="token_vectors")

    shape: list[str | int | None] = ["texts", "tokens", hidden]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "multilingual-e5-small",
            [helper.make_tensor_value_info("word_vectors", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("token_vectors", TensorProto.FLOAT, shape)],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid(_MICROSOFT, 1)],
        ir_version=10,
    )
    return bytes(model.SerializeToString())


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, values: NDArray[np.generic]) -> str:
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, operator: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any) -> str:
        from onnx import helper

        output = output or f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output

    def split(self, x: str, parts: int) -> list[str]:
        """Equal parts of the last axis."""
        from onnx import helper

        outputs = [f"value{len(self.nodes)}part{part}" for part in range(parts)]
        self.nodes.append(helper.make_node("Split", [x], outputs, axis=-1, num_outputs=parts))
        return outputs

    def linear(self, x: str, matrix: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """``x @ matrix + bias`` in 8-bit integers, with one scale for each token and one for each output.

        With one scale for all tokens, the few large values of the feed-forward layers would drown the rest, and a
        text's vector would depend on the texts beside it.
        """
        last_axis = self.constant(np.array([-1]))
        token_scale = self.node("ReduceMax", self.node("Abs", x), last_axis, keepdims=1)
        step, zero = self.constant(np.array(1 / 127, np.float32)), self.constant(np.array(128, np.uint8))
        quantised = self.node("QuantizeLinear", self.node("Div", x, token_scale), step, zero)
        scale = np.abs(matrix).max(axis=0) / 127
        weights = self.constant(np.round(matrix / scale).astype(np.int8))
        product = self.node(
            "MatMulIntegerToFloat", quantised, weights, step, self.constant(scale), zero, domain=_MICROSOFT
        )
        return self.node("Add", self.node("Mul", product, token_scale), self.constant(bias))
