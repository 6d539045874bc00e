"""A batch that processes share has the scores and gradients of the whole, also where a process has no segment of it."""

import torch
import torch.distributed as dist

from pipeline.core.features import Shape
from pipeline.core.workers import start_method
from pipeline.models.base import Batch
from pipeline.models.collective import gathered, sum_gradients
from pipeline.models.framewise import build_framewise

COUNTS = (3, 9, 1, 20, 6)


def steps(number, total):
    """Scores, gradients and running statistics of steps on five segments and on one, on this process's share."""
    outcome = {}
    for lstm in (0, 3):
        for segments in (5, 1):
            network = build_framewise(
                Shape(8, frequency_axis=True), 3, every=1, channels=(2, 3), halvings=1, lstm=lstm, hidden=4,
                pooling="attention", mlp=(4,), dropout=0.3, seed=1,
            ).double()  # fmt: skip
            counts = COUNTS[:segments]
            frames = torch.randn(sum(counts), 1, 1, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
            mine = torch.tensor_split(torch.arange(segments), total)[number].tolist()
            parts = [frames.split(counts)[index] for index in mine]
            segment_of_frame = torch.repeat_interleave(torch.tensor([len(part) for part in parts], dtype=torch.int64))
            batch = Batch(torch.cat([frames[:0], *parts]), segment_of_frame, torch.zeros(len(mine), dtype=torch.int64))
            scores = network.scores(batch, torch.Generator().manual_seed(3))
            scores.square().sum().backward()
            sum_gradients(list(network.parameters()))
            outcome[f"{lstm} {segments} scores"] = gathered(scores)
            outcome |= {f"{lstm} {segments} {name}": one.grad for name, one in network.named_parameters()}
            outcome |= {f"{lstm} {segments} {name}": one for name, one in network.named_buffers()}
    return outcome


def work(number, total, meeting, results):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=number, world_size=total)
    torch.save(steps(number, total), f"{results}/{number}.pt")
    dist.destroy_process_group()


def test_a_step_over_processes_is_that_of_one(tmp_path):
    alone = steps(0, 1)
    context = start_method()
    team = [context.Process(target=work, args=(n, 2, f"file://{tmp_path}/meeting", str(tmp_path))) for n in range(2)]
    for process in team:
        process.start()
    for process in team:
        process.join()
    assert [process.exitcode for process in team] == [0, 0]
    for number in range(2):
        shared = torch.load(tmp_path / f"{number}.pt", weights_only=True)
        assert shared.keys() == alone.keys()
        for name, expected in alone.items():
            torch.testing.assert_close(shared[name], expected, rtol=1e-9, atol=1e-11, msg=name)
