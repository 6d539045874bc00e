"""Ways in which `dvc repro` dies while it trains."""

import os
import random
import signal
import time
from contextlib import suppress

import psutil

KINDS = ("the whole process group", "DVC alone", "the trainer alone", "a worker")


def kill(process, kind):
    """Kill -9 a running `dvc repro`, or a part of it as soon as it is there, and wait until DVC is gone if it was meant.

    Returns:
        Whether anything was killed.
    """
    if kind in KINDS[:2]:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL) if kind == KINDS[0] else process.kill()
        process.wait()
        return True
    while process.poll() is None:
        for child in part_of(process.pid, kind):
            with suppress(psutil.NoSuchProcess):
                child.kill()
                return True
        time.sleep(0.02)
    return False


def part_of(pid, kind):
    """The processes below one that are the trainer, or a worker."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess, AttributeError):
                # The server that workers are forked from has their command line, and is not one of them.
                process, sign = (child.parent(), "forkserver") if kind == "a worker" else (child, "stages.train")
                if any(sign in part for part in process.cmdline()):
                    yield child


def train_and_kill(project, kind, seconds):
    """Start `dvc repro` and do so after some seconds, unless it has ended by then; whether it had not."""
    process = project.begin("dvc", "repro")
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.02)
    running = process.poll() is None
    kill(process, kind)
    if kind == "a worker":
        # Its run is taken up at once by another; all the rest a little later, or it would train to the end.
        time.sleep(2)
        kill(process, "the whole process group")
    process.wait()
    return running


def moments(number, longest, seed):
    """Random seconds after which to kill, and what."""
    source = random.Random(seed)  # noqa: S311 (no secret)
    return [(KINDS[index % len(KINDS)], source.uniform(0, longest)) for index in range(number)]
