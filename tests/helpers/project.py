"""A copy of this repository's code in a folder of its own, with two small corpora of tones, run through DVC."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from ruamel.yaml import YAML

from tests.helpers.closure import ROOT
from tests.helpers.experiment import params_with
from tests.helpers.warm_python import executables

CLASSES = ("joy", "anger", "sadness")
PITCH = {"joy": 300, "anger": 900, "sadness": 2700}


def write_corpus(folder, seed):
    """Two women and two men who say everything as one note in noise; the note's pitch is the emotion."""
    source = np.random.default_rng(seed)
    folder.mkdir()
    lines = ["path,emotion,actor,gender"]
    for actor, gender in (("ann", "F"), ("bea", "F"), ("carl", "M"), ("dan", "M")):
        for emotion in CLASSES:
            for take in range(2):
                name = f"{actor}-{emotion}-{take}.wav"
                time = np.arange(int(source.integers(5000, 9000))) / 16000
                note = 0.1 * np.sin(2 * np.pi * PITCH[emotion] * source.uniform(0.95, 1.05) * time)
                soundfile.write(folder / name, note + 0.01 * source.standard_normal(len(time)), 16000)
                lines.append(f"{name},{emotion},{actor},{gender}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")


class Project:
    """A copy of this repository's code, with params of its own.

    Args:
        folder: where it is made.
        warm: whether its Python and DVC are those of `warm_python`, whose processes have no command line of their own.
    """

    def __init__(self, folder, warm=True):
        self.folder = folder
        self.programs = executables() if warm else Path(sys.executable).parent
        self.copy_code()
        for name in ("dvc.yaml", ".dvcignore"):
            shutil.copy(ROOT / name, folder)
        (folder / ".dvc").mkdir()
        (folder / ".dvc/config").write_text((ROOT / ".dvc/config").read_text() + "    no_scm = true\n")
        for seed, name in enumerate(("tonesA", "tonesB")):
            write_corpus(folder / name, seed)
        self.changes = {
            "classes": CLASSES,
            "corpora": {name: self.corpus(name) for name in ("tonesA", "tonesB")},
            "train.epochs": 1,
            "train.seeds": (1,),
        }  # fmt: skip

    def copy_code(self):
        """Copy the code of this repository, in the place of what is there."""
        for name in ("pipeline", "stages", "demo", "external"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            ignored = shutil.ignore_patterns("__pycache__", "corpora" if name == "demo" else "", "dvc.lock")
            shutil.copytree(ROOT / name, self.folder / name, ignore=ignored)

    @staticmethod
    def corpus(name):
        return {"reader": "custom", "path": name, "table": "list.csv"}

    def write_params(self, changes=None, text=None):
        if text is None:
            params = params_with(self.changes | (changes or {}))
            values = json.loads(params.model_dump_json(exclude_none=True))
            with (self.folder / "params.yaml").open("w") as stream:
                YAML(typ="safe").dump(values, stream)
        else:
            (self.folder / "params.yaml").write_text(text)

    @property
    def environment(self):
        """Of every command: this Python and its DVC.

        Nothing says that the project's own code is to be imported, though another checkout is installed: stages run the
        code of the folder that they are started in.
        """
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        # Without bytecode every stage would compile all modules of this copy again.
        left_out = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
        inherited = {name: value for name, value in os.environ.items() if name not in left_out}
        return inherited | {"PATH": path, "DVC_NO_ANALYTICS": "true"}

    def begin(self, *command):
        """Start a program, and no fork, as the leader of a process group of its own; its output goes nowhere."""
        program, *arguments = command
        return subprocess.Popen(
            [Path(sys.executable).with_name(program), *arguments], cwd=self.folder, env=self.environment,
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def forget_training(self, lock):
        """Leave nothing of training: neither results nor the store, nor what DVC remembers; `lock` was before it."""
        for trained in (".runs", "results", ".dvc/cache/runs"):
            shutil.rmtree(self.folder / trained, ignore_errors=True)
        (self.folder / "dvc.lock").write_bytes(lock)

    def mend_lock(self):
        """Delete a lock that a killed DVC left half written, as the README says; whether there was one."""
        lock = self.folder / ".dvc/tmp/rwlock"
        try:
            json.loads(lock.read_text())
        except FileNotFoundError:
            return False
        except ValueError:
            lock.unlink()
            return True
        return False

    def results(self):
        """Every file of results/ and its bytes."""
        return {path.relative_to(self.folder): path.read_bytes() for path in (self.folder / "results").rglob("*.*")}

    def repro(self, *options, fails=False):
        """Run `dvc repro`; the stages that ran and all that was printed."""
        done = subprocess.run(
            ["dvc", "repro", *options],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        printed = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, printed
        return set(re.findall(r"Running stage '([^']+)'", printed)), printed

    def everything_written(self):
        """All tables and results as text, to look for traces in."""
        files = [
            *(self.folder / "results").rglob("*.*"),
            self.folder / "data/folds.csv",
            self.folder / "data/inputs.json",
        ]
        return "\n".join(path.read_text() for path in files if path.suffix in (".csv", ".json", ".md", ".tex", ".html"))
