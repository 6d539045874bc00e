import psutil
import torch

from pipeline.training.memory import free_memory

CPU = torch.device("cpu")


def test_the_free_memory_of_a_machine_is_at_most_its_limits(tmp_path):
    machine = psutil.virtual_memory().total
    assert 0 < free_memory(CPU, tmp_path) <= machine
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000\n")
    assert 0 < free_memory(CPU, tmp_path) <= machine
    (tmp_path / "memory.max").write_text("5000\n")
    assert free_memory(CPU, tmp_path) == 4000
    (tmp_path / "memory.current").write_text("6000\n")
    assert free_memory(CPU, tmp_path) == 0
