"""Seconds for an hour of audio, one recording after the other: our front ends against torchaudio's and openSMILE's.

Both sides use one thread, the same recordings in memory (noise with the lengths of emotional speech, 16 kHz) and take
turns. Log-mel bands and cepstra with differences stand beside loops over `torchaudio.compliance.kaldi`, functionals
beside the `eGeMAPSv02` functionals of openSMILE, which are 88 other numbers: the ratio is that of two ways to a row a
segment, not of two implementations of one. Decoding is left out.

    python -m benchmarks.frontends [--recordings 60] [--repeats 3]

openSMILE is left out where it is not installed (`pip install opensmile`). The last line is JSON; each of `ratios` is
the other side's time over ours.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torchaudio
from numpy.typing import NDArray

from pipeline.audio.frames import SAMPLE_RATE
from pipeline.core.errors import explained
from pipeline.core.features import Utterance
from pipeline.core.limits import available_cores
from pipeline.core.source import refuse_other_code
from pipeline.features.segmentation import frames_of
from pipeline.frontends.registry import front_end_of

KALDI = {"dither": 0.0, "energy_floor": 0.0}
LOGMEL = {"kind": "logmel"}
RAW = {"kind": "spectrogram", "cmvn": "none"}

Task = Callable[[Utterance], object]


def recordings(number: int) -> list[Utterance]:
    random = np.random.default_rng(0)
    sizes = (random.uniform(1.5, 6.4, number) * SAMPLE_RATE).astype(int)
    return [
        Utterance(random.normal(scale=3000, size=size).round().astype(np.float32), [(0, frames_of(size))])
        for size in sizes
    ]


def ours(**described: Any) -> Task:
    return front_end_of(described).matrices


def their_fbank(utterance: Utterance) -> torch.Tensor:
    return torchaudio.compliance.kaldi.fbank(torch.from_numpy(utterance.samples)[None], num_mel_bins=64, **KALDI)


def their_mfcc(utterance: Utterance) -> torch.Tensor:
    samples = torch.from_numpy(utterance.samples)[None]
    static = torchaudio.compliance.kaldi.mfcc(samples, use_energy=True, **KALDI).T
    first = torchaudio.functional.compute_deltas(static, mode="replicate")
    return torch.cat([static, first, torchaudio.functional.compute_deltas(first, mode="replicate")])


def their_functionals() -> dict[str, Task]:
    if find_spec("opensmile") is None:
        print("openSMILE is not installed and is left out; `pip install opensmile` installs it")
        return {}
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals, num_workers=1)

    def egemaps(utterance: Utterance) -> NDArray[np.float32]:
        values: NDArray[np.float32] = smile.process_signal(utterance.samples / 32768, SAMPLE_RATE).to_numpy()
        return values

    return {"opensmile eGeMAPSv02": egemaps}


def seconds(task: Task, utterances: Sequence[Utterance]) -> float:
    begin = time.perf_counter()
    for utterance in utterances:
        task(utterance)
    return time.perf_counter() - begin


def main(number: int, repeats: int) -> None:
    torch.set_num_threads(1)
    utterances = recordings(number)
    hours = sum(len(utterance.samples) for utterance in utterances) / SAMPLE_RATE / 3600
    tasks: dict[str, Task] = {
        "logmel": ours(**LOGMEL),
        "torchaudio fbank": their_fbank,
        "mfcc": ours(kind="mfcc"),
        "torchaudio mfcc": their_mfcc,
        "functionals of logmel": ours(kind="functionals", of=LOGMEL),
        "functionals of spectrogram": ours(kind="functionals", of=RAW),
        **their_functionals(),
    }
    measured = dict.fromkeys(tasks, float("inf"))
    for task in tasks.values():
        task(utterances[0])
    for _ in range(repeats):
        for name, task in tasks.items():
            measured[name] = min(measured[name], seconds(task, utterances))
    for name, taken in measured.items():
        print(f"{name:27} {taken / hours:8.2f} s for an hour of audio")
    pairs = [
        ("logmel", "torchaudio fbank"),
        ("mfcc", "torchaudio mfcc"),
        ("functionals of logmel", "opensmile eGeMAPSv02"),
        ("functionals of spectrogram", "opensmile eGeMAPSv02"),
    ]
    print(json.dumps({
        "ratios": {
            f"{other} / {own}": round(measured[other] / measured[own], 2) for own, other in pairs if other in measured
        },
        "seconds_per_hour": {name: round(taken / hours, 3) for name, taken in measured.items()},
        "recordings": number, "hours": round(hours, 4), "repeats": repeats,
        "threads": 1, "cores": available_cores(), "machine": platform.machine(),
        "versions": {"torch": torch.__version__, "torchaudio": torchaudio.__version__, "numpy": np.__version__},
    }))  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with explained("frontends"):
        refuse_other_code()
        main(arguments.recordings, arguments.repeats)
