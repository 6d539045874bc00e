"""Training steps of the paper's network: this pipeline against a plain implementation, side by side in one process.

The plain one is written as such networks usually are: fp32, NCHW, one `nn.Sequential` a branch, an autograd Function
for shaking, a `DataLoader` that splices, pads and collates. Both sides train on the same segments with the same number
of threads, Adam included, and take turns; the shortest time of each counts. First on segments of equal length (6.4 s),
then on a mix of lengths, of which the plain one pads every batch to its longest.

    python -m benchmarks.train_step [--segments 4] [--repeats 3] [--threads N] [--device cpu] [--model PreAct-Full]
                                    [--no-memory] [--minutes 5]

fp32 comes first. bf16 is left out where the processor can only emulate it. What does not fit into `--minutes` is made
shorter or left out, and said: the length of segments, further repeats, peak memory.

The last line is JSON. `ratio` is the plain time over ours on equal lengths in the faster precision (`dtype`),
`ratio_fp32` that in fp32, `ratio_with_padding` that on the mix;
`fraction_of_matmul` is the rate of ours against that of `torch.mm` in the same precision and threads (above 1 where its
library is slower than the convolutions': MKL in fp32 on AMD).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from pipeline.core.errors import explained
from pipeline.core.features import Shape
from pipeline.core.limits import available_cores
from pipeline.core.source import refuse_other_code
from pipeline.frontends.kaldi import BINS
from pipeline.models.families.resnext import FAMILY, ResNeXtParams
from pipeline.models.family import Design
from pipeline.models.layouts import LAYOUTS
from pipeline.models.options import Shaking
from pipeline.params import Params, load_params
from pipeline.runs.worker import keep_freed_memory
from pipeline.training.batches import PRECISIONS, SegmentBank, make_bank
from pipeline.training.device import device_name, multiplies_bf16, resolve_device
from pipeline.training.loop import train_epoch
from pipeline.training.order import SMALLEST_BATCH
from pipeline.training.speech import SpeechTask
from pipeline.training.state import start_run

FRAMES = 640  # spectrogram frames of a segment of 6.4 s
MIX = (160, 640)  # frames; uniform between these: 4.0 s in the mean, about that of the paper's 6803 segments
PROBE, ROUND = 64, 0.12  # frames of the first, short segments, and share of the time that one round of steps may take
CLASSES = 4
BATCH = 8  # segments a batch in the paper, for memory
SEGMENTS, RUNS, EPOCHS, FOLDS = 6803, 264, 1000, 4  # the paper's


class Shake(torch.autograd.Function):
    """Two branches mixed by one number a frame; another number in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x1: Tensor, x2: Tensor) -> Tensor:
        alpha = torch.rand(x1.size(0), 1, 1, 1, device=x1.device)
        return alpha * x1 + (1 - alpha) * x2

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        beta = torch.rand(grad.size(0), 1, 1, 1, device=grad.device)
        return beta * grad, (1 - beta) * grad


