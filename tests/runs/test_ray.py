"""Runs over a Ray cluster of several nodes, all on this machine; slow to start, so they share one cluster."""

import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from pipeline.core.errors import InputError
from pipeline.runs.ray import RayWorkers, cluster_device, gpus_per_run
from pipeline.runs.scheduler import fill_store, plan_all
from pipeline.runs.store import RunFolder
from tests.helpers.experiment import params_with, write_experiment

ray = pytest.importorskip("ray", reason="the tests of the Ray engine need the extra `ray`")


@pytest.fixture(scope="module")
def cluster():
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings():
        # Ray's own processes leave files and sockets for the interpreter to close.
        warnings.simplefilter("ignore")
        head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 10**8}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def root(tmp_path, monkeypatch):
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


RAY = {"execution.engine": "ray"}


@pytest.mark.filterwarnings("ignore")
def test_a_node_that_dies_costs_no_run_and_results_are_those_of_the_local_engine(root, cluster):
    node = cluster.add_node(num_cpus=2, object_store_memory=10**8)
    cluster.wait_for_nodes()
    params = params_with(RAY | {"train.epochs": 6, "execution.checkpoint_seconds": 0})
    specs = plan_all(params, ["PreAct"])
    store = root / "store"

    def kill_the_node():
        while not list(store.glob("*/checkpoints/epoch*")):
            time.sleep(0.02)
        cluster.remove_node(node, allow_graceful=False)

    killer = threading.Thread(target=kill_the_node)
    killer.start()
    filled = fill_store(specs, params, store)
    killer.join()
    assert filled.trained == len(specs) == 4
    assert filled.locked == ()
    assert all(len(list((store / spec.identity).glob("finished/*.json"))) == 1 for spec in specs)
    assert fill_store(specs, params, store).trained == 0
    local = params_with({"train.epochs": 6})
    fill_store(plan_all(local, ["PreAct"])[:1], local, root / "local")
    first = specs[0]
    by_ray, by_local = RunFolder(store, first).load(), RunFolder(root / "local", first).load()
    assert repr(by_ray.history) == repr(by_local.history)
    assert (by_ray.snapshots["last"].probabilities == by_local.snapshots["last"].probabilities).all()


@pytest.mark.filterwarnings("ignore")
def test_a_failing_run_is_named_and_the_others_are_kept(root, cluster):
    params = params_with(RAY | {"train.epochs": 1})
    specs = plan_all(params, ["PreAct"])
    scp = root / "data/features/spectrogram/savee.scp"
    whole = scp.read_text()
    scp.write_text("\n".join(whole.splitlines()[:-1]) + "\n")
    with pytest.raises(
        InputError, match=r"2 of 2 runs failed(?s:.*)savee\.scp has changed since the stage `inputs` described it"
    ):
        fill_store(specs[:2], params, root / "store")
    scp.write_text(whole)
    assert fill_store(specs[:2], params, root / "store").trained == 2


@pytest.mark.filterwarnings("ignore")
def test_a_gpu_that_the_cluster_does_not_have_is_refused(root, cluster):
    with pytest.raises(
        InputError, match=r"execution\.device is 'cuda', and the Ray cluster has no GPU; expected 'auto' or 'cpu'"
    ):
        RayWorkers(params_with(RAY | {"execution.device": "cuda"}), root / "store")


@pytest.mark.filterwarnings("ignore")
def test_a_node_without_the_repository_is_named(root, cluster, monkeypatch):
    params = params_with(RAY | {"train.epochs": 1})
    spec = plan_all(params, ["PreAct"])[0]
    monkeypatch.setattr(Path, "cwd", lambda: Path("/nowhere"))
    with pytest.raises(InputError, match=r"has no folder /nowhere .*every node of the cluster must see the repository"):
        fill_store([spec], params, root / "store")
    assert "has no folder /nowhere" in RunFolder(root / "store", spec).failure()


@pytest.mark.filterwarnings("ignore")
def test_as_many_runs_at_a_time_as_asked_for_and_a_warning_where_no_node_is_large_enough(root, cluster, capfd):
    workers = RayWorkers(params_with(RAY | {"execution.workers": 2, "train.threads": 64}), root / "store")
    assert "a run takes 64 CPUs, and no node of the Ray cluster has more than" in capfd.readouterr().err
    for spec in plan_all(params_with(), ["PreAct"])[:2]:
        assert workers.has_room()
        workers.start(spec)
    assert not workers.has_room()
    workers.stop()


def test_an_address_where_no_cluster_answers_is_refused_at_once(root, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(InputError, match=r"RAY_ADDRESS is 127\.0\.0\.1:1, and no Ray cluster answers there"):
        RayWorkers(params_with(RAY), root / "store")


def test_the_part_of_a_gpu_that_a_run_takes():
    def measured():
        return 20 << 30, 80 << 30

    def share(gpus, **changes):
        changes = {f"execution.{name}": value for name, value in ({"workers": "auto"} | changes).items()}
        return gpus_per_run(params_with(changes).execution, gpus, measured)

    assert share(8) == 1 / 3
    assert share(8, workers=8) == share(8, workers=3) == 1
    assert share(8, workers=9) == share(8, workers=16) == 1 / 2
    assert share(8, devices_per_run=2) == 2


def test_ray_chooses_the_gpus():
    assert [cluster_device("auto", 0), cluster_device("auto", 2), cluster_device("cuda", 2)] == ["cpu", "cuda", "cuda"]
    assert cluster_device("cpu", 2) == "cpu"
    with pytest.raises(InputError, match="'cuda:1', and Ray chooses the GPUs; expected 'auto', 'cpu' or 'cuda'"):
        cluster_device("cuda:1", 2)


def test_without_ray_the_message_says_how_to_install_it(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(
        InputError, match=r"Ray is not installed; `pip install '\.\[ray\]'` installs it; or set engine: local"
    ):
        RayWorkers(params_with(RAY), root / "store")
