"""Weights of small networks that nothing trained, and recordings for them."""

import numpy as np

from pipeline.frontends.registry import front_end_of
from pipeline.models.families.attention import FAMILY
from pipeline.models.family import Design
from pipeline.runs.weights import Weights, save_weights
from pipeline.training.params import Reading
from tests.helpers.experiment import params_with

CLASSES = ("joy", "anger", "sadness")


def trained(folder, frontend, seed=0, temperature=None, name="a"):
    """Weights of a small network of frames, which nothing trained."""
    front_end = front_end_of(frontend)
    options = {"label": "x", "family": "attention", "convolutions": (), "hidden": 6, "mlp": (4,), "standardise": "none"}
    design = Design(
        FAMILY.options.model_validate(options), params_with().network, params_with().features, len(CLASSES),
        front_end.shape,
    )  # fmt: skip
    reading = Reading("x", 0, 0, 1, "fp32")
    weights = Weights(
        FAMILY.classifier(design, seed).state_dict(), f"run{seed}", 1, design, reading, frontend, CLASSES,
        params_with().segment, {}, temperature,
    )  # fmt: skip
    save_weights(weights, folder / f"{name}.safetensors")
    return folder / f"{name}.safetensors"


def swelling(seconds, rate=16000, channels=1, seed=0):
    source = np.random.default_rng(seed)
    number = int(seconds * rate)
    return 0.2 * np.sin(np.arange(number) / rate * 3)[:, None] * source.standard_normal((number, channels))
