"""The headline hypothesis of each table, and whether it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.core.selections import Selection
from pipeline.evaluation.comparison import Metric
from pipeline.evaluation.hypotheses import Hypothesis
from pipeline.evaluation.results import Results
from pipeline.evaluation.tables import Comparison
from pipeline.evaluation.wording import plain_p, signed
from pipeline.paper.tables import PAPER_TABLES

Outcome = Literal["stands", "paper", "open", "untested"]

OUTCOMES: dict[Outcome, str] = {
    "stands": "Stands",
    "paper": "Only by the paper's test",
    "open": "Does not stand",
    "untested": "Not tested",
}
"""The outcomes in words. `paper`: significant by the paper's test, not by the corrected one."""


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
    """The headlines of the paper's tables, then the first pair of each table of the user's own, by UA."""
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
    better, reference = results.label(hypothesis.better), results.label(hypothesis.reference)
    what = "higher UA" if metric == "valid_ua" else "smaller Gap"
    outcome = _outcome(test)
    return Verdict(
        hypothesis.table,
        title,
        meaning,
        f"{better} has a {what} than {reference}",
        outcome,
        _reason(test, outcome),
        test,
    )


def _outcome(test: Comparison) -> Outcome:
    if test.mean_difference is None or test.p_corrected_seed_mean is None:
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
    return (
        f"{signed(test.mean_difference)} points{direction}{interval}; {plain_p(test.p_corrected_seed_mean)} corrected, "
        f"{plain_p(test.p)} by the paper's test.{beliefs}"
    )
