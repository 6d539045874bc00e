"""A batch that processes share has the loss, gradients and statistics of the whole, in float64 to the last digits."""

import pytest
import torch
import torch.distributed as dist
from torch.nn import functional as F

from pipeline.core.workers import start_method
from pipeline.models.collective import gathered, places, processes, rank, sum_gradients, summed
from pipeline.models.resnext import build_network
from pipeline.models.shaking import Shaking

COUNTS = (3, 5, 2, 4, 6, 3)  # model frames of each segment
EMOTIONS = torch.tensor([0, 1, 2, 0, 1, 2])
WEIGHTS = torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64)


def step(shaking, layout, segments):
    """Loss, scores, gradients and running statistics of a step on some of the segments, with those of other processes."""
    network = build_network(
        layout, kernel=(2, 4), widths=(2, 4), blocks=(2,), branches=2, num_classes=3, frame_shape=(4, 24),
        dropout=0.3, gamma0=0.7, shaking=shaking, seed=1,
    ).double()  # fmt: skip
    frames = torch.randn(sum(COUNTS), 1, 4, 24, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    chosen = [frames.split(COUNTS)[index] for index in segments]
    mine = torch.cat([frames[:0], *chosen])
    segment_of_frame = torch.repeat_interleave(
        torch.arange(len(segments)), torch.tensor([len(x) for x in chosen]).long()
    )
    scores = network(mine, segment_of_frame, len(segments), torch.Generator().manual_seed(3))
    target = EMOTIONS[segments]
    loss = F.cross_entropy(scores, target, weight=WEIGHTS, reduction="sum")
    (loss / summed(WEIGHTS[target].sum())).backward()
    sum_gradients(list(network.parameters()))
    return {
        "loss": summed(loss.detach()),
        "scores": gathered(scores),
        **{f"gradient {name}": parameter.grad for name, parameter in network.named_parameters()},
        **dict(network.named_buffers()),
    }


def work(number, total, meeting, results, shaking, layout):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=number, world_size=total)
    assert (rank(), processes()) == (number, total)
    first, all_rows = (lambda place: (place.first, place.total))(places((number + 1,), torch.device("cpu"))[0])
    assert (first, all_rows) == (sum(range(1, number + 1)), sum(range(1, total + 1)))
    outcome = step(shaking, layout, torch.tensor_split(torch.arange(len(COUNTS)), total)[number])
    torch.save(outcome, f"{results}/{number}.pt")
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("total", "shaking", "layout"),
    [
        (2, Shaking(bands=2), "PreActBN"), (3, Shaking(level="segment"), "PreAct"), (2, Shaking(level="batch"), "PostAct"),
        (2, None, "RPreAct"),
    ],
)  # fmt: skip
def test_a_step_over_processes_is_that_of_one(tmp_path, total, shaking, layout):
    alone = step(shaking, layout, torch.arange(len(COUNTS)))
    context = start_method()
    arguments = (total, f"file://{tmp_path}/meeting", str(tmp_path), shaking, layout)
    team = [context.Process(target=work, args=(number, *arguments)) for number in range(total)]
    for process in team:
        process.start()
    for process in team:
        process.join()
    assert [process.exitcode for process in team] == [0] * total
    for number in range(total):
        shared = torch.load(tmp_path / f"{number}.pt", weights_only=True)
        assert shared.keys() == alone.keys()
        for name, expected in alone.items():
            torch.testing.assert_close(shared[name], expected, rtol=1e-9, atol=1e-11, msg=name)


def test_alone_everything_is_itself():
    rows = torch.randn(3, 2, requires_grad=True)
    assert (processes(), rank()) == (1, 0)
    assert summed(rows) is rows
    assert gathered(rows) is rows
    assert [(place.first, place.total) for place in places((3, 7), rows.device)] == [(0, 3), (0, 7)]
