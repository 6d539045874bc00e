"""One self-contained HTML page: what was trained on what, and all tables."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.reporting.experiment import Experiment
from pipeline.reporting.performance import EPOCHS, headline_first
from pipeline.reporting.setting import (
    corpus_label,
    count_actors,
    differences_from_paper,
    environments,
    incomplete,
    trained_on,
)
from pipeline.reporting.table import Table, fixed


def render_page(experiment: Experiment, tables: Sequence[Table]) -> str:
    """The page as HTML; labels and keys are escaped, and nothing is fetched from anywhere."""
    environment = Environment(
        loader=PackageLoader("pipeline.reporting", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    params, selection = experiment.params, experiment.params.report.selection
    scores = {model: experiment.score(model, selection) for model in params.models}
    return environment.get_template("report.html.jinja").render(
        summary=(trained_on(experiment), differences_from_paper(experiment)),
        warnings=(
            *incomplete(experiment, params.models),
            *environments(experiment.details, params.models),
        ),
        corpora=[
            {
                "label": corpus_label(params, key),
                "path": corpus.path,
                "actors": len(set(segments["actor"])),
                "segments": len(segments),
            }
            for key, corpus in params.corpora.items()
            for segments in [experiment.segments[experiment.segments["corpus"] == key]]
        ],
        actors=count_actors(experiment),
        epoch=EPOCHS[selection].lower(),
        models=[
            {
                "label": params.models[model].label,
                "layout": params.models[model].layout,
                "ua": fixed(score.valid_ua),
                "gap": fixed(score.gap),
                "status": score.status,
                "runs": score.runs,
            }
            for model, score in sorted(scores.items(), key=lambda item: -(item[1].valid_ua or 0))
        ],
        selections=headline_first(experiment),
        tables=tables,
    )
