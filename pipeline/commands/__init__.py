"""The commands of `python -m pipeline`: one module each, with `add_arguments` and `run`, named as the command."""

from pipeline.commands import corpora, estimate, predict, summary

ALL = (corpora, summary, predict, estimate)
