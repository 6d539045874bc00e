"""Terms and limits that tests, tables and figures share; apart, so that the report need not import any computation."""

from __future__ import annotations

from typing import Literal, get_args

Metric = Literal["valid_ua", "gap", "gap_eval"]

METRICS: tuple[Metric, ...] = get_args(Metric)
"""The compared metrics: a higher `valid_ua` is better, and a lower `gap` (training UA in train mode) or `gap_eval` (in
eval mode)."""

ALL = "all"
"""Stands in place of a corpus and a gender in the rows of all actors."""

BINS = 15
"""Number of bins of confidence for the calibration error (Guo et al. 2017, arXiv 1706.04599, section 2)."""

LEAST_ACTORS = 12
"""The test over actors was tried with so many actors and more."""

LEAST_OF_GENDER = 6
"""Least number of women, and of men, for a test of their difference."""

OTHERS = "all others"
"""Stands in place of the training corpus where one corpus was left out; no key of a corpus has a blank."""
