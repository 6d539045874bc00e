"""Stage `check`: check the whole of params.yaml, and describe what the features of each front end depend on."""

import json
import shutil
from pathlib import Path

from pipeline.core.files import write_text
from pipeline.core.stage import run_stage
from pipeline.frontends.base import say_notices
from pipeline.frontends.registry import description
from pipeline.params import load_params


def main() -> None:
    """Write `data/frontends/<key>.json`."""
    params = load_params()
    folder = Path("data/frontends")
    shutil.rmtree(folder, ignore_errors=True)
    front_ends = {key: params.front_end(key) for key in params.frontends}
    for front_end in front_ends.values():
        front_end.refuse_if_not_installed()
    say_notices(front_ends.values())
    for key, front_end in front_ends.items():
        write_text(folder / f"{key}.json", json.dumps(description(front_end), indent=2) + "\n")


if __name__ == "__main__":
    run_stage("check", main, __doc__)
