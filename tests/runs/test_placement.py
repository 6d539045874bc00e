"""How many runs fit a machine; GPUs are made up, since the tests have none."""

from types import SimpleNamespace

import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.runs import placement as fitting
from pipeline.runs.placement import MOST_RUNS_PER_GPU, runs_per_gpu, worker_devices
from pipeline.training.device import visible_devices
from tests.helpers.experiment import params_with

GIB = 1 << 30


@pytest.fixture
def gpus(monkeypatch):
    """Four GPUs of 80 GiB, on which a step takes 20."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * GIB))
    pool = SimpleNamespace(apply=lambda function, arguments: 20 * GIB)

    class Context:
        def Pool(self, size):  # noqa: N802
            return self

        def __enter__(self):
            return pool

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(fitting.multiprocessing, "get_context", lambda method: Context())


def test_as_many_runs_share_a_gpu_as_its_memory_holds():
    assert runs_per_gpu(step=20 * GIB, total=80 * GIB) == 3
    assert runs_per_gpu(step=90 * GIB, total=80 * GIB) == 1, "it is tried, and its own message says if it does not fit"
    assert runs_per_gpu(step=GIB // 10, total=80 * GIB) == MOST_RUNS_PER_GPU


def test_on_cpus_threads_are_never_over_subscribed(monkeypatch):
    monkeypatch.setattr(fitting, "available_cores", lambda: 8)
    for threads, number, workers in ((1, 1, 8), (3, 1, 2), (16, 1, 1), (2, 2, 2)):
        changes = {"train.threads": threads, "execution.workers": "auto", "execution.devices_per_run": number}
        assert worker_devices(params_with(changes)) == ["cpu"] * workers
    assert worker_devices(params_with({"execution.workers": 5})) == ["cpu"] * 5


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"device": "auto", "workers": "auto"}, ["cuda:0", "cuda:1", "cuda:2", "cuda:3"] * 3),
        ({"device": "cuda:2", "workers": "auto"}, ["cuda:2"] * 3),
        ({"device": "cuda", "workers": 6}, ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:0", "cuda:1"]),
        ({"device": "auto", "workers": "auto", "devices_per_run": 2}, ["cuda:0", "cuda:2"]),
        ({"device": "cpu", "workers": 1}, ["cpu"]),
    ],
)
def test_runs_go_round_the_gpus(gpus, changes, expected):
    params = params_with({f"execution.{name}": value for name, value in changes.items()})
    assert worker_devices(params) == expected


def test_a_gpu_that_is_not_there_is_refused(gpus):
    assert visible_devices("cuda:3") == [torch.device("cuda:3")]
    with pytest.raises(InputError, match="execution.device is 'cuda:4', and PyTorch sees 4 CUDA devices"):
        visible_devices("cuda:4")
