"""The commands of `python -m pipeline`: one module each, with `add_arguments` and `run`, named as the command."""

from pipeline.commands import estimate, predict, summary

ALL = (summary, predict, estimate)
