"""One self-contained HTML page: a summary first, then everything."""

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

from pipeline.core.wording import counted, enumerated
from pipeline.evaluation.results import Results, adoptions
from pipeline.evaluation.selections import EPOCHS
from pipeline.evaluation.terms import LEAST_ACTORS
from pipeline.evaluation.verdicts import Verdict, verdicts
from pipeline.evaluation.wording import fixed, points, signed
from pipeline.folds.params import PartitionParams
from pipeline.models.options import ModelParams
from pipeline.params import Params
from pipeline.reporting.page.inline import inlined
from pipeline.reporting.page.inputs import PageFigure
from pipeline.reporting.setting import (
    environments,
    epochs_trained,
    incomplete,
    setting_differences,
    setting_summary,
)
from pipeline.reporting.split import way
from pipeline.reporting.tables.notes import TESTS
from pipeline.reporting.tables.table import EMPTY, Cell, Column, Part, Table
from pipeline.training.params import TrainParams


@dataclass(frozen=True)
class _Grid:
    """A table for the page: each cell has the text to read and the value to sort by."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Mapping[str, str]]]
    title: str = ""
    notes: Sequence[str] = ()


def render_page(
    results: Results,
    tables: Sequence[Table],
    figures: Sequence[PageFigure] = (),
    hashes: Mapping[str, str] | None = None,
) -> str:
    """The page as HTML; labels and keys are escaped, and nothing is fetched from anywhere.

    Args:
        results: the results of all models.
        tables: the tables of `build_tables`.
        figures: the figures, in the order of the page.
        hashes: SHA-256 of the data that was trained on, by name.
    """
    environment = Environment(
        loader=PackageLoader("pipeline.reporting.page", "assets"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    script, style = (files("pipeline.reporting.page").joinpath("assets", name).read_text("utf-8")
                     for name in ("report.js", "report.css"))  # fmt: skip
    params, selection = results.params, results.params.report.selection
    found = verdicts(results, selection)
    reach = _reach(found, params.report.rope)
    common = _common_notes(tables)
    return environment.get_template("report.html.jinja").render(
        policy=_policy(script),
        style=Markup(style),  # noqa: S704  # our own files
        script=Markup(script),  # noqa: S704
        title=_title(params),
        lead=_lead(results),
        facts=_facts(results),
        setting={"summary": setting_summary(results), "differences": setting_differences(results)},
        warnings=(
            *results.split_notes,
            *incomplete(results, params.models),
            *environments(results.details, params.models),
            *adoptions(results.details, params.models),
        ),
        verdicts=[_verdict_values(one, reach, params.report.rope) for one in found if one.outcome != "untested"],
        untested=[one for one in found if one.outcome == "untested"],
        verdicts_note=(
            f"At the {EPOCHS[selection].lower()}. A claim stands when the deciding test gives p < 0.05: the test over "
            "actors, about other actors and other trainings; at cross-validated epochs, and with fewer than "
            f"{LEAST_ACTORS} actors, the corrected test. Those of the paper's tables were named before any result was "
            "seen. The bar is the 95 % interval of the deciding test, which is one-sided, so that it may find what "
            "the bar does not exclude. The grey band is what counts as equal, within "
            f"{points(params.report.rope)}."
        ),
        models=_models(results),
        models_note=(
            f"At the {EPOCHS[selection].lower()}, means over runs, best first. Chance is "
            f"{100 / len(params.classes):.0f} %{_HIGHER if results.incomplete_folds else ''}."
        ),
        data=_data(results),
        figures=[
            {
                "key": f"figure-{one.key}", "title": one.title, "caption": one.caption,
                "svg": Markup(inlined(one.svg, one.key, one.title, one.alt)),  # noqa: S704  # drawn by the pipeline
            }
            for one in figures
        ],
        tables=[_page_table(table, common) for table in tables if table.measured],
        published=[_page_table(table, common) for table in tables if not table.measured],
        common=common,
        commands=_COMMANDS,
        machines=_machines(results),
        hashes=_plain_grid(("Data", "SHA-256"), (hashes or {}).items()),
        identities=_identities(results),
        params=_params_text(params),
    )  # fmt: skip


_HIGHER = ", and higher in a fold whose validation part lacks a class"

_COMMANDS = """# in the folder with params.yaml, with the environment active (. .venv/bin/activate)
dvc repro              # recordings to this page; trains only what is missing
dvc metrics diff       # its numbers against those of the last commit
dvc plots diff         # and its figures"""