class PlainBlock(nn.Module):
    """A block of Table 5; `operations` as in Figure 2."""

    def __init__(self, operations: tuple[str, ...], cin: int, cout: int, first: bool, relu: bool, shake: bool) -> None:
        super().__init__()
        self.branch1 = self._branch(operations, cin, cout)
        self.branch2 = self._branch(operations, cin, cout)
        self.shortcut = nn.Conv2d(cin, cout, 1) if first else nn.Identity()
        self.relu, self.shake = relu, shake

    @staticmethod
    def _branch(operations: tuple[str, ...], cin: int, cout: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        padding = (1, 8)
        for operation in operations:
            if operation == "Conv":
                layers.append(nn.Conv2d(cin, cout, (2, 16), padding=padding))
                cin, padding = cout, (0, 7)
            else:
                layers.append(nn.BatchNorm2d(cin) if operation == "BN" else nn.ReLU())
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        x1, x2 = self.branch1(x), self.branch2(x)
        mixed = Shake.apply(x1, x2) if self.shake and self.training else (x1 + x2) / 2
        out = mixed + self.shortcut(x)
        return F.relu(out) if self.relu else out


class PlainNetwork(nn.Module):
    """ResNeXt(12, 2x8d) on padded batches (segments, frames, 16, 257)."""

    def __init__(self, model: ResNeXtParams) -> None:
        super().__init__()
        layout, shake = LAYOUTS[model.layout], model.shake is not None
        self.prelim = nn.Conv2d(1, 4, (2, 16), padding=(0, 7))
        blocks, cin = [], 4
        for width, depth in ((8, 3), (16, 1), (32, 1)):
            for position in range(depth):
                block = PlainBlock(layout.operations, cin, width, position == 0, layout.relu_after_addition, shake)
                blocks.append(block)
                cin = width
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm1d(256, affine=False) if layout.standardise else nn.Identity()
        self.dropout = nn.Dropout(0.5)
        self.affine = nn.Linear(256, CLASSES, bias=False)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        hidden = self.blocks(self.prelim(x.flatten(0, 1).unsqueeze(1)))
        pooled = F.adaptive_avg_pool2d(hidden, (1, 8)).flatten(1).unflatten(0, x.shape[:2])
        real = (torch.arange(x.shape[1], device=x.device) < lengths[:, None]).unsqueeze(2)
        mean = (pooled * real).sum(1) / lengths[:, None]
        return self.affine(self.dropout(self.norm(mean)))


class Segments(Dataset):
    """Spliced segments, one at a time."""

    def __init__(self, matrices: list[np.ndarray]) -> None:
        self.matrices = matrices

    def __len__(self) -> int:
        return len(self.matrices)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        padded = np.pad(self.matrices[index], ((10, 5), (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 16, axis=0)[::8].transpose(0, 2, 1)
        return torch.from_numpy(np.ascontiguousarray(windows)), index % CLASSES


def collate(items: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
    segments, emotions = zip(*items, strict=True)
    lengths = torch.tensor([len(segment) for segment in segments])
    return nn.utils.rnn.pad_sequence(list(segments), batch_first=True), lengths, torch.tensor(emotions)


def plain_epoch(network: PlainNetwork, optimiser: torch.optim.Optimizer, loader: DataLoader, device: str) -> None:
    network.train()
    weights = torch.ones(CLASSES, device=device)
    for x, lengths, emotions in loader:
        loss = F.cross_entropy(network(x.to(device), lengths.to(device)), emotions.to(device), weight=weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()


def plain_task(matrices: list[np.ndarray], batch: int, model: ResNeXtParams, device: str) -> Callable[[], None]:
    torch.manual_seed(0)
    network = PlainNetwork(model).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    loader = DataLoader(Segments(matrices), batch_size=batch, collate_fn=collate)
    return lambda: plain_epoch(network, optimiser, loader, device)


def bank_of(matrices: list[np.ndarray], precision: str, device: str) -> SegmentBank:
    emotions = [index % CLASSES for index in range(len(matrices))]
    return make_bank(
        matrices, emotions, left=10, right=5, every=8, device=torch.device(device), dtype=PRECISIONS[precision]
    )


def our_tasks(
    matrices: list[np.ndarray], batch: int, params: Params, model: ResNeXtParams, precision: str, device: str
) -> tuple[Callable[[], object], Callable[[], object]]:
    """One epoch of training, and one of scoring."""
    design = Design(model, params.network, params.features, CLASSES, Shape(BINS, frequency_axis=True))
    recipe = params.train.model_copy(update={"batch_segments": batch, "learning_rate": 1e-3}).recipe
    state = start_run(FAMILY.build(design, 0), recipe, (0, 1), torch.device(device))
    segments = torch.arange(len(matrices), device=device)
    task = SpeechTask(bank_of(matrices, precision, device), segments, segments, CLASSES, batch)
    return lambda: train_epoch(state, task, recipe), lambda: task.score_valid(state.network)


def seconds(task: Callable[[], object], device: str) -> float:
    begin = time.perf_counter()
    task()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def take_turns(
    tasks: dict[str, Callable[[], object]], repeats: int, device: str, until: float = float("inf")
) -> dict[str, float]:
    """Least seconds of each task; one round of all of them warms up, and counts if there is no time for another."""
    least: dict[str, float] = {}
    for turn in range(repeats + 1):
        begin = time.monotonic()
        taken = {name: seconds(task, device) for name, task in tasks.items()}
        least = taken if turn < 2 else {name: min(least[name], taken[name]) for name in tasks}
        if turn < repeats and 2 * time.monotonic() - begin > until:
            print(f"no time for more than {turn} of {repeats} repeats of {', '.join(tasks)}", flush=True)
            break
    return least


def matmul_rate(precision: str, device: str) -> float:
    """Operations per second of the best of three sizes of matrix product."""
    best = 0.0
    for size in (1024, 2048, 4096) if device == "cpu" else (4096, 8192):
        a = torch.randn(size, size, device=device).to(PRECISIONS[precision])
        least = take_turns({"product": lambda a=a: a @ a}, 3, device)["product"]
        best = max(best, 2 * size**3 / least)
    return best


def operations(model: ResNeXtParams, frames: int) -> float:
    """Floating point operations of the convolutions and products of one training step on `frames` model frames."""
    network = PlainNetwork(model).to("meta")
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(2, frames // 2, 16, BINS, device="meta"), torch.ones(2, device="meta")).sum().backward()
    return counter.get_total_flops()


def peak_memory(params: Params, layout: str, precision: str, device: str, threads: int, result: Any) -> None:
    """Send to `result` the largest memory in bytes that training on a batch of the paper takes.

    On a GPU it is what PyTorch allocated there; on a CPU that of the whole process, with libraries.
    """
    torch.set_num_threads(threads)
    model = ResNeXtParams(label=layout, layout=layout, shake=Shaking(bands=1))
    random = np.random.default_rng(0)
    matrices = [random.standard_normal((FRAMES, BINS), dtype=np.float32) for _ in range(BATCH)]
    train, _ = our_tasks(matrices, BATCH, params, model, precision, device)
    train()
    result.send(peak_of_process() if device == "cpu" else torch.cuda.max_memory_allocated())


def peak_of_process() -> int:
    """Bytes; not `getrusage`, whose peak a process inherits from the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def memory_table(
    params: Params, precisions: Sequence[str], device: str, threads: int, until: float
) -> dict[str, float]:
    """GiB by layout and precision, each in a process of its own, as far as there is time."""
    context = multiprocessing.get_context("spawn")
    table: dict[str, float] = {}
    longest = 0.0
    for precision in precisions:
        for layout in ("PreAct", "PreActBN", "RPreAct", "PostAct", "BN-Shake"):
            begin = time.monotonic()
            if begin + longest > until:
                print(f"no time for the memory of {layout} {precision}", flush=True)
                continue
            ours, theirs = context.Pipe()
            process = context.Process(target=peak_memory, args=(params, layout, precision, device, threads, theirs))
            process.start()
            table[f"{layout} {precision}"] = round(ours.recv() / 2**30, 2)
            process.join()
            longest = max(longest, time.monotonic() - begin)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=4, help=f"a batch, at least {SMALLEST_BATCH}; the paper: 8")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--device", default="auto")
    parser.add_argument("--model", default="PreAct-Full", help="a key of params.paper.yaml")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--minutes", type=float, default=5.0, help="what begins later than would fit is left out")
    arguments = parser.parse_args()
    if arguments.segments < SMALLEST_BATCH:
        parser.error(
            f"--segments is {arguments.segments}; expected at least {SMALLEST_BATCH}: the pipeline joins a last batch "
            "of fewer to the one before it, and the plain side does not"
        )
    start = time.monotonic()
    equal_until, mix_until, until = (start + 60 * arguments.minutes * share for share in (0.45, 0.75, 0.9))
    device = str(resolve_device(arguments.device))
    precisions = [name for name in PRECISIONS if name == "fp32" or multiplies_bf16(torch.device(device))]
    if len(precisions) < len(PRECISIONS):
        print("bf16 is left out: this processor has no bf16 instructions and would emulate them", flush=True)
    batch = arguments.segments
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    params = load_params(Path(__file__).parent.parent / "params.paper.yaml")
    params = params.model_copy(update={"train": params.train.model_copy(update={"threads": arguments.threads})})
    model = params.models[arguments.model]
    random = np.random.default_rng(0)

    def all_tasks(matrices: list[np.ndarray]) -> dict[str, Callable[[], object]]:
        tasks: dict[str, Callable[[], object]] = {"plain": plain_task(matrices, batch, model, device)}
        for precision in precisions:
            tasks[precision], tasks[f"score {precision}"] = our_tasks(matrices, batch, params, model, precision, device)
        return tasks

    probe = [random.standard_normal((PROBE, BINS), dtype=np.float32) for _ in range(batch)]
    a_row = sum(take_turns(all_tasks(probe), 1, device).values()) / PROBE
    length = max(PROBE, min(FRAMES, int(ROUND * 60 * arguments.minutes / a_row)))
    if length < FRAMES:
        print(f"segments of {length / 100:.1f} s instead of {FRAMES / 100} s, to end in time", flush=True)
    equal = [random.standard_normal((length, BINS), dtype=np.float32) for _ in range(batch)]
    lengths = (np.linspace(*MIX, 2 * batch) * length / FRAMES).astype(int)
    mixed = [random.standard_normal((rows, BINS), dtype=np.float32) for rows in random.permutation(lengths)]
    least = take_turns(all_tasks(equal), arguments.repeats, device, equal_until)
    mix = take_turns(
        {
            "plain": plain_task(mixed, batch, model, device),
            **{precision: our_tasks(mixed, batch, params, model, precision, device)[0] for precision in precisions},
        },
        arguments.repeats,
        device,
        mix_until,
    )
    frames = batch * -(-length // 8)
    work = operations(model, frames)
    rates = {precision: matmul_rate(precision, device) for precision in precisions}
    fractions = {precision: work / least[precision] / rates[precision] for precision in precisions}

    machine = device_name(torch.device(device))
    print(f"{machine}, {arguments.threads} threads, {arguments.model}, {batch} x {length / 100:.1f} s a batch")
    print(f"{'':24}ms a model frame   ratio   of matmul")
    print(f"{'plain, fp32 NCHW':24}{least['plain'] / frames * 1e3:16.2f}{1:8.2f}")
    for precision in precisions:
        print(
            f"{f'this pipeline, {precision}':24}{least[precision] / frames * 1e3:16.2f}"
            f"{least['plain'] / least[precision]:8.2f}{fractions[precision]:12.2f}"
        )
        print(f"{f'  scoring, {precision}':24}{least[f'score {precision}'] / frames * 1e3:16.2f}")
    memory = {} if arguments.no_memory else memory_table(params, precisions, device, arguments.threads, until)
    for name, size in memory.items():
        print(f"peak memory of training on {BATCH} x 6.4 s, shaken {name}: {size} GiB")

    fastest = min(precisions, key=least.__getitem__)
    # An epoch trains on three folds and scores the fourth.
    per_frame = {name: taken / frames for name, taken in least.items()}
    epoch_frames = SEGMENTS * sum(MIX) / 2 / 8
    epoch = epoch_frames * (per_frame[fastest] * (FOLDS - 1) + per_frame[f"score {fastest}"]) / FOLDS
    print(
        json.dumps(
            {
                "ratio": round(least["plain"] / least[fastest], 2),
                "ratio_fp32": round(least["plain"] / least["fp32"], 2),
                "ratio_with_padding": round(mix["plain"] / mix[fastest], 2),
                "fraction_of_matmul": round(fractions[fastest], 2),
                "fraction_of_matmul_fp32": round(fractions["fp32"], 2),
                "matmul_gflops": {name: round(value / 1e9) for name, value in rates.items()},
                "frames_per_second": round(frames / least[fastest], 1),
                "frames_per_second_fp32": round(frames / least["fp32"], 1),
                "frames_per_second_plain": round(frames / least["plain"], 1),
                "dtype": fastest,
                "model": arguments.model,
                "batch_segments": batch,
                "segment_seconds": length / 100,
                "repeats": arguments.repeats,
                "peak_memory_gib": memory,
                "paper_grid_hours": round(RUNS * EPOCHS * epoch / 3600),
                "device": machine,
                "bf16_instructions": multiplies_bf16(torch.device(device)),
                "threads": arguments.threads,
                "versions": {"python": platform.python_version(), "torch": torch.__version__},
            }
        )
    )


if __name__ == "__main__":
    with explained("train_step"):
        refuse_other_code()
        main()
