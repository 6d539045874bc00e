"""The commands of `python -m pipeline`: one module each, with `add_arguments` and `run`, named as the command.

What takes long to import (torch, pandera) is imported where it is used, so that help comes at once.
"""

from pipeline.commands import corpora, estimate, grid, predict, runs, summary

ALL = (corpora, summary, estimate, grid, runs, predict)
