"""How many runs fit a machine; GPUs are made up, since the tests have none."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.runs import placement
from pipeline.runs.placement import MOST_RUNS_PER_GPU, runs_per_gpu, step_memory, worker_devices
from pipeline.training.device import visible_devices
from tests.helpers.experiment import params_with, write_experiment

GIB = 1 << 30


@pytest.fixture
def gpus(monkeypatch):
    """Four GPUs of 80 GiB, on which a step takes 20."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=80 * GIB))
    monkeypatch.setattr(placement, "call_apart", lambda function, device, libraries: 20 * GIB)


def test_as_many_runs_share_a_gpu_as_its_memory_holds():
    assert runs_per_gpu(step=20 * GIB, total=80 * GIB) == 3
    assert runs_per_gpu(step=90 * GIB, total=80 * GIB) == 1, "it is tried, and its own message says if it does not fit"
    assert runs_per_gpu(step=GIB // 10, total=80 * GIB) == MOST_RUNS_PER_GPU


def test_on_cpus_threads_are_never_over_subscribed(monkeypatch):
    monkeypatch.setattr(placement, "available_cores", lambda: 8)
    for threads, number, workers in ((1, 1, 8), (3, 1, 2), (16, 1, 1), (2, 2, 2)):
        changes = {"train.threads": threads, "execution.workers": "auto", "execution.devices_per_run": number}
        assert worker_devices(params_with(changes)) == ["cpu"] * workers
    assert worker_devices(params_with({"execution.workers": 5})) == ["cpu"] * 5


def test_a_model_with_more_threads_than_the_others_has_its_cores(monkeypatch):
    monkeypatch.setattr(placement, "available_cores", lambda: 8)
    params = params_with({"models.PreAct.train": {"threads": 4}, "execution.workers": "auto"})
    assert worker_devices(params) == worker_devices(params, ["PreAct"]) == ["cpu"] * 2
    assert worker_devices(params, ["PreActBN-Full"]) == ["cpu"] * 8, "the other model's threads do not count"


@pytest.fixture
def step_bytes(monkeypatch, tmp_path):
    """Steps that take as many bytes as a batch has segments times the widths of the network, on no GPU."""
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    peak, measured = [0], []

    def training_step(params, model, shape, device, segments, frames):
        measured.append(model)
        size = segments * frames * sum(params.design_of(model, shape).network.widths)
        return lambda: peak.__setitem__(0, max(peak[0], size)), None

    monkeypatch.setattr(placement, "training_step", training_step)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: peak.__setitem__(0, 0))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: peak[0])
    return measured


@pytest.mark.parametrize(
    ("changes", "batch", "widths", "share"),
    [
        ({}, 8, 16, 1),
        ({"models.PreAct.network": {"widths": (2, 64)}}, 8, 66, 1),
        ({"models.PreAct.train": {"batch_segments": 32}}, 32, 16, 1),
        ({"train.precision": "bf16"}, 8, 16, 0.5),
        (
            {"models.PreAct.train": {"precision": "bf16"}, "models.PreActBN-Full.train": {"precision": "bf16"}},
            8,
            16,
            0.5,
        ),
    ],
)
def test_memory_is_that_of_the_largest_model(step_bytes, changes, batch, widths, share):
    features = sum(path.stat().st_size for path in Path("data/features/spectrogram").glob("*.ark"))
    memory = step_memory(params_with(changes), (), torch.device("cuda"))
    assert memory == batch * 640 * widths + int(features * share)


def test_models_that_differ_in_key_and_label_only_are_measured_once(step_bytes):
    params = params_with({"models.Twin": {"label": "Twin", "layout": "PreAct", "train": {"epochs": 9}}})
    step_memory(params, (), torch.device("cuda"))
    assert step_bytes == ["PreAct", "PreActBN-Full"]
    step_memory(params, ["Twin"], torch.device("cuda"))
    assert step_bytes[2:] == ["Twin"]


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
