"""A `python` that starts in milliseconds, for tests that start hundreds: a fork of a process that is ready.

Every stage imports PyTorch, pandas and scikit-learn, which takes seconds. A server imports them once. The programs
`python` and `dvc` in `executables()` send it their folder, environment, arguments and open files, and end with the
status of the process that it forks. When one of these programs is killed, so is that process.
"""

import atexit
import fcntl
import gc
import json
import multiprocessing
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path

from pipeline.core.workers import TRAINING_LIBRARIES
from tests.helpers.closure import ROOT

LIBRARIES = (*TRAINING_LIBRARIES, "pandera.backends.pandas.register", "dvc.commands.repro", "dvc.repo.reproduce")
"""What is imported beside the libraries of the stages, which import some of these late."""

MOST_FILES = 64
"""Most open files of a process that is started."""

CLIENT = """\
#!{python} -IS
import json, os, socket, sys
arguments = sys.argv[1:] if sys.argv[0].endswith("python") else ["-m", "dvc", *sys.argv[1:]]
if arguments[:1] not in (["-m"], ["-c"]):
    os.execv({python!r}, [{python!r}, *arguments])
files = []
for file in range({most}):
    try:
        os.fstat(file)
    except OSError:
        continue
    files.append(file)
server = socket.socket(socket.AF_UNIX)
server.connect({server!r})
request = json.dumps([files, os.getcwd(), dict(os.environ), sys.argv[0], arguments]).encode()
socket.send_fds(server, [len(request).to_bytes(4, "big")], files)
server.sendall(request)
for file in files:
    os.close(file)
status = server.recv(1)
os._exit(status[0] if status else 1)
"""


@cache
def executables() -> Path:
    """The folder that holds `python` and `dvc`; the server behind them ends with this process."""
    folder = Path(tempfile.mkdtemp(prefix="warm"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = str(folder / "server")
    for name in ("python", "dvc"):
        (folder / name).write_text(CLIENT.format(python=sys.executable, server=address, most=MOST_FILES))
        (folder / name).chmod(0o755)
    # Options of a Python, such as this one by its environment, would be handed to those that it starts.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.warm_python", address],
        cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    atexit.register(server.communicate)
    assert server.stdout.readline() == b"ready\n"
    return folder


def run_stage(folder, stage, *arguments):
    """Run a stage of this repository's code where a `params.yaml` lies; what it printed and its status."""
    return subprocess.run(
        [executables() / "python", "-m", f"stages.{stage}", *arguments], env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=folder, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip


def import_libraries():
    """Import what the stages import, and nothing of the project: each process has that from its own folder."""
    for stage in sorted((ROOT / "stages").glob("*.py")):
        import_module(f"stages.{stage.stem}")
    for name in LIBRARIES:
        import_module(name)
    for name in list(sys.modules):
        if name.partition(".")[0] in ("pipeline", "stages", "external"):
            del sys.modules[name]
    gc.freeze()  # or the first collection in each fork would copy all memory


def serve(address):
    """Fork a process for every request, until the process that started this one has ended.

    Returns:
        In a forked process the request's connection, in the server nothing.
    """
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(MOST_FILES)
        print("ready", flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return connection
            connection.close()
    return None


def above(file):
    """A file under a number above those that requests use."""
    moved = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, MOST_FILES)
    os.close(file)
    return moved


def take_over(connection):
    """Become the process of a request: with its open files, folder and environment.

    Returns:
        The connection, which waits for a status, and the command line.
    """
    connection = socket.socket(fileno=above(connection.detach()))
    size, received, _, _ = socket.recv_fds(connection, 4, MOST_FILES)
    text = connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    numbers, folder, environment, program, arguments = json.loads(text)
    received = [above(file) for file in received]
    for number, file in zip(numbers, received, strict=True):
        os.dup2(file, number)
        os.close(file)
    threading.Thread(target=die_with, args=(connection,), daemon=True).start()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    sys.executable = str(Path(program).with_name("python"))
    multiprocessing.set_executable(sys.executable)
    sys.path[0] = "" if arguments[0] == "-c" else folder
    sys.path[1:1] = [place for place in environment.get("PYTHONPATH", "").split(os.pathsep) if place]
    return connection, arguments


def die_with(connection):
    """Kill this process as soon as the program that waits for it is killed."""
    connection.recv(1)
    os.kill(os.getpid(), signal.SIGKILL)


def run(arguments):
    """Run a command line as Python does; its exit status."""
    option, what, *rest = arguments
    sys.argv = [option if option == "-c" else what, *rest]
    try:
        if option == "-c":
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
        else:
            runpy.run_module(what, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    import_libraries()
    request = serve(sys.argv[1])
    if request:
        waiting, command_line = take_over(request)
        status = run(command_line)
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError):  # closed by what ran
                stream.flush()
        waiting.send(bytes([status & 0xFF]))
        os._exit(status)  # to free all that was imported would take most of a second
