"""What a study's runs depend on: rewording retrains nothing, and editing what a run computes does."""

from functools import cache

import pytest

from pipeline.core.source import import_closure, source_hash, source_hashes, syntax_hash
from studies.core import run
from tests.helpers.closure import ROOT

STUDIES = ("embeddings", "table1", "shake_rules", "vcl", "uci")


@cache
def closure(study):
    return import_closure([f"studies.{study}.runs"], run.ROOMS)


def retrained(file, old, new):
    """The studies whose runs have another identity after an edit of a file."""
    text = (ROOT / file).read_text("utf-8")
    assert old in text
    if syntax_hash(text) == syntax_hash(text.replace(old, new)):
        return set()
    return {study for study in STUDIES if file in closure(study)}


def test_a_checkpoint_is_named_after_the_code_that_the_runs_module_imports():
    assert run._source("uci") == source_hash(source_hashes(closure("uci")))
    assert run._source("uci") != run._source("vcl")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("studies/table1/results.py", "shaking helps RPreAct", "RPreAct is better when it is shaken"),
        ("studies/table1/figures.py", "Test error by layout", "Error of each layout"),
        ("studies/shake_rules/results.py", '("E-E-B", 64): 3.76', '("E-E-B", 64): 3.77'),
        ("studies/core/labels.py", "}, shaken", "}, with shaking"),
        ("studies/table1/study.py", "test error", "error"),
        ("studies/core/claims.py", "undecided", "open"),
        ("studies/core/statistics.py", "LEVEL = 0.95", "LEVEL = 0.9"),
        ("studies/uci/runs.py", "uci.splits names", "uci.splits is"),
        ("studies/networks/plain.py", "Networks without shortcuts", "Plain networks"),
        ("studies/networks/cifar.py", "is not a whole number of blocks", "cannot be built"),
        ("pipeline/core/files.py", "replacing", "replaced"),
    ],
)
def test_rewording_and_what_is_made_of_finished_runs_retrain_nothing(file, old, new):
    assert retrained(file, old, new) == set()


@pytest.mark.parametrize(
    ("file", "old", "new", "studies"),
    [
        ("studies/table1/runs.py", "Shaking() if spec.shaken else None", "None", {"table1"}),
        ("studies/networks/cifar.py", "STEM = 16", "STEM = 8", {"table1", "shake_rules"}),
        ("studies/networks/plain.py", "SLOPE = 0.2", "SLOPE = 0.1", {"vcl", "uci"}),
        ("studies/core/task.py", "SCORED_AT_ONCE = 512", "SCORED_AT_ONCE = 64", set(STUDIES)),
    ],
)
def test_editing_what_a_run_computes_retrains_the_studies_that_use_it(file, old, new, studies):
    assert retrained(file, old, new) == studies


def test_editing_a_layer_of_the_speech_models_retrains_the_studies_that_use_it():
    changed = retrained("pipeline/models/shaking.py", "torch.rand(", "torch.randn(")
    assert changed >= {"embeddings", "table1", "shake_rules"}
