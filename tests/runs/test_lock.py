"""Locks of runs: one holder at a time, dead ones taken over, lost ones noticed."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.runs import lock as locks
from pipeline.runs.lock import STALE, LockLostError, RunLock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run" / "lock"


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_one_holds_it_and_the_next_learns_its_name(path):
    with RunLock(path).acquire() as other:
        assert other is None
        with RunLock(path).acquire() as holder:
            assert holder.pid == os.getpid()
            assert holder.name.startswith(f"process {os.getpid()} on ")
    assert list(path.parent.iterdir()) == [], "given back, and nothing left behind"
    with RunLock(path).acquire() as other:
        assert other is None


def test_it_is_given_back_when_the_run_fails(path):
    with pytest.raises(ZeroDivisionError), RunLock(path).acquire():
        1 / 0  # noqa: B018
    with RunLock(path).acquire() as other:
        assert other is None


def test_the_lock_of_a_process_that_was_killed_is_free_at_once(path):
    code = f"""
import sys, time
from pathlib import Path
from pipeline.runs.lock import RunLock
with RunLock(Path({str(path)!r})).acquire():
    print("held", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    with RunLock(path).acquire() as holder:
        assert holder.pid == process.pid
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with RunLock(path).acquire() as other:
        assert other is None


def test_another_process_of_the_same_number_is_not_taken_for_the_owner(path):
    with RunLock(path).acquire():
        rewrite(path, started=1.0, mark="another")
        with RunLock(path).acquire() as other:
            assert other is None


def test_a_killed_process_that_nobody_has_collected_is_dead(path):
    """In a container whose first process collects no others, it stays in the table for ever."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with RunLock(path).acquire():
        rewrite(path, pid=process.pid, started=locks._started(process.pid), mark="theirs")
        with RunLock(path).acquire() as holder:
            assert holder.pid == process.pid
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with RunLock(path).acquire() as other:
            assert other is None
    process.communicate()


def test_a_process_that_can_be_seen_only_to_be_there_is_not_taken_for_dead(path, monkeypatch):
    """Where /proc hides other users' processes, or there is no /proc."""
    with RunLock(path).acquire():
        monkeypatch.setattr(locks, "_started", lambda pid: locks.UNKNOWN)
        with RunLock(path).acquire() as holder:
            assert holder.pid == os.getpid()


def test_a_machine_of_the_same_name_is_another_machine(path):
    with RunLock(path).acquire():
        name, boot, namespace = json.loads(path.read_text())["host"].split("/")
        rewrite(path, host=f"{name}/{boot[::-1]}/{namespace}", pid=2**22 + 1, mark="theirs")
        with RunLock(path).acquire() as holder:
            assert holder.name == f"process {2**22 + 1} on {name}"


def test_a_lock_of_another_host_is_dead_when_it_was_not_touched_for_long(path):
    with RunLock(path).acquire():
        rewrite(path, host="node7/pid:[1]", pid=1, mark="another")
        os.utime(path, (0, time.time() - STALE + 60))
        with RunLock(path).acquire() as holder:
            assert holder.name == "process 1 on node7"
        os.utime(path, (0, time.time() - STALE - 60))
        with RunLock(path).acquire() as other:
            assert other is None


def test_an_owner_whose_run_was_taken_over_notices_and_leaves_it_to_the_other(path):
    lock = RunLock(path)
    with lock.acquire():
        lock.check()
        rewrite(path, mark="another", host="node7/pid:[1]", pid=7)
        with pytest.raises(LockLostError, match="held by process 7 on node7"):
            lock.check()
    assert json.loads(path.read_text())["mark"] == "another"
    path.unlink()
    with pytest.raises(LockLostError, match="held by nobody"):
        lock.check()


def test_the_holder_touches_its_lock(path, monkeypatch):
    monkeypatch.setattr(locks, "HEARTBEAT", 0.02)
    with RunLock(path).acquire():
        os.utime(path, (0, 0))
        for _ in range(200):
            if path.stat().st_mtime > 0:
                break
            time.sleep(0.02)
        assert path.stat().st_mtime > time.time() - 60


def test_a_file_that_is_no_lock_is_taken_over_once_it_is_old(path):
    path.parent.mkdir()
    path.write_text("{")
    with RunLock(path).acquire() as holder:
        assert holder.name == "process 0 on an unknown host"
    os.utime(path, (0, 0))
    with RunLock(path).acquire() as other:
        assert other is None


def contend(path, rounds, holders):
    for _ in range(rounds):
        with RunLock(path).acquire() as other:
            if other is None:
                alone = path.with_name("alone")
                alone.touch(exist_ok=False)  # fails where two hold it
                time.sleep(0.002)
                alone.unlink()
                with holders.get_lock():
                    holders.value += 1


@pytest.mark.parametrize("dead", [False, True])
def test_of_many_processes_one_at_a_time_holds_it(path, dead):
    """Also where a dead lock lies there, which all of them want to take over."""
    context = multiprocessing.get_context("fork")
    holders = context.Value("i", 0)
    if dead:
        path.parent.mkdir()
        path.write_text("{}")
        os.utime(path, (0, 0))
    processes = [context.Process(target=contend, args=(path, 40, holders)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 6
    assert holders.value > 6
    assert list(path.parent.iterdir()) == []


def test_a_file_system_without_hard_links(path, monkeypatch):
    def refuse(self, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    with RunLock(path).acquire() as other:
        assert other is None
        with RunLock(path).acquire() as holder:
            assert holder.pid == os.getpid()


def test_a_store_that_cannot_be_written_is_explained(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"the run store .* cannot be written: .*free some space"),
        RunLock(tmp_path / "file/run/lock").acquire(),
    ):
        pass
