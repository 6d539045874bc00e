"""Ways in which `dvc repro` dies while it trains."""

import os
import random
import signal
import time
from contextlib import suppress

import psutil

KINDS = ("the whole process group", "DVC alone", "the trainer alone", "a worker")


def kill(process, kind):
    """Kill -9 a running `dvc repro`, or a part of it, and wait until what was killed is gone; whether it was there."""
    killed = kind in KINDS[:2]
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        if kind == "the whole process group":
            os.killpg(process.pid, signal.SIGKILL)
        elif kind == "DVC alone":
            process.kill()
        else:
            for child in psutil.Process(process.pid).children(recursive=True):
                # The server that workers are forked from has their command line, and is not one of them.
                parts, parents = " ".join(child.cmdline()), " ".join(child.parent().cmdline())
                if "forkserver" in parents if kind == "a worker" else "stages.train" in parts:
                    child.kill()
                    killed = True
                    break
    if kind in KINDS[:2]:
        process.wait()
    return killed


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