def _policy(script: str) -> str:
    """A Content-Security-Policy under which the page shows itself and can fetch nothing."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _title(params: Params) -> str:
    """The title of the page, which names shaking only if a model is shaken."""
    shaken = any(getattr(model, "shake", None) for model in params.models.values())
    return f"Speech emotion recognition{' with shaking' if shaken else ''}"


def _lead(results: Results) -> str:
    """The models and the data that they were trained on, in one sentence."""
    params = results.params
    corpora = enumerated(map(results.corpus_label, params.corpora))
    emotions = enumerated(params.classes)
    trained = counted(len(results.trained), "model") if results.trained else "No model"
    verb = "was" if len(results.trained) < 2 else "were"
    return (
        f"{trained.capitalize()} {verb} trained to tell {emotions} apart, on "
        f"{counted(len(results.segments), 'segment')} of {counted(results.actor_count, 'actor')} from "
        f"{corpora}; each is {way(params.partition)}."
    )


def _facts(results: Results) -> list[dict[str, str]]:
    """The numbers on top: the best model, its Gap, the runs, the data."""
    params, selection = results.params, results.params.report.selection
    scores = [(model, results.score(model, selection)) for model in results.trained]
    scored = [(model, score) for model, score in scores if score.valid_ua is not None]
    facts = []
    if scored:
        best, score = max(scored, key=lambda one: one[1].valid_ua or 0)
        facts.append({
            "name": f"Best model: {results.label(best)}",
            "value": f"{score.valid_ua:.1f} %",
            "detail": f"validation UA{_interval(score.low, score.high)}; chance is {100 / len(params.classes):.0f} %",
        })  # fmt: skip
        if score.gap is not None:
            facts.append({
                "name": "Its Gap", "value": signed(score.gap),
                "detail": f"points of training UA ({results.gap_mode}) above validation UA",
            })  # fmt: skip
    repeats, folds, seeds = params.partition.repeats, params.train.folds, params.train.seeds
    facts.append({
        "name": "Runs a model", "value": str(repeats * len(folds) * len(seeds)),
        "detail": f"{f'{repeats} partitions × ' * (repeats > 1)}{counted(len(folds), 'fold')} × "
                  f"{counted(len(seeds), 'seed')}, "
                  f"{epochs_trained(results)}",
    })  # fmt: skip
    facts.append({
        "name": "Data", "value": f"{len(results.segments):,}",
        "detail": f"segments of {results.actor_count} actors, "
                  f"{len(params.corpora)} corp{'us' if len(params.corpora) == 1 else 'ora'}",
    })  # fmt: skip
    return facts


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f", 95 % interval {low:.1f} to {high:.1f}"


def _reach(found: Iterable[Verdict], rope: float) -> float:
    """Points from the middle to an end of the drawings of verdicts, the same for all."""
    numbers = [rope]
    for test in (verdict.test for verdict in found):
        numbers += [abs(number) for number in (test.mean_difference, test.ci_low, test.ci_high) if number]
    return 1.08 * max(numbers) or 1.0


def _verdict_values(verdict: Verdict, reach: float, rope: float) -> dict[str, Any]:
    """A verdict as the template prints it; `drawn` has places in percent of the drawing's width."""
    test, mean = verdict.test, verdict.test.mean_difference or 0.0
    # The inner 90 percent, so that no marker is cut.
    place = {
        name: None if number is None else round(50 + 45 * number / reach, 2)
        for name, number in (("mean", mean), ("low", test.ci_low), ("high", test.ci_high))
    }
    drawn = {
        **place,
        "zero": 50,
        "rope_start": round(50 - 45 * rope / reach, 2),
        "rope_width": round(90 * rope / reach, 2),
        "alt": f"{signed(mean)} points{_interval(test.ci_low, test.ci_high)}.",
    }
    return {
        "title": verdict.title, "meaning": verdict.meaning, "statement": verdict.statement,
        "outcome": verdict.outcome, "word": verdict.word, "reason": verdict.reason, "drawn": drawn,
    }  # fmt: skip


