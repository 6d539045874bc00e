"""Kill `dvc repro` at random moments, again and again, and compare its final results with those of an undisturbed run.

Two copies of the code train the same small experiment. One is left alone. In the other `dvc repro` is started and
killed with SIGKILL, `--kills` times, at moments drawn over `--longest` seconds: in turn the whole process group, DVC
alone (its child lives on while the next `dvc repro` begins), the trainer alone, and one of its workers (the
rest two seconds later). A lock that DVC left half written is deleted, as docs/scaling.md says. Then a last
`dvc repro` must end, and every file of `results/` must be the same to the byte.

    python -m benchmarks.kill [--kills 50] [--longest 25] [--seed 0]

The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pipeline.core.errors import explained
from pipeline.core.source import refuse_other_code
from tests.helpers.killing import KINDS, moments, train_and_kill
from tests.helpers.project import Project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--longest", type=float, default=25.0, help="seconds")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    changes = {"train.epochs": 150, "train.seeds": (1, 2), "execution.workers": 2, "execution.checkpoint_seconds": 0.05}
    with tempfile.TemporaryDirectory() as folder:
        calm, killed = (Path(folder) / name for name in ("calm", "killed"))
        projects = []
        for path in (calm, killed):
            path.mkdir()
            projects.append(Project(path, warm=False))
            projects[-1].write_params(changes)
        # Data first, in both: training alone is disturbed.
        for project in projects:
            project.repro("inputs", "partition")
        lock = (killed / "dvc.lock").read_bytes()
        begin = time.monotonic()
        projects[0].repro()
        undisturbed = time.monotonic() - begin
        print(f"undisturbed: {undisturbed:.1f} s", flush=True)
        hit: Counter[str] = Counter()
        finished_early, locks = 0, 0
        seed = arguments.seed
        while sum(hit.values()) < arguments.kills:
            for kind, seconds in moments(len(KINDS), arguments.longest, seed):
                locks += projects[1].mend_lock()
                running = train_and_kill(projects[1], kind, seconds)
                hit[kind] += running
                finished_early += not running
                print(
                    f"{sum(hit.values()):3} {kind} after {seconds:.1f} s{'' if running else ': had ended before'}",
                    flush=True,
                )
                if not running:
                    # Everything is trained: begin anew.
                    projects[1].forget_training(lock)
            seed += 1
        locks += projects[1].mend_lock()
        projects[1].repro()
        same = projects[0].results() == projects[1].results()
    print(
        json.dumps({
            "kills": sum(hit.values()), "by_kind": dict(hit), "ended_before": finished_early,
            "damaged_locks_deleted": locks, "identical": same,
            "undisturbed_seconds": round(undisturbed, 1),
        })
    )  # fmt: skip
    if not same:
        sys.exit(1)


if __name__ == "__main__":
    with explained("kill"):
        refuse_other_code()
        main()
