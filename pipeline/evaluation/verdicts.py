"""The headline hypothesis of each table, and whether it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.core.selections import Selection
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.tables import Comparison
from pipeline.evaluation.terms import Metric
from pipeline.evaluation.wording import plain_p, points, signed
from pipeline.paper.tables import PAPER_TABLES

Outcome = Literal["stands", "paper", "open", "untested"]

OUTCOMES: dict[Outcome, str] = {
    "stands": "Stands",
    "paper": "Only by the paper's test",
    "open": "Does not stand",
    "untested": "Not tested",
}
"""The outcomes in words. `paper`: significant by the paper's test, not by the deciding one."""


@dataclass(frozen=True)
class Verdict:
    """A hypothesis, its test, and the outcome; `reason` has the numbers behind it."""

    table: str
    title: str
    meaning: str
    statement: str
    outcome: Outcome
    reason: str
    test: Comparison

    @property
    def word(self) -> str:
        """The outcome in words."""
        return OUTCOMES[self.outcome]


def verdicts(results: Results, selection: Selection) -> tuple[Verdict, ...]:
    """The headlines of the paper's tables, then the first claim of each table of the user's own, by UA."""
    found = []
    for key, paper_table in PAPER_TABLES.items():
        if headline := paper_table.headline:
            hypothesis = Hypothesis(key, headline.better, headline.reference)
            metric = results.gap_metric if headline.metric == "gap" else "valid_ua"
            title = f"Table {paper_table.number}"
            found.append(_verdict(results, hypothesis, metric, selection, title, headline.meaning))
    for key, table in results.params.report.tables.items():
        if own := results.hypotheses_of(key):
            found.append(_verdict(results, own[0], "valid_ua", selection, table.title, ""))
    return tuple(found)


def _verdict(
    results: Results, hypothesis: Hypothesis, metric: Metric, selection: Selection, title: str, meaning: str
) -> Verdict:
    test = results.test(hypothesis, metric, selection)
    outcome = _outcome(test)
    return Verdict(
        hypothesis.table,
        title,
        meaning,
        claim_text(results, hypothesis, metric),
        outcome,
        _reason(test, outcome),
        test,
    )


def claim_text(results: Results, hypothesis: Hypothesis, metric: Metric) -> str:
    """The claim as a sentence without a full stop."""
    better, reference = results.label(hypothesis.better), results.label(hypothesis.reference)
    name, within = "UA" if metric == "valid_ua" else "Gap", points(results.params.report.rope)
    if hypothesis.kind == "equivalent":
        return f"{name} of {better} and of {reference} differ by less than {within}"
    if hypothesis.kind == "not_worse":
        side = "lower" if metric == "valid_ua" else "higher"
        return f"{name} of {better} is not {side} than that of {reference} by {within} or more"
    return f"{better} has a {'higher UA' if metric == 'valid_ua' else 'smaller Gap'} than {reference}"


def _outcome(test: Comparison) -> Outcome:
    if test.mean_difference is None or test.p_deciding is None:
        return "untested"
    if test.stands:
        return "stands"
    return "paper" if test.significant else "open"


def _reason(test: Comparison, outcome: Outcome) -> str:
    """The numbers behind an outcome, as one sentence."""
    if outcome == "untested":
        return (test.note or "no test").removeprefix("withheld: ")
    assert test.mean_difference is not None  # noqa: S101  # what is tested has a difference
    interval = ""
    if test.ci_low is not None and test.ci_high is not None:
        interval = f" (95 % interval {signed(test.ci_low)} to {signed(test.ci_high)})"
    direction = ", the other way" if test.mean_difference < 0 else ""
    beliefs = ""
    if test.prob_worse is not None and test.prob_equal is not None and test.prob_better is not None:
        beliefs = (
            f" Probability: worse {100 * test.prob_worse:.0f} %, equal {100 * test.prob_equal:.0f} %, "
            f"better {100 * test.prob_better:.0f} %."
        )
    return f"{signed(test.mean_difference)} points{direction}{interval}; {tests_text(test)}.{beliefs}"


def standing(test: Comparison) -> str:
    """The outcome of a claim that was tested, in words."""
    return OUTCOMES[_outcome(test)]


def tests_text(test: Comparison) -> str:
    """The p-values of a claim, the deciding one first: `p = 0.03 over actors, p = 0.04 corrected, ...`."""
    if test.claim != "better":
        return f"{plain_p(test.p_deciding)} {'over actors' if test.p_actor is not None else 'corrected'}"
    corrected = f"{plain_p(test.p_corrected)} corrected, {plain_p(test.p)} by the paper's test"
    return corrected if test.p_actor is None else f"{plain_p(test.p_actor)} over actors, {corrected}"
