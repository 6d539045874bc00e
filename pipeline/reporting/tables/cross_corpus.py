"""The cross-corpus matrix: the accuracy on every corpus of a model that was trained on another one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from pipeline.core.wording import enumerated
from pipeline.evaluation.results import Results
from pipeline.evaluation.selections import CHOSEN, EPOCHS
from pipeline.evaluation.terms import OTHERS
from pipeline.evaluation.wording import fixed, signed
from pipeline.reporting.tables.table import Cell, Column, Part, Row, Table

KEY = "cross_corpus"

STANDARDISED = {"none": "not", "fold": "by training corpora", "corpus": "by corpus", "speaker": "by speaker"}
"""The option `standardise` of models, in print."""


def cross_corpus_table(results: Results) -> Sequence[Table]:
    """A row for each model and training corpus, a column for each validation corpus; none without such folds."""
    cells = results.cells
    if cells.empty:
        return ()
    corpora = [corpus for corpus in results.params.corpora if corpus in set(cells["validation"])]
    standardised = any(_standardised(results, model) for model in set(cells["model"]))
    columns = (
        Column("model", "Model", number=False, grouped=True),
        *((Column("standardised", "Standardised", number=False, where="csv"),) if standardised else ()),
        Column("training", "Trained on", number=False),
        *(column for corpus in corpora for column in _columns(corpus, results.corpus_label(corpus))),
    )
    parts = []
    for selection in results.selections:
        chosen = cells[cells["selection"] == selection]
        rows = [
            _row(results, model, training, found)
            for model in results.trained
            for training, found in chosen[chosen["model"] == model].groupby("training", sort=False)
        ]
        if rows:
            notes = (CHOSEN[selection], *_with_and_without(results, chosen))
            parts.append(Part(tuple(rows), selection, EPOCHS[selection], notes))
    return (Table(KEY, "Across corpora", columns, tuple(parts), tuple(_notes(results, cells))),)


def _columns(corpus: str, label: str) -> Iterator[Column]:
    yield Column(corpus, label, where="print")
    for name in ("ua", "low", "high", "chance", "classes", "absent", "ua_all", "utterance_ua"):
        yield Column(f"{corpus}_{name}", f"{label}, {name}", where="csv")


def _row(results: Results, model: str, training: object, found: pd.DataFrame) -> Row:
    row: dict[str, Cell] = {
        "model": Cell(results.label(model)),
        "standardised": Cell(STANDARDISED.get(_standardised(results, model), "")),
        "training": Cell(training_label(results, str(training))),
    }
    utterances = found[found["level"] == "utterance"].set_index("validation")["ua"]
    for cell in found[found["level"] == "segment"].to_dict("records"):
        corpus = str(cell["validation"])
        row |= {
            corpus: Cell(fixed(cell["ua"]), shown=_printed(results, cell)),
            f"{corpus}_ua": Cell(fixed(cell["ua"])),
            f"{corpus}_low": Cell(fixed(cell["ci_low"])),
            f"{corpus}_high": Cell(fixed(cell["ci_high"])),
            f"{corpus}_chance": Cell(fixed(cell["chance"])),
            f"{corpus}_classes": Cell(str(cell["classes"])),
            f"{corpus}_absent": Cell(str(cell["absent"])),
            f"{corpus}_ua_all": Cell(fixed(cell["ua_all"])),
            f"{corpus}_utterance_ua": Cell(fixed(utterances.get(corpus))),
        }
    return row


def training_label(results: Results, training: str) -> str:
    """The printed name of the corpora that a run was trained on."""
    return OTHERS if training == OTHERS else results.corpus_label(training)


def _printed(results: Results, cell: Mapping[Hashable, Any]) -> str:
    """UA, its interval, and chance where that is not the common one."""
    if not cell["classes"]:
        return "no common class"
    low, high = fixed(cell["ci_low"], 0), fixed(cell["ci_high"], 0)
    common = cell["classes"] == len(results.params.classes)
    details = [f"{low} to {high}" if low else "", "" if common else f"chance {fixed(cell['chance'], 0)}"]
    shown = "; ".join(detail for detail in details if detail)
    return f"{fixed(cell['ua'], 1)}{f' ({shown})' if shown else ''}"


def _standardised(results: Results, model: str) -> str:
    return str(getattr(results.params.models.get(model), "standardise", ""))


def _notes(results: Results, cells: pd.DataFrame) -> Iterator[str]:
    number = len(results.params.classes)
    yield (
        "Validation UA in percent, with the 95 % interval of a bootstrap over actors: that of these trained models on "
        "other actors of the same corpus. Models are trained on the corpus of the row alone; "
        f"{OTHERS}: on every corpus but the one of the column."
    )
    yield (
        f"UA is over the classes that both corpora have; chance is 1 over their number, {100 / number:.0f} % for all "
        f"{number}, and stands in a cell where it differs."
    )
    if few := list(_with_few_classes(results)):
        yield f"Of the classes, these corpora have not all: {enumerated(few)}."
    if any(_standardised(results, model) == "corpus" for model in results.trained):
        yield (
            "Standardised by corpus: a corpus that is not trained on has mean 0 and deviation 1 by its own recordings, "
            "without their labels, which needs more of it than one recording."
        )
    absent: dict[str, list[str]] = {}
    for cell in cells[cells["absent"] != ""].to_dict("records"):
        words = f"{results.corpus_label(str(cell['validation']))} ({cell['absent']})"
        absent.setdefault(str(cell["training"]), []).append(words)
    for training, found in absent.items():
        yield (
            f"Trained on {training_label(results, training)}, a model never answers what that lacks and these corpora "
            f"have: {enumerated(dict.fromkeys(found))}. Their recordings of it are not counted; the CSV has UA with "
            "them, as ua_all."
        )


def _with_few_classes(results: Results) -> Iterator[str]:
    """Corpora that lack classes: "EMOVO (no fear)"."""
    for corpus in results.params.corpora:
        present = set(results.segments.loc[results.segments["corpus"] == corpus, "emotion"])
        if lacking := [name for name in results.params.classes if name not in present]:
            yield f"{results.corpus_label(corpus)} (no {', '.join(lacking)})"


def _with_and_without(results: Results, chosen: pd.DataFrame) -> Iterator[str]:
    """The mean difference over cells of two models that differ in their standardisation alone."""
    tables = {
        model: chosen[(chosen["model"] == model) & (chosen["level"] == "segment")]
        .set_index(["training", "validation"])["ua"]
        .dropna()
        for model in results.trained
    }
    for one, other in combinations(results.trained, 2):
        by_corpus, reference = (one, other) if _standardised(results, one) == "corpus" else (other, one)
        if _standardised(results, by_corpus) != "corpus" or not _differ_in_standardisation(results, one, other):
            continue
        difference = (tables[by_corpus] - tables[reference]).dropna()
        if len(difference):
            better = int((difference > 0).sum())
            yield (
                f"{results.label(by_corpus)} and {results.label(reference)} differ in the standardisation alone: that "
                f"by corpus is better in {better} of {len(difference)} cells, by "
                f"{signed(float(difference.mean()))} points on average."
            )


def _differ_in_standardisation(results: Results, one: str, other: str) -> bool:
    first, second = (results.params.models[model].model_dump(exclude={"label"}) for model in (one, other))
    return first.pop("standardise", None) != second.pop("standardise", None) and first == second
