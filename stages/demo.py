"""Demo: synthetic voices as six corpora, in the layouts and formats of the real ones."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import explained
from pipeline.demo.synthetic import demo_corpora, write_corpus


def main() -> None:
    """Write `demo/corpora/<key>` for all six corpora."""
    for key, corpus in demo_corpora().items():
        write_corpus(corpus, Path("demo/corpora") / key)
        print(f"demo: {len(corpus.takes)} recordings as {key}")


if __name__ == "__main__":
    with explained("demo"):
        main()
