"""The commands of `python -m pipeline`: one module each, with `add_arguments` and `run`, named as the command.

Modules that take long to import (torch, pandera) are imported where they are used, so that help is printed at once.
"""

from pipeline.commands import (
    audit,
    check,
    corpora,
    estimate,
    export,
    grid,
    init,
    predict,
    runs,
    summary,
    timeline,
    track,
)

ALL = (init, check, corpora, audit, summary, estimate, grid, runs, predict, timeline, export, track)
