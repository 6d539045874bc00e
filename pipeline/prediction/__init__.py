"""Trained weights applied to recordings that nobody labelled: probabilities, emotions over time, files of them."""
