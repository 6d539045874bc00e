"""Figures 4, 5 and 6: two-dimensional embeddings of digits, with and without shaking (section 4.1)."""
