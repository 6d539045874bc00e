from multiprocessing.forkserver import ensure_running

import torch

from pipeline.core.workers import TRAINING_LIBRARIES, start_method

# Tests run side by side, one process a core; more threads than cores would make them wait for each other.
torch.set_num_threads(1)

LONGEST = ("tests/stages/test_repro.py", "tests/core/test_killing.py", "tests/runs/test_scheduler.py")
"""Files of tests that take minutes."""


def pytest_configure(config):
    """Start the server that workers are forked from, with all libraries and the code that trains.

    Not in the process of pytest-xdist that only hands out tests.
    """
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        start_method((*TRAINING_LIBRARIES, "pipeline.runs.worker"))
        ensure_running()


def pytest_collection_modifyitems(items):
    """Begin with the longest files, so that no process is left with one of them when the others are done."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
