"""Training of a network on a bank of segments, as a run does it."""

from __future__ import annotations

from pipeline.training import loop
from pipeline.training.loop import Scoring
from pipeline.training.params import Recipe
from pipeline.training.speech import SpeechTask


def adam(epochs, rate, batch_size=8):
    """The recipe of section 5."""
    return Recipe(
        epochs=epochs, batch_size=batch_size, learning_rate=rate, optimiser="adam", weight_decay=0.0,
        schedule="constant",
    )  # fmt: skip


def train(state, bank, train_segments, valid_segments, recipe, train_every=1):
    """Train a run of speech; `state` holds the outcome."""
    task = SpeechTask(bank, train_segments, valid_segments, state.network.num_classes, recipe.batch_size)
    loop.train(state, task, recipe, Scoring(valid_every=1, train_every=train_every, snapshots=True))
