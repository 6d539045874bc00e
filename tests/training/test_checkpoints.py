import pytest
import torch
from torch import nn

from pipeline.training.checkpoints import load_checkpoint, save_checkpoint
from pipeline.training.state import Epoch, start_run, take_snapshot
from tests.helpers.training import adam

CPU = torch.device("cpu")


class Fitted(nn.Module):
    """No parameters, so that there is no optimiser."""

    def __init__(self, value):
        super().__init__()
        self.register_buffer("centres", torch.full((2, 3), value))


def fresh(value=0.0, network=Fitted):
    return start_run(network(value), adam(1, 0.1), (1, 2), CPU)


def test_a_state_without_optimiser_comes_back_whole(tmp_path):
    state = fresh(7.0)
    assert state.optimiser is None
    state.history.append(Epoch(1, 0.5, 60.0, 0.5, 60.0, 0.7, float(50)))
    state.best = state.last = take_snapshot(state, 1, torch.tensor([[0.25, 0.75]]))
    state.note_machine("a CPU")
    torch.rand(3, generator=state.order)
    save_checkpoint(state, tmp_path, keep=())
    again = fresh()
    assert load_checkpoint(again, tmp_path, 1) == 1
    assert again.optimiser is None
    assert torch.equal(again.network.centres, state.network.centres)
    assert (again.history, again.machines, again.diverged_epoch) == (state.history, ["a CPU"], None)
    for name, snapshot in state.snapshots.items():
        assert again.snapshots[name].epoch == 1
        assert torch.equal(again.snapshots[name].weights["centres"], snapshot.weights["centres"])
        assert torch.equal(again.snapshots[name].probabilities, snapshot.probabilities)
    assert torch.equal(torch.rand(3, generator=again.order), torch.rand(3, generator=state.order))
    assert torch.equal(torch.rand(3, generator=again.noise), torch.rand(3, generator=state.noise))


@pytest.mark.parametrize("network", [Fitted, lambda value: nn.Linear(2, 2)], ids=["without optimiser", "with"])
def test_the_notes_of_a_task_come_back_with_their_digits(tmp_path, network):
    state = fresh(0.0, network)
    state.history.append(Epoch(1, 0.5, 60.0, 0.5, 60.0, 0.7, 50.0))
    state.notes = {"distance": [0.1, 1 / 3], "none": []}
    save_checkpoint(state, tmp_path, keep=())
    again = fresh(0.0, network)
    load_checkpoint(again, tmp_path, 5)
    assert again.notes == state.notes
