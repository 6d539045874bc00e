"""A pretrained speech encoder in a folder, or on the Hugging Face hub: its files, its dimensions, its content.

Everything but `load` reads small files and imports nothing that takes long.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import InputError
from pipeline.core.wording import counted, listed
from pipeline.frontends.content import file_hash

if TYPE_CHECKING:
    import torch

CLASSES = {"wav2vec2": "Wav2Vec2Model", "hubert": "HubertModel", "wavlm": "WavLMModel", "whisper": "WhisperModel"}
"""The class of `transformers` for each value of `model_type` in config.json."""

STRIDE, FIELD = 320, 400  # samples: 20 ms from one row to the next, each of 25 ms, in all of these models

_CONFIG = "config.json"
_PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")
_SAFE = ("model*.safetensors", "model.safetensors.index.json")
_PICKLED = ("pytorch_model*.bin", "pytorch_model*.bin.index.json")
_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


@dataclass(frozen=True)
class Source:
    """Where an encoder comes from.

    Attributes:
        path: folder, or name on the hub.
        revision: branch, tag or commit on the hub; None: what is in the cache, else the newest.
        allow_pickle: whether weights that exist only as pickle may be loaded.
    """

    path: str
    revision: str | None = None
    allow_pickle: bool = False


@dataclass(frozen=True)
class Dimensions:
    """The dimensions of an encoder, from its config.json.

    Attributes:
        kind: `model_type`, a key of `CLASSES`.
        width: number of values of a row of one layer.
        layers: number of transformer layers.
        rows: number of rows of the fixed window of Whisper; None for models that take any length.
    """

    kind: str
    width: int
    layers: int
    rows: int | None


def dimensions(source: Source) -> Dimensions:
    """The dimensions of an encoder, from config.json alone.

    Raises:
        InputError: the folder or the name on the hub cannot be used, or the model is of another kind.
    """
    return _dimensions(_folder(source, weights=False))


def content(source: Source) -> dict[str, str]:
    """SHA-256 of each file that an encoder's numbers depend on, by name: config, preprocessor, weights.

    Weights of a name on the hub are downloaded if they are not in the cache.

    Raises:
        InputError: as `dimensions`; or there are no weights that may be loaded.
    """
    folder = _folder(source, weights=True)
    paths = [folder / name for name in (_CONFIG, *_PREPROCESSORS) if (folder / name).is_file()]
    return {path.name: file_hash(path) for path in [*paths, *_weights(folder, source)]}


def weights_size(source: Source) -> int:
    """Bytes of the files of weights.

    Raises:
        InputError: as `content`.
    """
    return sum(path.stat().st_size for path in _weights(_folder(source, weights=True), source))


def load(source: Source) -> tuple[Any, Any]:
    """The encoder in eval mode, in float32 on the CPU, and the preprocessor that it was trained with.

    Without a preprocessor's file, that is the default of its class, which brings samples to mean 0 and variance 1.

    Raises:
        InputError: as `content`; or the weights are damaged, or of another architecture than config.json says.
    """
    folder = _folder(source, weights=True)
    found = _dimensions(folder)
    _weights(folder, source)
    with _quiet():
        import torch
        import transformers

        model_class = getattr(transformers, CLASSES[found.kind])
        try:
            model, report = model_class.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=None if source.allow_pickle else True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as error:  # the library raises what its parts raise
            raise InputError(f"{_named(source)} cannot be loaded as {CLASSES[found.kind]}: {_first(error)}") from None
        _refuse_other_weights(source, model, report)
        encoder = model.get_encoder() if found.kind == "whisper" else model
        return encoder.eval().requires_grad_(False), _preprocessor(folder, found, source)


def _named(source: Source) -> str:
    return f"the model {source.path}" + (f" (revision {source.revision})" if source.revision else "")


def _first(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars and reports of `transformers`; what matters in them is raised as an error."""
    from transformers.utils import logging as messages

    level, bars = messages.get_verbosity(), messages.is_progress_bar_enabled()
    messages.set_verbosity(logging.CRITICAL)
    messages.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        messages.set_verbosity(level)
        if bars:
            messages.enable_progress_bar()  # type: ignore[no-untyped-call]


def _refuse_other_weights(source: Source, model: torch.nn.Module, report: dict[str, Any]) -> None:
    """Refuse weights that do not fit the config; heads of pretraining and fine-tuning are not used, and may be there.

    `masked_spec_embed` is used in training only, so some models lack it; of Whisper only the encoder is needed.
    """
    parts = {name for name, _ in model.named_children()}
    unused = ("masked_spec_embed", "decoder.")
    missing = sorted(key for key in report["missing_keys"] if not key.startswith(unused))
    prefix = f"{getattr(model, 'base_model_prefix', '')}."
    surplus = sorted(key for key in report["unexpected_keys"] if key.removeprefix(prefix).split(".")[0] in parts)
    problems = [f"{counted(len(missing), 'tensor')} missing ({listed(missing, 3)})"] if missing else []
    problems += [f"{counted(len(surplus), 'tensor')} that it does not have ({listed(surplus, 3)})"] if surplus else []
    if problems:
        raise InputError(
            f"the weights of {_named(source)} are not of the architecture in its config.json, "
            f"{type(model).__name__}: {' and '.join(problems)}; expected the weights and the config.json of one model"
        )


