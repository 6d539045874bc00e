"""Correlation of the two branches of a block, with and without shaking (Gastaldi 2017, section 3.1)."""
