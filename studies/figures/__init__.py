"""Figures of the studies, in the look of `pipeline.figures`."""
