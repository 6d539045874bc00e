import os

import pytest

from pipeline.core.limits import available_cores, memory_limit

MINE = len(os.sched_getaffinity(0))


def group(root, path, **files):
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


@pytest.fixture
def member(tmp_path):
    (tmp_path / "self").write_text("0::/system.slice/slurm/job_7\n")
    return tmp_path / "self"


@pytest.mark.parametrize(("where", "cores"), [
    ("", 1), ("system.slice", 1), ("system.slice/slurm", 1), ("system.slice/slurm/job_7", 1), ("user.slice", MINE),
])  # fmt: skip
def test_the_limit_of_any_group_above_counts_and_of_no_other(tmp_path, member, where, cores):
    root = tmp_path / "cgroup"
    for path in ("system.slice/slurm/job_7", "user.slice"):
        group(root, path, cpu__max="max 100000", memory__max="max")
    group(root, where, cpu__max="150000 100000", memory__max=str(3 << 30))
    assert available_cores(root, member) == cores
    assert memory_limit(root, member) == (3 << 30 if cores == 1 else None)


def test_the_least_of_several_limits_counts(tmp_path, member):
    group(tmp_path, "", memory__max=str(8 << 30))
    group(tmp_path, "system.slice/slurm", memory__max=str(2 << 30), memory__high="max")
    group(tmp_path, "system.slice/slurm/job_7", memory__max=str(4 << 30))
    assert memory_limit(tmp_path, member) == 2 << 30


def test_groups_of_version_1(tmp_path):
    (tmp_path / "self").write_text("7:memory:/docker/a\n5:cpu,cpuacct:/docker/a\n0::/\n")
    group(tmp_path, "cpu/docker/a", cpu__cfs_quota_us="100000", cpu__cfs_period_us="100000")
    group(tmp_path, "memory", memory__limit_in_bytes=str((1 << 63) - 4096))
    assert memory_limit(tmp_path, tmp_path / "self") is None
    group(tmp_path, "memory/docker/a", memory__limit_in_bytes=str(1 << 30))
    assert memory_limit(tmp_path, tmp_path / "self") == 1 << 30
    assert available_cores(tmp_path, tmp_path / "self") == 1
    group(tmp_path, "cpu/docker/a", cpu__cfs_quota_us="-1")
    assert available_cores(tmp_path, tmp_path / "self") == MINE


def test_a_path_that_leads_out_is_not_followed(tmp_path):
    (tmp_path / "self").write_text("0::/../../other\n")
    group(tmp_path, "other", memory__max="1")
    assert memory_limit(tmp_path / "cgroup", tmp_path / "self") is None


def test_controllers_of_version_1_that_are_mounted_together_without_a_link(tmp_path):
    (tmp_path / "self").write_text("5:cpu,cpuacct:/docker/a\n")
    group(tmp_path, "cpu,cpuacct", cpu__cfs_quota_us="100000", cpu__cfs_period_us="100000")
    assert available_cores(tmp_path, tmp_path / "self") == 1


@pytest.mark.parametrize("text", ["", "max", "100000", "100000 100000 5", "-1 100000", "0 0", "a b", "9" * 5000 + " 1"])
def test_what_states_no_limit_limits_nothing(tmp_path, member, text):
    group(tmp_path, "system.slice", cpu__max=text, memory__max="max" if " " in text else text.replace("100000", "0"))
    assert available_cores(tmp_path, member) == MINE
    assert memory_limit(tmp_path, member) is None


@pytest.mark.parametrize("text", ["50000 100000", "1000 100000", "199999 100000"])
def test_less_than_two_cores_are_one(tmp_path, member, text):
    group(tmp_path, "", cpu__max=text)
    assert available_cores(tmp_path, member) == 1
