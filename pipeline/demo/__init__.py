"""Synthetic voices as six small corpora, for the demo."""
