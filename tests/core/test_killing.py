"""`dvc repro` killed while it trains: the next one ends with the bytes of an undisturbed run.

`benchmarks/kill.py` does the same at 50 random moments, and kills workers too, as tests/runs/test_scheduler.py does.
"""

from tests.helpers.killing import KINDS, kill
from tests.helpers.project import Project


def wait_for_training(project, process, known):
    """Until the store has a checkpoint that it had not before, or DVC has ended."""
    while process.poll() is None:
        found = set((project.folder / ".runs").glob("*/checkpoints/epoch*"))
        if found - known:
            return found
    return known


def test_whatever_is_killed_the_next_repro_gives_the_same_bytes(tmp_path):
    project = Project(tmp_path)
    project.write_params({"train.epochs": 15, "execution.checkpoint_seconds": 0})
    project.repro("inputs", "partition")
    lock = (tmp_path / "dvc.lock").read_bytes()
    project.repro("train@PreAct")
    undisturbed = project.results()
    project.forget_training(lock)
    known = set()
    for kind in KINDS[:3]:
        project.mend_lock()
        process = project.begin("dvc", "repro", "train@PreAct")
        known = wait_for_training(project, process, known)
        assert process.poll() is None, "there was nothing left to train"
        assert kill(process, kind)
        if kind != "DVC alone":  # whose trainer lives on while the next one begins
            process.wait()
    project.mend_lock()
    project.repro("train@PreAct")
    assert project.results() == undisturbed
    finished = list((tmp_path / ".runs").glob("*/finished/*.json"))
    assert len(finished) == 2


def test_a_damaged_lock_of_dvc_is_mended_as_documented(tmp_path):
    project = Project(tmp_path)
    project.write_params()
    (tmp_path / ".dvc/tmp").mkdir()
    (tmp_path / ".dvc/tmp/rwlock").write_text('{"')
    _, printed = project.repro("partition", fails=True)
    assert "rwlock" in printed
    (tmp_path / ".dvc/tmp/rwlock").unlink()
    assert "partition" in project.repro("partition")[0]
