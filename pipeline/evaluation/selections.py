"""The choices of the reported epoch, in words."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.core.selections import Selection

EPOCHS: Mapping[Selection, str] = {
    "last": "Last epoch", "best": "Best epoch", "crossval": "Cross-validated epoch",
    "dev": "Epoch chosen on the held-out fold",
}  # fmt: skip
"""Titles of the parts, by selection."""

CHOSEN: Mapping[Selection, str] = {
    "last": "The last epoch of every run.",
    "best": "The epoch of the highest validation UA, chosen on the very fold it is scored on: optimistic.",
    "crossval": "For each fold the epoch of the highest mean validation UA of the other folds of the same seed.",
    "dev": "The epoch of the highest UA on the fold that is held out of training and validation.",
}
"""How the reported epoch was chosen, as a sentence."""
