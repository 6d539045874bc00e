"""Measures of runs, the choice of the reported epoch, and tests of whether one model is better than another."""
