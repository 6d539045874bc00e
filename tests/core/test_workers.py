"""Worker processes: order, bounds, failures and ends of the pool."""

import _multiprocessing
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.core.workers import (
    Progress,
    Returned,
    WorkerDied,
    WorkerDiedError,
    WorkerPool,
    advice_after,
    available_cores,
    call_apart,
    map_in_order,
)
from tests.helpers.closure import ROOT


def test_cores_are_those_of_the_process_and_of_its_container(tmp_path):
    mine = len(os.sched_getaffinity(0))
    assert available_cores(tmp_path, tmp_path / "none") == mine
    for limit, expected in (
        ("max 100000", mine),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("6400000 100000", min(mine, 64)),
    ):
        (tmp_path / "cpu.max").write_text(f"{limit}\n")
        assert available_cores(tmp_path, tmp_path / "none") == expected


def squared_after(number):
    time.sleep(number * 7919 % 20 / 1000)
    return number**2, os.getpid()


def test_outcomes_come_in_the_order_of_the_items_whichever_is_done_first():
    squares, processes = zip(*map_in_order(squared_after, range(60), 3), strict=True)
    assert list(squares) == [number**2 for number in range(60)]
    assert len(set(processes)) > 1
    assert os.getpid() not in processes
    assert not multiprocessing.active_children()


def test_items_are_taken_a_bounded_number_ahead_of_what_was_yielded():
    taken = 0

    def items():
        nonlocal taken
        while taken < 40:
            taken += 1
            yield taken

    for done, _ in enumerate(map_in_order(squared_after, items(), 2, ahead=3), 1):
        assert taken < done + 2 * 3
    assert done == 40
    taken = 0
    outcomes = map_in_order(slow_first, items(), 2, ahead=None)
    assert next(outcomes) == 1
    assert taken > 6, "without a bound the others go on while the first is running"
    assert sum(1 for _ in outcomes) == 39


def slow_first(number):
    time.sleep(0.5 if number == 1 else 0)
    return number


