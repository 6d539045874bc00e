# Two commands: `make demo` and `make test`. Both make the virtual environment first if it is missing or outdated.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

# Stages, workers and tests start many processes; without bytecode each of them would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test lint docs clean
.DEFAULT_GOAL := demo

$(VENV)/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/installed
	dvc repro

test: $(VENV)/installed
	python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed
	ruff check .
	ruff format --check .
	mypy

docs: $(VENV)/installed
	python docs/generate.py
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet

clean:
	rm -rf $(VENV)
