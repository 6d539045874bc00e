"""All that a GPU is needed for, in one go: device tests, training steps, and the paper's own recipe on RAVDESS.

Every part that has ended is noted in the output folder and is not done again; training continues from its checkpoints.
So the script may be stopped at any time and started again:

    python -m benchmarks.gpu RAVDESS_FOLDER OUTPUT_FOLDER [--minutes 25] [--epochs 1000] [--small]

Parts: `tests/device` (every family on the device against the CPU); `benchmarks.train_step`; then PreAct and PreActBN
with and without shaking, with the network and recipe of `params.paper.yaml` on RAVDESS alone, seed 1, as many of the
epochs as the time allows. `--small` shrinks the network, to try the script on a CPU.

The last line is JSON: what was done, on which device, and how far each run came.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch
from ruamel.yaml import YAML

from pipeline.core.errors import explained
from pipeline.core.source import ROOT, refuse_other_code
from pipeline.training.device import device_name, resolve_device

MODELS = ("PreAct", "PreAct-Full", "PreActBN", "PreActBN-Full")
CODE = ("pipeline", "stages", "demo", "external", "dvc.yaml", ".dvc/config")
SMALL = {"kernel": [2, 4], "widths": [2, 2], "blocks": [1]}


def make_project(corpus: Path, folder: Path, epochs: int, small: bool) -> None:
    """A copy of the code with params of its own, unless it is there from an earlier start."""
    if not folder.exists():
        for name in CODE:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(
                    source, target, ignore=shutil.ignore_patterns("__pycache__", "corpora_made", "dvc.lock")
                )
            else:
                shutil.copy(source, target)
        with (folder / ".dvc/config").open("a") as stream:
            stream.write("    no_scm = true\n")
    yaml = YAML(typ="safe")
    params = yaml.load((ROOT / "params.paper.yaml").read_text("utf-8"))
    params["corpora"] = {"ravdess": {"path": str(corpus.resolve()), "segment": True}}
    params["models"] = {key: params["models"][key] for key in MODELS}
    params["train"] |= {"epochs": epochs, "seeds": [1]}
    params["report"]["tables"] = {}
    if small:
        params["network"] |= SMALL
        params["features"] |= {"every": 32}
        params["train"] |= {"batch_segments": 32}
    with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(params, stream)


def run(command: list[str], folder: Path, log: Path, seconds: float) -> bool:
    """Whether a command ended well in the time that is left; its output is added to a log."""
    with log.open("ab") as stream:
        # A group of its own: `dvc repro` does not end the stage that it started, which would train on unseen.
        process = subprocess.Popen(  # noqa: S603
            command, cwd=folder, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return process.wait(max(1.0, seconds)) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started; runs have checkpoints."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + 20
        try:
            os.killpg(process.pid, sign)
            while time.monotonic() < end:
                process.poll()
                os.killpg(process.pid, 0)
                time.sleep(0.2)
        except ProcessLookupError:
            return


def progress(project: Path) -> dict[str, object]:
    """Epochs and validation UA of each run that has begun, as the run store notes them."""
    found: dict[str, object] = {}
    for path in sorted(project.glob(".runs/*/progress.json")):
        run = json.loads((path.parent / "run.json").read_text("utf-8"))
        layout = f"{run['model']['layout']}{'-Full' if run['model']['shake'] else ''}"
        found[f"{layout} fold {run['fold']}"] = json.loads(path.read_text("utf-8"))
    return found


def main(corpus: Path, output: Path, minutes: float, epochs: int, small: bool) -> None:
    end = time.monotonic() + 60 * minutes
    output.mkdir(parents=True, exist_ok=True)
    make_project(corpus, output / "project", epochs, small)
    step = [sys.executable, "-m", "benchmarks.train_step", *(["--repeats", "1", "--minutes", "0.5"] if small else [])]
    parts = {
        "device_tests": ([sys.executable, "-m", "pytest", "-q", "tests/device"], ROOT, 0.2),
        "train_step": (step, ROOT, 0.3),
        "ravdess": ([sys.executable, "-m", "dvc", "repro"], output / "project", 1.0),
    }
    done = {}
    for name, (command, folder, share) in parts.items():
        mark = output / f"{name}.done"
        left = end - time.monotonic()
        if not mark.exists() and left > 0 and run(command, folder, output / f"{name}.log", share * left):
            mark.touch()
        done[name] = mark.exists()
        print(f"{name}: {'done' if done[name] else 'not ended yet, start again to go on'}", flush=True)
    device = resolve_device("auto")
    print(json.dumps({
        "device": device_name(device), "torch": torch.__version__, "small": small, "done": done,
        "runs": progress(output / "project"),
    }))  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of RAVDESS")
    parser.add_argument("output", type=Path, help="folder for logs, the project and its runs")
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--small", action="store_true", help="a small network, to try the script on a CPU")
    arguments = parser.parse_args()
    with explained("gpu"):
        refuse_other_code()
        main(arguments.corpus, arguments.output, arguments.minutes, arguments.epochs, arguments.small)
