import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.core.errors import explained
from tests.helpers.closure import ROOT


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you")]
)
def test_memory_that_ran_out_is_a_message(error, capsys):
    with pytest.raises(SystemExit) as end, explained("extract"):
        raise error
    assert end.value.code == 1
    assert capsys.readouterr().err.startswith("extract: memory ran out; set execution.workers")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("can't start new thread"), "extract: no further thread can be started: the limit of processes"),
        (OSError(24, "Too many open files", "a.wav"), "extract: too many files are open; raise the limit"),
    ],
)
def test_a_limit_of_the_machine_is_a_message(error, message, capsys):
    with pytest.raises(SystemExit), explained("extract"):
        raise error
    assert capsys.readouterr().err.startswith(message)


def test_a_process_without_standard_output_ends_in_order():
    program = (
        "import sys\nsys.stdout = None\nfrom pipeline.core.errors import explained\nwith explained('x'): print('y')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_errors_keep_their_traceback():
    with pytest.raises(RuntimeError, match="else"), explained("extract"):
        raise RuntimeError("something else")
    with pytest.raises(FileNotFoundError), explained("extract"):
        raise FileNotFoundError(2, "No such file or directory", "x")


def test_a_full_device_is_a_message():
    program = "from pipeline.core.errors import explained\nwith explained('summary'): print('x' * 100)"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False
        )
    assert (done.returncode, done.stderr) == (
        1, "summary: nothing can be written: No space left on device; make room there\n"
    )  # fmt: skip
