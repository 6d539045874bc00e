"""One self-contained HTML page: for a person in a hurry first, then everything."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from ruamel.yaml import YAML

from pipeline.core.wording import counted
from pipeline.evaluation.hypotheses import all_claims
from pipeline.params import Params
from pipeline.reporting.experiment import Experiment
from pipeline.reporting.page.inline import inlined
from pipeline.reporting.page.inputs import PageFigure
from pipeline.reporting.selections import EPOCHS
from pipeline.reporting.setting import (
    corpus_label,
    count_actors,
    environments,
    incomplete,
    setting_differences,
    setting_summary,
)
from pipeline.reporting.tables.table import EMPTY, Cell, Column, Part, Table, fixed, listed, signed
from pipeline.reporting.verdicts import Verdict, verdicts


@dataclass(frozen=True)
class _Grid:
    """A table for the page: cells as they are read, and as they are sorted."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Mapping[str, str]]]
    title: str = ""
    notes: Sequence[str] = ()


def render_page(
    experiment: Experiment,
    tables: Sequence[Table],
    figures: Sequence[PageFigure] = (),
    hashes: Mapping[str, str] | None = None,
) -> str:
    """The page as HTML; labels and keys are escaped, and nothing is fetched from anywhere.

    Args:
        experiment: everything.
        tables: as `build_tables` made them.
        figures: in the order of the page.
        hashes: SHA-256 of the data that was trained on, by name.
    """
    environment = Environment(
        loader=PackageLoader("pipeline.reporting.page", "assets"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    script, style = (files("pipeline.reporting.page").joinpath("assets", name).read_text("utf-8")
                     for name in ("report.js", "report.css"))  # fmt: skip
    params, selection = experiment.params, experiment.params.report.selection
    claims = verdicts(experiment, all_claims(params.report.tables), selection)
    reach = _reach(claims, params.report.rope)
    common = _common_notes(tables)
    return environment.get_template("report.html.jinja").render(
        policy=_policy(script),
        style=Markup(style),  # noqa: S704  # our own files
        script=Markup(script),  # noqa: S704
        lead=_lead(experiment),
        facts=_facts(experiment),
        setting={"summary": setting_summary(experiment), "differences": setting_differences(experiment)},
        warnings=(*incomplete(experiment, params.models), *environments(experiment.details, params.models)),
        claims=[_claim(one, reach, params.report.rope) for one in claims if one.outcome != "untested"],
        untested=[one for one in claims if one.outcome == "untested"],
        claims_note=(
            f"At the {EPOCHS[selection].lower()}. A claim stands when the corrected test, which holds its level, gives "
            "p < 0.05. Those of the paper's tables were named before any result was seen. The bar is a 95 % interval: "
            "of UA, were these networks heard on other actors (how training varies is in the test, not in the bar); of "
            "Gap, that of the corrected test over all pairs. The grey band is what counts as equal, within "
            f"{counted_points(params.report.rope)}."
        ),
        models=_models(experiment),
        models_note=(
            f"At the {EPOCHS[selection].lower()}, means over runs, best first. Chance is "
            f"{100 / len(params.classes):.0f} %."
        ),
        data=_data(experiment),
        figures=[
            {
                "key": f"figure-{one.key}", "title": one.title, "caption": one.caption,
                "svg": Markup(inlined(one.svg, one.key, one.title, one.alt)),  # noqa: S704  # drawn by the pipeline
            }
            for one in figures
        ],
        tables=[_page_table(table, common) for table in tables],
        common=common,
        commands=_COMMANDS,
        machines=_machines(experiment),
        hashes=_plain_grid(("Data", "SHA-256"), (hashes or {}).items()),
        identities=_identities(experiment),
        params=_params_text(params),
    )  # fmt: skip


_COMMANDS = """make .venv/installed   # once
. .venv/bin/activate
dvc repro              # recordings to this page; trains only what is missing
dvc metrics diff       # its numbers against those of the last commit
dvc plots diff         # and its figures"""


def counted_points(points: float) -> str:
    """`1 point`, `0.5 points`."""
    return f"{points:g} point{'' if points == 1 else 's'}"


def _policy(script: str) -> str:
    """A Content-Security-Policy under which the page shows itself and can fetch nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _lead(experiment: Experiment) -> str:
    """What was trained on what, in one sentence."""
    params = experiment.params
    corpora = listed(corpus_label(params, corpus) for corpus in params.corpora)
    emotions = listed(params.classes)
    trained = counted(len(experiment.trained), "model") if experiment.trained else "No model"
    verb = "was" if len(experiment.trained) < 2 else "were"
    return (
        f"{trained.capitalize()} {verb} trained to tell {emotions} apart, on "
        f"{counted(len(experiment.segments), 'segment')} of {counted(count_actors(experiment), 'actor')} from "
        f"{corpora}; each is validated on actors that it never heard."
    )


def _facts(experiment: Experiment) -> list[dict[str, str]]:
    """The numbers on top: the best model, its Gap, the runs, the data."""
    params, selection = experiment.params, experiment.params.report.selection
    scores = [(model, experiment.score(model, selection)) for model in experiment.trained]
    scored = [(model, score) for model, score in scores if score.valid_ua is not None]
    facts = []
    if scored:
        best, score = max(scored, key=lambda one: one[1].valid_ua or 0)
        facts.append({
            "name": f"Best model: {experiment.label(best)}",
            "value": f"{score.valid_ua:.1f} %",
            "detail": f"validation UA{_interval(score.low, score.high)}; chance is {100 / len(params.classes):.0f} %",
        })  # fmt: skip
        if score.gap is not None:
            facts.append({
                "name": "Its Gap", "value": signed(score.gap),
                "detail": f"points of training UA ({experiment.gap_mode}) above validation UA",
            })  # fmt: skip
    folds, seeds = params.train.folds, params.train.seeds
    facts.append({
        "name": "Runs a model", "value": str(len(folds) * len(seeds)),
        "detail": f"{counted(len(folds), 'fold')} × {counted(len(seeds), 'seed')}, "
                  f"{counted(params.train.epochs, 'epoch')} each",
    })  # fmt: skip
    facts.append({
        "name": "Data", "value": f"{len(experiment.segments):,}",
        "detail": f"segments of {count_actors(experiment)} actors, "
                  f"{len(params.corpora)} corp{'us' if len(params.corpora) == 1 else 'ora'}",
    })  # fmt: skip
    return facts


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f", 95 % interval {low:.1f} to {high:.1f}"


def _reach(claims: Iterable[Verdict], rope: float) -> float:
    """Points from the middle to an end of the drawings of claims, the same for all."""
    numbers = [rope]
    for claim in claims:
        numbers += [abs(number) for number in (claim.test.mean_difference, claim.test.low, claim.test.high) if number]
    return 1.08 * max(numbers) or 1.0


def _claim(verdict: Verdict, reach: float, rope: float) -> dict[str, Any]:
    """A claim as the template shows it; `drawn` has places in percent of the drawing's width."""
    test, mean = verdict.test, verdict.test.mean_difference or 0.0
    # The inner 90 percent, so that no marker is cut.
    place = {
        name: None if number is None else round(50 + 45 * number / reach, 2)
        for name, number in (("mean", mean), ("low", test.low), ("high", test.high))
    }
    drawn = {
        **place,
        "zero": 50,
        "rope_start": round(50 - 45 * rope / reach, 2),
        "rope_width": round(90 * rope / reach, 2),
        "alt": f"{signed(mean)} points{_interval(test.low, test.high)}.",
    }
    return {
        "title": verdict.title, "meaning": verdict.meaning, "statement": verdict.statement,
        "outcome": verdict.outcome, "word": verdict.word, "reason": verdict.reason, "drawn": drawn,
    }  # fmt: skip


def _models(experiment: Experiment) -> _Grid:
    params, selection = experiment.params, experiment.params.report.selection
    columns = (
        Column("model", "Model", number=False), Column("layout", "Layout", number=False),
        Column("ua", "Valid UA (%)"), Column("interval", "95 % interval"), Column("gap", "Gap (points)"),
        Column("runs", "Runs"),
    )  # fmt: skip
    scores = [(model, experiment.score(model, selection)) for model in params.models]
    rows = []
    for model, score in sorted(scores, key=lambda one: -(one[1].valid_ua or 0)):
        interval = "" if score.low is None or score.high is None else f"{score.low:.1f} to {score.high:.1f}"
        rows.append([
            _cell(params.models[model].label),
            _cell(params.models[model].layout),
            {"text": fixed(score.valid_ua) or score.status, "value": fixed(score.valid_ua)},
            {"text": interval or EMPTY, "value": fixed(score.low)},
            _cell(fixed(score.gap)),
            _cell(str(score.runs)),
        ])  # fmt: skip
    return _Grid(columns, rows)


def _data(experiment: Experiment) -> _Grid:
    params = experiment.params
    columns = (
        Column("corpus", "Corpus", number=False), Column("path", "Read from", number=False),
        Column("actors", "Actors"), Column("segments", "Segments"),
        *(Column(name, name.capitalize()) for name in params.classes),
    )  # fmt: skip
    rows = []
    for key, corpus in params.corpora.items():
        segments = experiment.segments[experiment.segments["corpus"] == key]
        counts = segments["emotion"].value_counts()
        numbers = (len(set(segments["actor"])), len(segments), *(int(counts.get(name, 0)) for name in params.classes))
        rows.append([_cell(corpus_label(params, key)), _cell(corpus.path), *(_cell(str(number)) for number in numbers)])
    return _Grid(columns, rows)


def _common_notes(tables: Iterable[Table]) -> tuple[str, ...]:
    """The notes that stand under every table of results, in their order."""
    first, *others = ([*table.notes] for table in tables if any(part.selection for part in table.parts))
    return tuple(note for note in first if all(note in notes for notes in others))


def _page_table(table: Table, common: Iterable[str]) -> dict[str, Any]:
    """A table without the notes that all have."""
    known = set(common)
    return {
        "key": table.key, "title": table.title, "parts": [_part(table, part) for part in table.parts],
        "notes": [note for note in table.notes if note not in known],
    }  # fmt: skip


def _part(table: Table, part: Part) -> _Grid:
    columns = table.printed_columns()
    rows = [
        [
            {"text": text, "value": row.get(column.key, Cell()).value}
            for column, text in zip(columns, texts, strict=True)
        ]
        for row, texts in zip(part.rows, table.printed_rows(part, repeat=True), strict=True)
    ]
    return _Grid(columns, rows, part.title, part.notes)


def _machines(experiment: Experiment) -> _Grid:
    """What the runs were made on: one row for each value that differs, with the models it holds for."""
    found: dict[tuple[str, str], list[str]] = {}
    for run in experiment.details:
        known = (("device", run.device), ("precision", run.precision), *run.versions)
        for name, value in (*known, ("hash of the data", run.data), ("hash of the code", run.source)):
            found.setdefault((name, value), []).append(experiment.label(run.model))
    every = {experiment.label(run.model) for run in experiment.details}
    return _plain_grid(
        ("What", "Value", "Models"),
        (
            (name, value, "all" if set(models) == every else ", ".join(dict.fromkeys(models)))
            for (name, value), models in found.items()
        ),
    )


def _identities(experiment: Experiment) -> _Grid:
    return _plain_grid(
        ("Model", "Fold", "Seed", "Identity"),
        ((experiment.label(run.model), str(run.fold), str(run.seed), run.identity) for run in experiment.details),
    )


def _plain_grid(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> _Grid:
    columns = tuple(Column(header, header, number=False) for header in headers)
    return _Grid(columns, [[_cell(text) for text in row] for row in rows])


def _cell(text: str) -> dict[str, str]:
    return {"text": text or EMPTY, "value": text}


def _params_text(params: Params) -> str:
    """The params as YAML, without how they were executed, which changes no number."""
    yaml, stream = YAML(), io.StringIO()
    yaml.default_flow_style = None
    yaml.dump(params.model_dump(mode="json", exclude={"execution"}, exclude_defaults=False), stream)
    return stream.getvalue()
