"""Self-supervised encoders of speech: wav2vec 2.0, HuBERT and WavLM, and the encoder of Whisper.

Sources: Baevski et al. 2020, Hsu et al. 2021, Chen et al. 2022, Radford et al. 2023; the models are those of Hugging
Face's `transformers`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pipeline.audio.frames import SAMPLE_RATE
from pipeline.core.errors import InputError
from pipeline.core.features import Matrix, Utterance
from pipeline.core.settings import Text
from pipeline.frontends.base import FrontEnd, FrontEndOptions
from pipeline.frontends.cutting import segment_samples
from pipeline.frontends.pretrained import FIELD, STRIDE, Dimensions, Source, content, dimensions, load, weights_size

if TYPE_CHECKING:
    from torch import Tensor

WINDOW_ROWS = 1000  # 20 s: memory does not grow beyond what this many rows need
_FULL_SCALE = 32768  # samples are on the int16 scale, the models expect -1 to 1


class SslOptions(FrontEndOptions):
    """Options of a pretrained encoder.

    Attributes:
        path: folder of the model (config.json, model.safetensors), or its name on the Hugging Face hub.
        layer: `last`; a number, 0 for what enters the first transformer layer; `all`, every layer from 0 to the last
            side by side, which a family may weight; or `mean`, their mean.
        revision: branch, tag or commit of a name on the hub; null: what is in the cache, else the newest.
        allow_pickle: whether weights that exist only as pickle may be loaded, which can run code.
    """

    path: Text
    layer: Annotated[int, Field(ge=0)] | Literal["last", "all", "mean"] = "all"
    revision: Text | None = None
    allow_pickle: bool = False

    @property
    def source(self) -> Source:
        """Where the model comes from."""
        return Source(self.path, self.revision, self.allow_pickle)


class Ssl(FrontEnd[SslOptions]):
    """The hidden states of a pretrained encoder, a row every 20 ms.

    Every segment is encoded alone, in eval mode and float32, after the normalisation that the model was trained with.
    Segments over 20 s (30 s with Whisper) are encoded in windows of that length that overlap by a fifth of it; of each
    window the rows nearer to its middle are kept, so each row has at least 2 s of context at either side. Whisper's
    windows always have 30 s; shorter segments are followed by silence, as in its training, whose rows are cut.
    """

    options_class = SslOptions
    framewise = True
    shift = 2
    needs = ("transformers",)
    install = "pip install -c constraints.txt -e '.[ssl]'"
    column = "feature"

    @property
    def _model(self) -> Dimensions:
        return dimensions(self.options.source)

    @property
    def layers(self) -> int:  # type: ignore[override]
        """See `Shape.layers`: the first is what enters the transformer."""
        return self._model.layers + 1 if self.options.layer == "all" else 1

    @property
    def dims(self) -> int:
        """See `FrontEnd.dims`; from config.json."""
        return self._model.width * self.layers

    @property
    def memory(self) -> int:  # type: ignore[override]
        """See `FrontEnd`: libraries, weights, and one window of all layers."""
        return (1200 << 20) + 2 * weights_size(self.options.source)

    def refuse_if_not_installed(self) -> None:
        """See `FrontEnd.refuse_if_not_installed`; the model must be there, and have the layer."""
        super().refuse_if_not_installed()
        layer, model = self.options.layer, self._model
        if isinstance(layer, int) and layer > model.layers:
            raise InputError(
                f"layer {layer} of {self.options.path}: the model has {model.layers} transformer layers; expected 0 to "
                f"{model.layers}, last, all or mean"
            )

    def identity(self) -> dict[str, Any]:
        """The content of the model's files, and versions."""
        versions = {name: version(name) for name in ("torch", "transformers")}
        return {"model": content(self.options.source), **versions}

    @property
    def files(self) -> tuple[str, ...]:
        """See `FrontEnd`; none for a name on the hub, whose revision says what it is."""
        return (self.options.path,) if Path(self.options.path).expanduser().is_dir() else ()

    def matrices(self, utterance: Utterance) -> list[Matrix]:
        """See `FrontEnd.matrices`; (ceil(num_frames / 2), dims) each."""
        encoder = _encoder(self.options.source)
        lengths = [-(-length // 2) for _, length in utterance.bounds]
        pieces = segment_samples(utterance)
        return [self._matrix(encoder, samples, rows) for samples, rows in zip(pieces, lengths, strict=True)]

    def _matrix(self, encoder: Encoder, samples: NDArray[np.float32], rows: int) -> Matrix:
        """(rows, dims) hidden states of the samples of one segment."""
        prepared = encoder.prepare(samples / np.float32(_FULL_SCALE))
        matrix = np.empty((rows, self.dims), np.float32)
        for first, begin, end in windows(rows, encoder.rows):
            last = min(first + encoder.rows, rows)
            stop = None if last == rows else (last - 1) * STRIDE + FIELD
            states = encoder.states(prepared[first * STRIDE : stop], self.options.layer)
            matrix[begin:end] = states[begin - first : end - first].numpy()
        return matrix


def windows(rows: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Cut rows into overlapping windows.

    Args:
        rows: number of rows.
        length: number of rows of a window.

    Yields:
        First row of a window, and the range of rows that are kept of it. The ranges cover all rows once; a row that is
        kept is at least a tenth of a window from an end of the window, unless that is an end of all rows.

    >>> list(windows(25, 10))
    [(0, 0, 9), (8, 9, 17), (15, 17, 25)]
    """
    margin = length // 10
    first = begin = 0
    while True:
        first = max(0, min(begin - margin, rows - length))
        end = rows if first + length >= rows else first + length - margin
        yield first, begin, end
        if end == rows:
            return
        begin = end


class Encoder:
    """A loaded encoder.

    Attributes:
        rows: largest number of rows of one call of `states`.
    """

    def __init__(self, source: Source) -> None:
        self._fixed = dimensions(source).rows
        self._model, self._preprocessor = load(source)
        self.rows = self._fixed or WINDOW_ROWS

    def prepare(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """The samples of a segment as the model was trained on them, before they are cut into windows.

        Args:
            samples: (num_samples,) samples from -1 to 1.
        """
        if self._fixed is not None:
            return samples
        prepared = self._preprocessor(samples, sampling_rate=SAMPLE_RATE, return_tensors="np")["input_values"]
        return np.asarray(prepared[0], np.float32)

    def states(self, samples: NDArray[np.float32], layer: int | str) -> Tensor:
        """Hidden states of one window.

        Args:
            samples: prepared samples of at most `rows` rows.
            layer: see `SslOptions.layer`.

        Returns:
            (rows, width) states; (rows, layers x width) for `all`.
        """
        import torch

        with torch.inference_mode():
            entered = torch.from_numpy(samples)[None]
            if self._fixed is not None:
                entered = self._preprocessor(
                    samples, sampling_rate=SAMPLE_RATE, max_length=self._fixed * STRIDE, return_tensors="pt"
                )["input_features"]
            output = self._model(entered, output_hidden_states=layer != "last")
            if layer == "last":
                return output.last_hidden_state[0]  # type: ignore[no-any-return]
            # The last one is what the model gives, after its last normalisation.
            states = [*(state[0] for state in output.hidden_states[:-1]), output.last_hidden_state[0]]
            if isinstance(layer, int):
                return states[layer]  # type: ignore[no-any-return]
            return torch.cat(states, dim=1) if layer == "all" else torch.stack(states).mean(dim=0)


@functools.lru_cache(maxsize=1)
def _encoder(source: Source) -> Encoder:
    """The encoder of a source, loaded once in each process: front ends are sent to worker processes."""
    return Encoder(source)


FRONT_END = Ssl
