"""Peak memory of the front end `ssl` on a long recording that is not cut into segments, with one thread.

The model is wav2vec 2.0 base (768 columns) with random weights, one transformer layer of twelve, and 128 instead of 512
channels after its first convolution, so that half an hour takes about a minute: memory is largest in the first
convolution, and depends on the window of 20 s. A recording of one window is encoded first, then the long one; noise,
16 kHz.

    python -m benchmarks.ssl_memory [--minutes 30]

The last line is JSON; `beyond_window` is what the long recording needs beyond one window, in MiB, of which `necessary`
are its samples and its matrix.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers

from pipeline.core.errors import explained
from pipeline.core.features import Utterance
from pipeline.core.limits import available_cores
from pipeline.core.source import refuse_other_code
from pipeline.features.segmentation import frames_of
from pipeline.frontends.ssl import Ssl, SslOptions

MIB = 2**20


def peak() -> float:
    """Largest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts KiB


def encode(front_end: Ssl, seconds: int) -> tuple[float, int]:
    """Seconds that the encoding of a recording takes, and the bytes of its samples and its matrix."""
    samples = np.random.default_rng(0).normal(scale=2000, size=seconds * 16_000 + 240).astype(np.float32)
    begin = time.perf_counter()
    (matrix,) = front_end.matrices(Utterance(samples, [(0, frames_of(len(samples)))]))
    taken = time.perf_counter() - begin
    if len(matrix) != seconds * 50:
        raise AssertionError(f"{len(matrix)} rows; expected {seconds * 50}")
    return taken, samples.nbytes + matrix.nbytes


def main(minutes: int) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        torch.manual_seed(0)
        config = transformers.Wav2Vec2Config(num_hidden_layers=1, conv_dim=(512, *(128,) * 6))
        transformers.utils.logging.disable_progress_bar()
        transformers.Wav2Vec2Model(config).save_pretrained(name)
        front_end = Ssl(SslOptions(kind="ssl", path=str(Path(name)), layer="last"))
        loaded = peak()
        encode(front_end, 20)
        window = peak()
        taken, necessary = encode(front_end, 60 * minutes)
    long = peak()
    print(f"loaded {loaded:6.0f} MiB, one window {window:6.0f} MiB, {minutes} minutes {long:6.0f} MiB")
    print(json.dumps({
        "peak_mib": {"loaded": round(loaded), "window": round(window), "long": round(long)},
        "beyond_window": round(long - window), "necessary": round(necessary / MIB), "minutes": minutes,
        "seconds": round(taken, 1), "times_real_time": round(60 * minutes / taken, 1),
        "threads": 1, "dtype": "float32", "cores": available_cores(), "machine": platform.machine(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    }))  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=30)
    arguments = parser.parse_args()
    with explained("ssl_memory"):
        refuse_other_code()
        main(arguments.minutes)