def _preprocessor(folder: Path, found: Dimensions, source: Source) -> Any:
    """The feature extractor of `transformers` that belongs to the model."""
    import transformers

    name = "WhisperFeatureExtractor" if found.kind == "whisper" else "Wav2Vec2FeatureExtractor"
    extractor = getattr(transformers, name)
    if not any((folder / file).is_file() for file in _PREPROCESSORS):
        bands = _config(folder).get("num_mel_bins")
        return extractor(feature_size=bands) if found.kind == "whisper" and bands else extractor()
    try:
        made = extractor.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise InputError(f"the preprocessor of {_named(source)} cannot be read: {_first(error)}") from None
    if made.sampling_rate != 16_000:
        raise InputError(f"{_named(source)} was trained at {made.sampling_rate} Hz; expected a model of 16000 Hz")
    return made


def _folder(source: Source, *, weights: bool) -> Path:
    """The folder of an encoder; files of a name on the hub are in the cache then."""
    folder = Path(source.path).expanduser()
    if folder.is_dir():
        if source.revision is not None:
            raise InputError(f"revision {source.revision!r} of {source.path}: a folder has no revisions; remove it")
        return folder
    if not _HUB_NAME.fullmatch(source.path):
        raise InputError(
            f"{source.path} is not a folder; expected a folder with {_CONFIG} and model.safetensors, or a name on the "
            "Hugging Face hub such as microsoft/wavlm-base-plus"
        )
    return _downloaded(source, weights)


@functools.cache
def _downloaded(source: Source, weights: bool) -> Path:
    """The cached folder of a name on the hub; what is not cached is downloaded.

    What is in the cache is used without asking the hub, so that features do not change with what is published there.
    """
    from huggingface_hub import snapshot_download

    patterns = [_CONFIG, *_PREPROCESSORS]
    if weights:
        patterns += [*_SAFE, *(_PICKLED if source.allow_pickle else ())]

    def wanted(folder: Path) -> bool:
        return (folder / _CONFIG).is_file() and (not weights or bool(_weight_files(folder, source)))

    def fetch(local: bool) -> Path:
        found = snapshot_download(
            source.path, revision=source.revision, allow_patterns=patterns, local_files_only=local
        )
        return Path(found)

    try:
        if wanted(cached := fetch(local=True)):
            return cached
    except (OSError, ValueError):
        pass  # not in the cache
    try:
        return fetch(local=False)
    except Exception as error:  # of the hub's client, of its HTTP library, of the system
        raise InputError(
            f"{_named(source)} is not a folder, is not in the cache of the Hugging Face hub, and cannot be downloaded "
            f"({_first(error)}); expected the path of a folder, or a name on the hub and a network. On a machine "
            f"without network, give a folder that `hf download {source.path} --local-dir FOLDER` wrote on another one"
        ) from None


def _config(folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / _CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} has no {_CONFIG}, so it is not a model; expected a folder that `save_pretrained` of "
            "transformers wrote, or a download from the hub"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / _CONFIG} cannot be read as JSON: {error}") from None
    if not isinstance(config, dict):
        raise InputError(f"{folder / _CONFIG} holds no keys; expected the config of a model")
    return config


def _dimensions(folder: Path) -> Dimensions:
    config = _config(folder)
    kind = config.get("model_type")
    if kind not in CLASSES:
        raise InputError(
            f"{folder / _CONFIG}: model_type is {kind!r}; expected an encoder of speech: {', '.join(CLASSES)}"
        )
    try:
        if kind == "whisper":
            return Dimensions(
                kind, int(config["d_model"]), int(config["encoder_layers"]), int(config["max_source_positions"])
            )
        found = Dimensions(kind, int(config["hidden_size"]), int(config["num_hidden_layers"]), None)
        kernels, strides = config["conv_kernel"], config["conv_stride"]
        stride = math.prod(strides)
        field = 1 + sum((k - 1) * math.prod(strides[:i]) for i, k in enumerate(kernels))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{folder / _CONFIG} is not a config of {kind} ({type(error).__name__}: {error})") from None
    if (stride, field) != (STRIDE, FIELD) or config.get("add_adapter"):
        rows = "an adapter, which merges rows" if config.get("add_adapter") else f"a row every {stride} of {field}"
        raise InputError(
            f"{folder / _CONFIG}: the model has {rows}; expected a row every {STRIDE} samples of {FIELD} samples, so "
            "that rows of 20 ms belong to frames of 10 ms"
        )
    return found


def _weight_files(folder: Path, source: Source) -> list[Path]:
    """The files of weights that may be loaded: safetensors, else pickles where they are allowed."""
    safe = sorted(path for pattern in _SAFE for path in folder.glob(pattern))
    if safe or not source.allow_pickle:
        return safe
    return sorted(path for pattern in _PICKLED for path in folder.glob(pattern))


def _weights(folder: Path, source: Source) -> list[Path]:
    if found := _weight_files(folder, source):
        return found
    pickled = sorted(path.name for pattern in _PICKLED for path in folder.glob(pattern))
    local = Path(source.path).expanduser().is_dir()
    if pickled or not (local or source.allow_pickle):
        has = f"only as pickle ({listed(pickled)})" if pickled else "not as safetensors"
        raise InputError(
            f"{_named(source)} has its weights {has}; expected safetensors. A pickle can run code when it is loaded: "
            "set `allow_pickle: true` in its entry where you trust its origin, or convert it once, with "
            "`from_pretrained` and `save_pretrained` of transformers"
        )
    raise InputError(f"{_named(source)} has no weights in {folder}; expected model.safetensors")
