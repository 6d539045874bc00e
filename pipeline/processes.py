"""What every worker process does first."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing import connection


def prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it.

    Ctrl-C reaches every process of a terminal; the parent alone decides what it means. A worker whose parent was killed
    ends at once: nobody would ever collect what it makes.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
