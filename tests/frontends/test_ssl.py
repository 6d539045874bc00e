from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.core.errors import InputError
from pipeline.core.features import Shape, Utterance
from pipeline.frontends import pretrained, ssl
from pipeline.frontends.registry import description, front_end_of
from pipeline.frontends.ssl import Ssl, SslOptions, windows

KERNELS, STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
TINY = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "conv_dim": (8,) * 7, "conv_kernel": KERNELS, "conv_stride": STRIDES, "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
WHISPER = {
    "d_model": 16, "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24, "decoder_ffn_dim": 24, "num_mel_bins": 80, "max_source_positions": 50, "vocab_size": 32,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1, "max_target_positions": 8,
}  # fmt: skip


def tiny(kind: str, **changes: Any) -> Any:
    """A random model of a kind."""
    torch.manual_seed(0)
    if kind == "whisper":
        return transformers.WhisperModel(transformers.WhisperConfig(**{**WHISPER, **changes})).eval()
    name = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}[kind]
    config = getattr(transformers, f"{name}Config")(**{**TINY, **changes})
    return getattr(transformers, f"{name}Model")(config).eval()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny models; the model `large` has the other normalisation, and its preprocessor's file."""
    folder = tmp_path_factory.mktemp("models")
    for kind in ("wav2vec2", "hubert", "wavlm", "whisper"):
        tiny(kind).save_pretrained(folder / kind)
    tiny("wav2vec2", feat_extract_norm="layer", do_stable_layer_norm=True).save_pretrained(folder / "large")
    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder / "large")
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(autouse=True)
def fresh_encoders() -> None:
    ssl._encoder.cache_clear()


def front_end(path: Path | str, **options: Any) -> Ssl:
    return Ssl(SslOptions(kind="ssl", path=str(path), **options))


def noise(frames: int, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).normal(scale=2000, size=(frames - 1) * 160 + 400)
    return samples.round().astype(np.float32)


def directly(model: Any, samples: np.ndarray, *, normalise: bool) -> list[np.ndarray]:
    """All hidden states of a segment, computed with `transformers` alone."""
    values = samples / np.float32(32768)
    if normalise:
        values = (values - values.mean()) / np.sqrt(values.var() + 1e-7)
    with torch.no_grad():
        output = model(torch.from_numpy(values)[None], output_hidden_states=True)
    states = [*output.hidden_states[:-1], output.last_hidden_state]
    return [state[0].numpy() for state in states]


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm", "large"])
def test_segments_have_the_hidden_states_of_the_model(models: dict[str, Path], kind: str) -> None:
    name = "wav2vec2" if kind == "large" else kind
    changes = {"feat_extract_norm": "layer", "do_stable_layer_norm": True} if kind == "large" else {}
    samples = noise(101)
    one = front_end(models[kind], layer="all")
    assert one.shape == Shape(48, True, 2, False, 3)
    first, second = one.matrices(Utterance(samples, [(0, 60), (41, 60)]))
    assert first.shape == second.shape == (30, 48)
    for matrix, piece in ((first, samples[: 59 * 160 + 400]), (second, samples[41 * 160 :])):
        expected = directly(tiny(name, **changes), piece, normalise=kind != "large")
        np.testing.assert_allclose(matrix, np.concatenate(expected, axis=1), atol=1e-5)


@pytest.mark.parametrize(("layer", "position"), [("last", 2), (0, 0), (1, 1), (2, 2)])
def test_one_layer(models: dict[str, Path], layer: str | int, position: int) -> None:
    samples = noise(50)
    one = front_end(models["hubert"], layer=layer)
    assert one.shape == Shape(16, True, 2, False, 1)
    (matrix,) = one.matrices(Utterance(samples, [(0, 50)]))
    np.testing.assert_allclose(matrix, directly(tiny("hubert"), samples, normalise=True)[position], atol=1e-5)


def test_the_mean_of_all_layers(models: dict[str, Path]) -> None:
    samples = noise(50)
    (matrix,) = front_end(models["wavlm"], layer="mean").matrices(Utterance(samples, [(0, 50)]))
    expected = np.mean(directly(tiny("wavlm"), samples, normalise=True), axis=0)
    np.testing.assert_allclose(matrix, expected, atol=1e-5)


def test_whisper_is_given_its_fixed_window_and_the_rows_of_silence_are_cut(models: dict[str, Path]) -> None:
    samples = noise(81)
    one = front_end(models["whisper"])
    assert one.shape == Shape(48, True, 2, False, 3)
    (matrix,) = one.matrices(Utterance(samples, [(0, 81)]))
    extractor = transformers.WhisperFeatureExtractor(feature_size=80)
    padded = np.zeros(16_000, np.float32)
    padded[: len(samples)] = samples / 32768
    entered = extractor(padded, sampling_rate=16_000, max_length=16_000, return_tensors="pt")["input_features"]
    with torch.no_grad():
        output = tiny("whisper").get_encoder()(entered, output_hidden_states=True)
    states = [*output.hidden_states[:-1], output.last_hidden_state]
    np.testing.assert_allclose(matrix, torch.cat(states, dim=2)[0, :41].numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["wav2vec2", "whisper"])
