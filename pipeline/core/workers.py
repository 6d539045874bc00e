"""Worker processes: a pool of them that runs calls side by side.

The pool communicates only over pairs of sockets. `concurrent.futures` and `multiprocessing.Pool` need semaphores, which
Linux keeps in /dev/shm, and in a container that may be read-only or full.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import Generic, Self, TypeAlias, TypeVar, cast

from pipeline.core.errors import InputError
from pipeline.core.limits import available_cores

Key = TypeVar("Key")
Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

LIBRARIES = ("torch", "pandas", "pandera.pandas", "scipy.sparse.csgraph")
"""Libraries that workers need; import alone starts no thread of theirs that a fork would lack."""

TRAINING_LIBRARIES = (*LIBRARIES, "torch._inductor")
"""Libraries of workers that train: PyTorch imports its compiler when the first optimiser is made, which takes longer
than all others together."""

Task: TypeAlias = Callable[[Item, Callable[[object], None]], Outcome]
"""The function that a worker applies to an item; its second argument sends a progress message to the parent."""


def decoding_threads() -> int:
    """The number of threads that decode side by side; more gain nothing, since they share disk and Python's lock."""
    return min(8, available_cores())


def prepare_worker() -> None:
    """Make this process ignore Ctrl-C, and end when its parent ends.

    Ctrl-C reaches every process of a terminal; only the parent reacts to it. A worker whose parent was killed ends at
    once, since no process would use its results.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@dataclass(frozen=True)
class Progress:
    """A message that a call sent while it runs."""

    message: object


@dataclass(frozen=True)
class Returned(Generic[Outcome]):
    """The call is done."""

    outcome: Outcome


@dataclass(frozen=True)
class Raised:
    """The call raised an exception; its traceback in the worker is a note of it."""

    error: Exception


@dataclass(frozen=True)
class WorkerDied:
    """The process that ran the call is gone; `reason` is "killed by SIGKILL" or "exit code 1"."""

    reason: str


class WorkerDiedError(InputError):
    """A worker process died at an item.

    Attributes:
        item: item that the process had.
        reason: how it ended, see `WorkerDied`.
    """

    def __init__(self, item: object, reason: str) -> None:
        super().__init__(f"a worker process died ({reason}) at {item}")
        self.item, self.reason = item, reason


def advice_after(reason: str, params: str, workers: int) -> str:
    """What to do after a worker died, as the beginning of a sentence that says what to run again.

    Args:
        reason: how it ended, see `WorkerDied`.
        params: the params file that sets the number of workers.
        workers: the number of workers.
    """
    if reason == "killed by SIGKILL":
        fewer = f"set execution.workers in {params} to fewer than {workers} and"
        return f"SIGKILL most often means that memory ran out: {fewer}"
    if reason.startswith("killed by "):
        signal_name = reason.removeprefix("killed by ")
        return f"{signal_name} is a fault of a compiled library, such as PyTorch, or was sent from outside:"
    return "What it printed before is above:"


LONGEST_TEMPORARY = 70
"""Largest length in bytes of the path of the folder for temporary files; Linux limits the path of a socket in it."""


def start_method(libraries: Sequence[str] = LIBRARIES) -> ForkServerContext | SpawnContext:
    """The way to start processes: forks of a server that has imported the large libraries and done nothing else.

    A fork of this process could hang, since it has used threads (torch's, FFmpeg's). A spawned process would import the
    libraries by itself, which takes seconds, and hold them in memory of its own; this is done only where the server's
    socket, in the folder for temporary files, would have a longer path than Linux allows. The server imports no code of
    the project: every process imports it from the folder from which this process has imported it.

    Args:
        libraries: modules that the server imports; those of the first processes that this process starts count.
    """
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_TEMPORARY:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(libraries))
    return context


class WorkerPool(Generic[Key, Item, Outcome]):
    """Processes that run one call each at a time; a process starts when it is first needed.

    The end of the `with` block ends them in order, or at once if it ends with an exception.
    """

    def __init__(
        self,
        set_up: Callable[..., Task[Item, Outcome]],
        arguments: Sequence[tuple[object, ...]],
        *,
        daemon: bool = True,
        libraries: Sequence[str] = LIBRARIES,
    ) -> None:
        """Prepare; no process is started yet.

        Args:
            set_up: function of a module, called once in each worker before its first call; returns the function of an
                item. It may keep what all calls of a worker share.
            arguments: arguments of `set_up`, one tuple for each worker.
            daemon: whether workers may not start processes of their own.
            libraries: see `start_method`.
        """
        self._set_up, self._daemon, self._libraries = set_up, daemon, libraries
        self._free = list(reversed(arguments))
        self._workers: dict[Connection, tuple[BaseProcess, tuple[object, ...]]] = {}
        self._idle: list[Connection] = []
        self._running: dict[Connection, Key] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            self.close()
        else:
            self.stop()

    def has_room(self) -> bool:
        """Whether a worker is idle or may be started."""
        return bool(self._idle or self._free)

    def start(self, key: Key, item: Item) -> None:
        """Begin a call in an idle worker, or in a new one; `events` names it by its key."""
        # Plain pickle: PyTorch changes that of multiprocessing to send tensors through /dev/shm.
        message = pickle.dumps((item,))
        connection = self._idle.pop() if self._idle else self._start_worker()
        self._running[connection] = key
        with suppress(ConnectionError):  # a worker that died idle: `events` finds its connection closed
            connection.send_bytes(message)

    def events(self, timeout: float | None) -> Iterator[tuple[Key, Progress | Returned[Outcome] | Raised | WorkerDied]]:
        """Wait for events and yield them; none when `timeout` passes without one.

        Args:
            timeout: longest wait in seconds; None waits as long as a call is running.

        Yields:
            The key of a call and what happened to it; anything but `Progress` is the end of the call.
        """
        for connection in cast("list[Connection]", wait(list(self._running), timeout) if self._running else []):
            key = self._running[connection]
            try:
                event = connection.recv()
            except (EOFError, OSError):  # OSError: it died in the middle of a message
                del self._running[connection]
                yield key, WorkerDied(self._remove_worker(connection))
                continue
            if not isinstance(event, Progress):
                del self._running[connection]
                self._idle.append(connection)
            yield key, event

    def close(self) -> None:
        """End the workers in order, when no call is running."""
        for connection in list(self._workers):
            with suppress(ConnectionError):
                connection.send_bytes(pickle.dumps(None))
            self._remove_worker(connection)
        self._idle.clear()

    def stop(self) -> None:
        """Kill the workers, whatever they are doing."""
        for process, _ in self._workers.values():
            process.kill()
        for connection in list(self._workers):
            self._remove_worker(connection)
        self._idle.clear()
        self._running.clear()

    def _start_worker(self) -> Connection:
        arguments = self._free.pop()
        context = start_method(self._libraries)
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_work, args=(theirs, dict(os.environ), self._set_up, arguments), daemon=self._daemon
        )
        try:
            process.start()
        except (OSError, MemoryError) as error:
            ours.close()
            self._free.append(arguments)
            why = getattr(error, "strerror", None) or "memory ran out"
            raise InputError(
                f"worker process {len(self._workers) + 1} could not be started ({why}); set execution.workers to "
                f"{max(1, len(self._workers))} in params.yaml"
            ) from None
        finally:
            theirs.close()
        self._workers[ours] = process, arguments
        return ours

    def _remove_worker(self, connection: Connection) -> str:
        """Wait for the end of a worker; returns how it ended."""
        process, arguments = self._workers.pop(connection)
        process.join()
        connection.close()
        self._free.append(arguments)
        return _how_ended(process.exitcode or 0)


def map_in_order(
    function: Callable[[Item], Outcome],
    items: Iterable[Item],
    workers: int,
    *,
    ahead: int | None = 4,
    initialise: Callable[[], None] | None = None,
    libraries: Sequence[str] = LIBRARIES,
) -> Generator[Outcome, None, None]:
    """The outcomes of a function for each item in turn, computed by processes side by side.

    Close it (`contextlib.closing`) if the code that uses it may fail: this kills the processes.

    Args:
        function: function of a module, or a `functools.partial` of one.
        items: items, taken as they are needed.
        workers: number of processes; with 1 the function is called in this process and no other is started.
        ahead: largest number of items for each worker that are begun and not yet yielded, so that memory does not grow
            with the number of items; None sets no bound.
        initialise: function of a module that each worker process calls first. With one worker it is not called, since
            it would change this process.
        libraries: see `start_method`.

    Yields:
        The outcome of each item, in the order of the items.

    Raises:
        WorkerDiedError: the process of an item died.
        Exception: what the function raised for an item. Either is raised in the turn of the item.
    """
    if workers == 1:
        return _call_each(function, items)
    return _call_apart(function, items, workers, ahead, initialise, libraries)


def call_apart(function: Callable[[Item], Outcome], item: Item, libraries: Sequence[str] = LIBRARIES) -> Outcome:
    """Call a function in a process of its own, which frees all its memory when it ends.

    Args:
        function: function of a module, or a `functools.partial` of one.
        item: its argument.
        libraries: see `start_method`.

    Raises:
        WorkerDiedError: the process died.
        Exception: what the function raised.
    """
    (outcome,) = _call_apart(function, [item], 1, None, None, libraries)
    return outcome


def _call_each(function: Callable[[Item], Outcome], items: Iterable[Item]) -> Generator[Outcome, None, None]:
    yield from map(function, items)


@dataclass(eq=False)
class _Call(Generic[Item, Outcome]):
    item: Item
    end: Returned[Outcome] | Raised | WorkerDied | None = None

    def outcome(self) -> Outcome:
        if isinstance(self.end, Returned):
            return self.end.outcome
        if isinstance(self.end, Raised):
            raise self.end.error
        raise WorkerDiedError(self.item, self.end.reason if self.end else "not begun")


def _call_apart(
    function: Callable[[Item], Outcome],
    items: Iterable[Item],
    workers: int,
    ahead: int | None,
    initialise: Callable[[], None] | None,
    libraries: Sequence[str],
) -> Generator[Outcome, None, None]:
    begun: deque[_Call[Item, Outcome]] = deque()
    waiting = (_Call[Item, Outcome](item) for item in items)
    arguments = [(function, initialise)] * workers
    with WorkerPool[_Call[Item, Outcome], Item, Outcome](_calls_of, arguments, libraries=libraries) as pool:
        while True:
            for call, event in pool.events(None if begun and begun[0].end is None else 0):
                if not isinstance(event, Progress):
                    call.end = event
            while pool.has_room() and (ahead is None or len(begun) < ahead * workers):
                if (following := next(waiting, None)) is None:
                    break
                begun.append(following)
                pool.start(following, following.item)
            if not begun:
                return
            if begun[0].end is not None:
                yield begun.popleft().outcome()


def _calls_of(
    function: Callable[[Item], Outcome], initialise: Callable[[], None] | None
) -> Callable[[Item, Callable[[object], None]], Outcome]:
    if initialise is not None:
        initialise()
    return lambda item, send: function(item)


def _work(
    connection: Connection,
    environment: dict[str, str],
    set_up: Callable[..., Task[Item, Outcome]],
    arguments: tuple[object, ...],
) -> None:
    """Run every call that arrives, until None arrives or the parent has ended."""
    prepare_worker()
    # The server has that of the time when it was started.
    os.environ.clear()
    os.environ.update(environment)
    task: Task[Item, Outcome] | None = None
    with suppress(EOFError, ConnectionError):  # of the connection alone: what a call raises is caught below
        while (call := connection.recv()) is not None:
            try:
                task = task or set_up(*arguments)
                end = pickle.dumps(Returned(task(call[0], lambda message: connection.send(Progress(message)))))
            except Exception as error:
                end = pickle.dumps(Raised(_portable(error)))
            connection.send_bytes(end)


def _portable(error: Exception) -> Exception:
    """The exception with its traceback as a note, or a similar one if it cannot be sent between processes."""
    note = "In the worker process:\n" + "".join(traceback.format_exception(error))
    error.add_note(note)
    try:
        return cast("Exception", pickle.loads(pickle.dumps(error)))  # noqa: S301 (made right here)
    except Exception:
        other = RuntimeError(f"{type(error).__name__}: {error}")
        other.add_note(note)
        return other


def _how_ended(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-exit_code}"
