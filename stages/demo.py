"""Stage `demo`: six corpora of synthetic voices, in the layouts and formats of the real ones."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.stage import run_stage
from pipeline.demo.synthetic import demo_corpora, write_corpus


def main() -> None:
    """Write `demo/corpora/<key>` for all six corpora."""
    for key, corpus in demo_corpora().items():
        write_corpus(corpus, Path("demo/corpora") / key)
        print(f"demo: {len(corpus.takes)} recordings in {key}")


if __name__ == "__main__":
    run_stage("demo", main, __doc__)