@pytest.mark.parametrize("frames", [1, 2, 3, 10, 11, 99, 100, 101, 102, 257])
def test_every_length_has_half_as_many_rows_rounded_up(models: dict[str, Path], kind: str, frames: int) -> None:
    one = front_end(models[kind], layer="last")
    samples = np.concatenate([noise(frames), np.ones(159, np.float32)])  # a rest that fills no frame
    (matrix,) = one.matrices(Utterance(samples, [(0, frames)]))
    assert matrix.shape == (one.shape.rows(frames), 16) == (-(-frames // 2), 16)
    assert np.isfinite(matrix).all()


@given(rows=st.integers(1, 400), length=st.integers(1, 60))
def test_windows_keep_every_row_once_with_context(rows: int, length: int) -> None:
    kept: list[int] = []
    for first, begin, end in windows(rows, length):
        assert 0 <= first <= begin < end <= min(first + length, rows)
        assert first == 0 or begin - first >= length // 10
        assert end == rows or first + length - end >= length // 10
        kept.extend(range(begin, end))
    assert kept == list(range(rows))


def test_what_depends_on_the_context_of_a_window_alone_is_the_same_in_windows(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layer 0 of a model without statistics over time sees 8 rows to either side, less than the overlap."""
    samples = noise(800)
    one = front_end(models["large"], layer=0)
    (whole,) = one.matrices(Utterance(samples, [(0, 800)]))
    seen: list[int] = []
    states = ssl.Encoder.states
    monkeypatch.setattr(ssl, "WINDOW_ROWS", 100)
    monkeypatch.setattr(ssl.Encoder, "states", lambda self, x, layer: seen.append(len(x)) or states(self, x, layer))
    ssl._encoder.cache_clear()
    (cut,) = one.matrices(Utterance(samples, [(0, 800)]))
    assert len(seen) == 5
    assert max(seen) < 99 * 320 + 400 + 320
    np.testing.assert_allclose(cut, whole, atol=1e-5)


def test_it_survives_the_way_to_a_worker_and_the_description_without_loading(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = front_end(models["hubert"], layer=1)
    with monkeypatch.context() as patch:
        patch.setattr(ssl, "load", None)
        described = description(one)
        sent = pickle.dumps(one)
    assert described["shape"] == {
        "dims": 16,
        "framewise": True,
        "shift": 2,
        "frequency_axis": False,
        "layers": 1,
        "exact": True,
    }
    assert described["identity"]["transformers"] == transformers.__version__
    assert set(described["identity"]["model"]) == {"config.json", "model.safetensors"}
    utterance = Utterance(noise(30), [(0, 30)])
    expected = one.matrices(utterance)[0]
    for other in (pickle.loads(sent), front_end_of(described["options"])):  # noqa: S301
        np.testing.assert_array_equal(other.matrices(utterance)[0], expected)


def test_the_identity_follows_the_content_of_the_weights(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["hubert"], tmp_path / "copy")
    same = front_end(tmp_path / "copy").identity()
    assert same == front_end(models["hubert"]).identity()
    tiny("hubert", initializer_range=0.5).save_pretrained(tmp_path / "copy")
    assert front_end(tmp_path / "copy").identity()["model"] != same["model"]


def refused(one: Ssl, *, at_load: bool = False) -> str:
    with pytest.raises(InputError) as error:
        one.matrices(Utterance(noise(10), [(0, 10)])) if at_load else one.refuse_if_not_installed()
    return str(error.value)


def test_a_folder_that_is_not_a_model(tmp_path: Path) -> None:
    assert "has no config.json, so it is not a model" in refused(front_end(tmp_path))
    missing = refused(front_end(tmp_path / "none"))
    assert "none is not a folder; expected a folder with config.json and model.safetensors, or a name" in missing
    (tmp_path / "config.json").write_text("{")
    assert "config.json cannot be read as JSON" in refused(front_end(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert "model_type is 'bert'; expected an encoder of speech: wav2vec2, hubert" in refused(front_end(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "wavlm"}')
    assert "is not a config of wavlm (KeyError: 'hidden_size')" in refused(front_end(tmp_path))


def test_a_name_on_the_hub_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def no_network(*_: object, local_files_only: bool, **__: object) -> str:
        raise (FileNotFoundError if local_files_only else ConnectionError)("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", no_network)
    message = refused(front_end("nobody/nothing", revision="v1"))
    assert "model nobody/nothing (revision v1) is not a folder, is not in the cache of the Hugging Face hub" in message
    assert "cannot be downloaded (no route to host); expected the path of a folder" in message
    assert "hf download nobody/nothing" in message


def test_a_name_on_the_hub_that_is_in_the_cache_needs_no_network(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked: list[bool] = []

    def cached(name: str, *, revision: str | None, allow_patterns: list[str], local_files_only: bool) -> str:
        assert name == "someone/hubert"
        assert not any(pattern.endswith(".bin") for pattern in allow_patterns)
        asked.append(local_files_only)
        return str(models["hubert"])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", cached)
    one = front_end("someone/hubert")
    one.refuse_if_not_installed()
    assert one.identity() == front_end(models["hubert"]).identity()
    assert one.memory == front_end(models["hubert"]).memory > 1200 << 20, "its weights count too"
    assert one.matrices(Utterance(noise(10), [(0, 10)]))[0].shape == (5, 48)
    assert asked
    assert all(asked)


def test_a_revision_of_a_folder_is_refused(models: dict[str, Path]) -> None:
    assert "a folder has no revisions" in refused(front_end(models["hubert"], revision="main"))


def test_a_layer_beyond_the_model(models: dict[str, Path]) -> None:
    message = refused(front_end(models["hubert"], layer=3))
    assert "layer 3 of" in message
    assert "has 2 transformer layers; expected 0 to 2, last, all or mean" in message
    with pytest.raises(ValidationError):
        front_end(models["hubert"], layer="first")
    with pytest.raises(ValidationError):
        front_end(models["hubert"], layer=-1)


def test_weights_of_another_architecture(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["hubert"], tmp_path / "mixed")
    shutil.copy(models["wavlm"] / "config.json", tmp_path / "mixed")
    message = refused(front_end(tmp_path / "mixed"), at_load=True)
    assert "are not of the architecture in its config.json, WavLMModel" in message
    assert "missing (encoder.layers.0.attention." in message
    shutil.copy(models["wavlm"] / "model.safetensors", tmp_path / "mixed")
    shutil.copy(models["hubert"] / "config.json", tmp_path / "mixed")
    assert "that it does not have (encoder.layers.0.attention." in refused(front_end(tmp_path / "mixed"), at_load=True)


def test_weights_of_another_width_or_damaged_ones(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["hubert"], tmp_path / "wide")
    config = json.loads((tmp_path / "wide/config.json").read_text())
    (tmp_path / "wide/config.json").write_text(json.dumps({**config, "hidden_size": 32}))
    assert "wide cannot be loaded as HubertModel: " in refused(front_end(tmp_path / "wide"), at_load=True)
    (tmp_path / "wide/model.safetensors").write_bytes(b"\0" * 100)
    assert "wide cannot be loaded as HubertModel: " in refused(front_end(tmp_path / "wide"), at_load=True)


def test_heads_of_pretraining_are_not_used(tmp_path: Path) -> None:
    config = transformers.Wav2Vec2Config(**TINY, vocab_size=32, num_codevectors_per_group=4, codevector_dim=8)
    for name in ("Wav2Vec2ForPreTraining", "Wav2Vec2ForCTC"):
        getattr(transformers, name)(config).save_pretrained(tmp_path / name)
        (matrix,) = front_end(tmp_path / name, layer="last").matrices(Utterance(noise(10), [(0, 10)]))
        assert matrix.shape == (5, 16)


def test_weights_that_are_only_a_pickle_need_permission(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["hubert"], tmp_path / "pickled")
    (tmp_path / "pickled/model.safetensors").unlink()
    assert "pickled has no weights in" in refused(front_end(tmp_path / "pickled"), at_load=True)
    torch.save(tiny("hubert").state_dict(), tmp_path / "pickled/pytorch_model.bin")
    message = refused(front_end(tmp_path / "pickled"), at_load=True)
    assert "has its weights only as pickle (pytorch_model.bin); expected safetensors" in message
    assert "`allow_pickle: true`" in message
    utterance = Utterance(noise(20), [(0, 20)])
    (matrix,) = front_end(tmp_path / "pickled", allow_pickle=True).matrices(utterance)
    np.testing.assert_array_equal(matrix, front_end(models["hubert"]).matrices(utterance)[0])
    assert "pytorch_model.bin" in front_end(tmp_path / "pickled", allow_pickle=True).identity()["model"]


def test_a_model_with_other_rows_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    tiny("hubert", conv_stride=(5, 2, 2, 2, 2, 2, 1)).save_pretrained(tmp_path / "fast")
    assert "has a row every 160 of 400; expected a row every 320 samples" in refused(front_end(tmp_path / "fast"))
    config = json.loads((models["wav2vec2"] / "config.json").read_text())
    (tmp_path / "fast/config.json").write_text(json.dumps({**config, "add_adapter": True}))
    assert "has an adapter, which merges rows" in refused(front_end(tmp_path / "fast"))


def test_a_preprocessor_of_another_rate_or_damaged(models: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(models["hubert"], tmp_path / "rate")
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000).save_pretrained(tmp_path / "rate")
    assert "was trained at 8000 Hz; expected a model of 16000 Hz" in refused(front_end(tmp_path / "rate"), at_load=True)
    (tmp_path / "rate/preprocessor_config.json").write_text("{")
    assert "the preprocessor of the model" in refused(front_end(tmp_path / "rate"), at_load=True)


def test_loading_says_nothing(models: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    pretrained.load(front_end(models["wavlm"]).options.source)
    assert capfd.readouterr() == ("", "")
