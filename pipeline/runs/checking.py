"""The check of the whole params file before anything long begins."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pipeline.core.errors import InputError
from pipeline.core.settings import PARAMS


def refuse_mistakes_anywhere(path: Path = PARAMS) -> None:
    """Refuse a params file with a mistake in any section.

    A stage reads its own sections and depends on its own packages. The whole file concerns all packages, so a separate
    process checks it. It computes nothing.

    Raises:
        InputError: there is a mistake; the message lists all.
    """
    done = subprocess.run(  # noqa: S603 (our own command)
        [sys.executable, "-m", "pipeline", "check", str(path)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise InputError(done.stderr.strip().removeprefix("check: ") or f"{path} could not be checked")