def test_one_worker_is_this_process(monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_context", None)
    assert {process for _, process in map_in_order(squared_after, range(3), 1)} == {os.getpid()}


def from_environment(name):
    return os.environ.get(name)


def test_workers_have_the_environment_of_now(monkeypatch):
    for value in ("first", "second"):
        monkeypatch.setenv("OF_THIS_TEST", value)
        assert call_apart(from_environment, "OF_THIS_TEST") == value
    monkeypatch.delenv("OF_THIS_TEST")
    assert call_apart(from_environment, "OF_THIS_TEST") is None


def test_workers_begin_where_the_path_for_temporary_files_is_too_long_for_a_socket(tmp_path):
    long = tmp_path / ("t" * 100)
    long.mkdir()
    code = "from pipeline.core.workers import call_apart\nprint(call_apart(abs, -3))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env=os.environ | {"TMPDIR": str(long)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "3\n"


class Awkward(Exception):
    """An exception that cannot be rebuilt from its arguments, so it cannot be sent between processes."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


def failing(number):
    if number == 1:
        raise InputError("file u1.wav is not there")
    if number == 2:
        raise Awkward("this", "that")
    if number == 3:
        return lambda: "which cannot be sent"
    return number


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_of_the_function_is_raised_here_in_the_turn_of_its_item(workers):
    outcomes = map_in_order(failing, [0, 1], workers)
    assert next(outcomes) == 0
    with pytest.raises(InputError) as caught:
        next(outcomes)
    assert str(caught.value) == "file u1.wav is not there"
    if workers > 1:
        assert "in failing" in caught.value.__notes__[0], "where in the worker"
    assert not multiprocessing.active_children()


def test_what_cannot_be_sent_between_processes_is_an_error_and_no_hang():
    with pytest.raises(RuntimeError, match="Awkward: this and that"):
        call_apart(failing, 2)
    with pytest.raises(Exception, match="lambda"):
        call_apart(failing, 3)


def ended(how):
    if isinstance(how, signal.Signals):
        os.kill(os.getpid(), how)
    os._exit(how)


@pytest.mark.parametrize(
    ("how", "reason"),
    [(signal.SIGKILL, "killed by SIGKILL"), (signal.SIGABRT, "killed by SIGABRT"), (9, "exit code 9")],
)
def test_the_end_of_a_worker_names_the_item_and_the_signal(how, reason):
    with pytest.raises(WorkerDiedError) as caught:
        call_apart(ended, how)
    assert (caught.value.item, caught.value.reason) == (how, reason)
    assert str(caught.value) == f"a worker process died ({reason}) at {how}"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        ("killed by SIGKILL", r"memory ran out: set execution\.workers in params\.yaml to fewer than 3 and$"),
        ("killed by SIGABRT", r"^SIGABRT is a fault of a compiled library"),
        ("killed by signal 40", r"^signal 40 is a fault of a compiled library"),
        ("exit code 9", r"^What it printed before is above:$"),
    ],
)
def test_the_advice_after_a_death_guesses_at_memory_after_sigkill_alone(reason, advice):
    text = advice_after(reason, "params.yaml", 3)
    assert re.search(advice, text)
    assert ("memory" in text) == (reason == "killed by SIGKILL")


def sleeping(seconds, *, folder):
    (folder / str(os.getpid())).touch()
    if seconds < 0:
        raise InputError("no data")
    time.sleep(seconds)
    return seconds


def interrupt(outcome):
    raise KeyboardInterrupt


def test_workers_are_killed_when_one_fails_or_the_consumer_does(tmp_path):
    begin = time.monotonic()
    with pytest.raises(InputError, match="no data"):
        list(map_in_order(partial(sleeping, folder=tmp_path), [-1, 600], 2))
    outcomes = map_in_order(partial(sleeping, folder=tmp_path), [0, 600], 2)
    with pytest.raises(KeyboardInterrupt), closing(outcomes):
        interrupt(next(outcomes))
    assert time.monotonic() - begin < 60
    assert not any(alive(int(path.name)) for path in tmp_path.iterdir())


def counter(name):
    calls = []

    def count(item, send):
        calls.append(item)
        send(f"{name} is at {item}")
        return name, len(calls), os.getpid()

    return count


def end_of(pool):
    """The messages of the only call that is running, and its end."""
    messages = []
    while True:
        for key, event in pool.events(60):
            if not isinstance(event, Progress):
                return messages, key, event
            messages.append(event.message)


def test_a_worker_is_set_up_once_with_arguments_of_its_own_and_sends_messages():
    with WorkerPool(counter, [("cpu",), ("cuda:0",)]) as pool:
        assert list(pool.events(None)) == [], "nothing to wait for"
        for turn in (1, 2):
            assert pool.has_room()
            pool.start("key", "a")
            messages, key, event = end_of(pool)
            assert (messages, key) == (["cpu is at a"], "key")
            assert isinstance(event, Returned)
            assert event.outcome[:2] == ("cpu", turn)
        assert len(multiprocessing.active_children()) == 1, "the second was never needed"
        pool.start(1, "b")
        pool.start(2, "c")
        assert not pool.has_room()
    assert not multiprocessing.active_children()


def test_a_worker_that_died_idle_ends_its_next_call_and_is_replaced():
    with WorkerPool(counter, [("cpu",)]) as pool:
        pool.start(1, "a")
        process = end_of(pool)[2].outcome[2]
        os.kill(process, signal.SIGTERM)
        while alive(process):
            time.sleep(0.01)
        pool.start(2, "b")
        assert end_of(pool) == ([], 2, WorkerDied("killed by SIGTERM"))
        assert pool.has_room()
        pool.start(3, "c")
        assert end_of(pool)[2].outcome[:2] == ("cpu", 1)


def large_outcome():
    def make(item, send):
        send(os.getpid())
        return bytes(100_000_000)

    return make


def test_a_worker_that_dies_in_the_middle_of_a_message_is_noticed():
    with WorkerPool(large_outcome, [()]) as pool:
        pool.start("large", None)
        ((_, sent),) = pool.events(60)
        multiprocessing.connection.wait(list(pool._running), 60)  # the message has begun and fills the socket
        time.sleep(0.2)
        os.kill(sent.message, signal.SIGKILL)
        assert list(pool.events(60)) == [("large", WorkerDied("killed by SIGKILL"))]


def refuse_semaphores():
    class SemLock:
        def __init__(self, *arguments):
            raise OSError(30, "Read-only file system")

        _rebuild = _extend = None
        SEM_VALUE_MAX = 1

    _multiprocessing.SemLock = SemLock


def has_semaphores(_):
    try:
        multiprocessing.get_context("spawn").Lock()
    except OSError:
        return False
    return True


def test_no_semaphore_is_needed_which_a_read_only_dev_shm_refuses(monkeypatch):
    monkeypatch.setattr(_multiprocessing, "SemLock", _multiprocessing.SemLock)
    refuse_semaphores()
    assert not has_semaphores(None)
    outcomes = list(map_in_order(has_semaphores, range(4), 2, initialise=refuse_semaphores))
    assert outcomes == [False] * 4


def test_a_killed_parent_leaves_no_worker_behind(tmp_path):
    """Neither an idle worker nor one in the middle of a call."""
    program = tmp_path / "parent.py"
    program.write_text(
        "import os, signal\n"
        "from pipeline.core.workers import WorkerPool\n"
        "from tests.core.test_workers import large_outcome, counter\n"
        "if __name__ == '__main__':\n"
        "    idle, busy = WorkerPool(counter, [('cpu',)], daemon=False), WorkerPool(large_outcome, [()], daemon=False)\n"
        "    idle.start(1, 'a')\n"
        "    busy.start(1, 'b')\n"
        "    list(idle.events(60))\n"
        "    ((_, end),) = idle.events(60)\n"
        "    ((_, sent),) = busy.events(60)\n"
        "    print(end.outcome[2], sent.message, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n",
        encoding="utf-8",
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    workers = [int(word) for word in done.stdout.split()]
    assert len(workers) == 2, done.stderr
    deadline = time.monotonic() + 10
    while any(map(alive, workers)):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)
    assert "Traceback" not in done.stderr


def alive(process):
    try:
        # A zombie is over, whoever collects it.
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