def _models(results: Results) -> _Grid:
    params, selection = results.params, results.params.report.selection
    columns = (
        Column("model", "Model", number=False), Column("kind", "Layout or family", number=False),
        Column("ua", "Valid UA (%)"), Column("interval", "95 % interval"), Column("gap", "Gap (points)"),
        Column("runs", "Runs"),
    )  # fmt: skip
    scores = [(model, results.score(model, selection)) for model in params.models]
    rows = []
    for model, score in sorted(scores, key=lambda one: -(one[1].valid_ua or 0)):
        interval = "" if score.low is None or score.high is None else f"{score.low:.1f} to {score.high:.1f}"
        rows.append([
            _cell(results.label(model)),
            _cell(results.kind(model)),
            {"text": fixed(score.valid_ua) or score.status, "value": fixed(score.valid_ua)},
            {"text": interval or EMPTY, "value": fixed(score.low)},
            _cell(fixed(score.gap)),
            _cell(str(score.runs)),
        ])  # fmt: skip
    return _Grid(columns, rows)


def _data(results: Results) -> _Grid:
    params = results.params
    columns = (
        Column("corpus", "Corpus", number=False), Column("path", "Read from", number=False),
        Column("actors", "Actors"), Column("segments", "Segments"),
        *(Column(name, name.capitalize()) for name in params.classes),
    )  # fmt: skip
    rows = []
    for key, corpus in params.corpora.items():
        segments = results.segments[results.segments["corpus"] == key]
        counts = segments["emotion"].value_counts()
        numbers = (len(set(segments["actor"])), len(segments), *(int(counts.get(name, 0)) for name in params.classes))
        rows.append([_cell(results.corpus_label(key)), _cell(corpus.path), *(_cell(str(number)) for number in numbers)])
    return _Grid(columns, rows)


def _common_notes(tables: Iterable[Table]) -> tuple[str, ...]:
    """The notes that stand under every table of results that says how it was tested, in their order."""
    found = [table.notes for table in tables if TESTS in table.notes]
    return tuple(note for note in (found[0] if found else ()) if all(note in notes for notes in found))


def _page_table(table: Table, common: Iterable[str]) -> dict[str, Any]:
    """A table without the notes that all tables have."""
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


def _machines(results: Results) -> _Grid:
    """The hardware, versions and data of the runs: one row for each different value, with the models that have it."""
    found: dict[tuple[str, str], list[str]] = {}
    for run in results.details:
        known = (("device", run.device), ("precision", run.precision), *run.versions)
        for name, value in (*known, ("hash of the data", run.data), ("hash of the code", run.source)):
            found.setdefault((name, value), []).append(results.label(run.model))
    every = {results.label(run.model) for run in results.details}
    return _plain_grid(
        ("What", "Value", "Models"),
        (
            (name, value, "all" if set(models) == every else ", ".join(dict.fromkeys(models)))
            for (name, value), models in found.items()
        ),
    )


def _identities(results: Results) -> _Grid:
    return _plain_grid(
        ("Model", "Repeat", "Fold", "Seed", "Identity"),
        (
            (results.label(run.model), str(run.repeat), str(run.fold), str(run.seed), run.identity)
            for run in results.details
        ),
    )


def _plain_grid(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> _Grid:
    columns = tuple(Column(header, header, number=False) for header in headers)
    return _Grid(columns, [[_cell(text) for text in row] for row in rows])


def _cell(text: str) -> dict[str, str]:
    return {"text": text or EMPTY, "value": text}


def _params_text(params: Params) -> str:
    """The params as YAML, without `execution`, which changes no number."""
    yaml, stream = YAML(), io.StringIO()
    yaml.default_flow_style = None
    values = params.model_dump(mode="json", exclude={"execution"})
    if "frontends" not in params.model_fields_set:
        del values["frontends"]
    for section, options in (("partition", PartitionParams), ("train", TrainParams)):
        for name, field in options.model_fields.items():
            if name in _PRINTED_IF_SET and getattr(getattr(params, section), name) == field.default:
                del values[section][name]
    for entry in values["models"].values():
        for name, default in _COMMON_DEFAULTS.items():
            if entry[name] == default:
                del entry[name]
    yaml.dump(values, stream)
    return stream.getvalue()


_PRINTED_IF_SET = ("scheme", "repeats", "dev", "test", "table", "allow_leaks", "early_stopping")
"""Options of the division of recordings that are printed where they have another value than their default."""

_COMMON_DEFAULTS = {name: field.default for name, field in ModelParams.model_fields.items() if name != "label"}
"""Options that every family has, with their defaults, which are not printed."""
