import os

from pipeline.core.workers import available_cores


def test_cores_are_those_of_the_process_and_of_its_container(tmp_path):
    mine = len(os.sched_getaffinity(0))
    assert available_cores(tmp_path) == mine
    for limit, expected in (
        ("max 100000", mine),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("6400000 100000", min(mine, 64)),
    ):
        (tmp_path / "cpu.max").write_text(f"{limit}\n")
        assert available_cores(tmp_path) == expected
