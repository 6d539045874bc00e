"""Figures: drawn from values, as SVG and PNG, the same bytes for the same results."""
