"""The one claim of each table, and whether it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.evaluation.comparison import Metric
from pipeline.evaluation.hypotheses import Claim
from pipeline.params import Selection
from pipeline.reporting.experiment import Experiment, Test
from pipeline.reporting.tables.table import plain_p, signed

Outcome = Literal["stands", "paper", "open", "untested"]

OUTCOMES: dict[Outcome, str] = {
    "stands": "Stands",
    "paper": "Only by the paper's test",
    "open": "Does not stand",
    "untested": "Not tested",
}
"""In words. `paper`: significant by the paper's test, not by the corrected one."""


@dataclass(frozen=True)
class Headline:
    """The claim that a table of the paper is about, and what it would mean."""

    better: str
    reference: str
    metric: Literal["valid_ua", "gap"]
    meaning: str


HEADLINES: dict[str, Headline] = {
    "table2": Headline("PreActBN-Full", "PreActBN", "valid_ua", "Shaking right after a normalisation raises accuracy"),
    "table6": Headline("PreAct-Both", "PreAct", "valid_ua", "Shaking sub-bands raises accuracy"),
    "table7": Headline(
        "PreAct-Both", "PreAct-Full", "valid_ua", "Shaking sub-bands by themselves beats shaking the whole band"
    ),
    "table8": Headline(
        "PreActBN-Full-g005",
        "PreActBN-Full",
        "gap",
        "A small initial gamma reduces the overfitting that shaking leaves",
    ),
    "table9": Headline(
        "PreActBN-Full-g005", "RPreAct-Full-g005", "valid_ua", "A normalisation before shaking beats one before it only"
    ),
    "table10": Headline(
        "PreActBN-Both-g020", "PreActBN-Both", "gap", "A small initial gamma reduces overfitting under sub-band shaking"
    ),
}
"""Named before any result was seen, one a table (sections 6.1 and 6.2); so no correction for choosing is due."""


@dataclass(frozen=True)
class Verdict:
    """A claim, its test, and what comes of it."""

    table: str
    title: str
    meaning: str
    statement: str
    outcome: Outcome
    reason: str
    test: Test

    @property
    def word(self) -> str:
        """The outcome in words."""
        return OUTCOMES[self.outcome]


def verdicts(experiment: Experiment, claims: Sequence[Claim], selection: Selection) -> tuple[Verdict, ...]:
    """The headline claims of the paper's tables, then the first pair of each table of the user's own.

    Args:
        experiment: everything.
        claims: of all tables.
        selection: of epochs.
    """
    found = []
    for key, headline in HEADLINES.items():
        claim = Claim(key, headline.better, headline.reference)
        metric = experiment.gap_metric if headline.metric == "gap" else "valid_ua"
        found.append(
            _verdict(experiment, claim, metric, selection, f"Table {key.removeprefix('table')}", headline.meaning)
        )
    for key, table in experiment.params.report.tables.items():
        if first := next((claim for claim in claims if claim.table == key), None):
            found.append(_verdict(experiment, first, "valid_ua", selection, table.title, ""))
    return tuple(found)


def _verdict(
    experiment: Experiment, claim: Claim, metric: Metric, selection: Selection, title: str, meaning: str
) -> Verdict:
    test = experiment.test(claim, metric, selection)
    better, reference = experiment.label(claim.better), experiment.label(claim.reference)
    what = "higher UA" if metric == "valid_ua" else "smaller Gap"
    outcome = _outcome(test)
    return Verdict(
        claim.table, title, meaning, f"{better} has a {what} than {reference}", outcome, _reason(test, outcome), test
    )


def _outcome(test: Test) -> Outcome:
    if test.mean_difference is None or test.p_corrected is None:
        return "untested"
    if test.stands:
        return "stands"
    return "paper" if test.significant else "open"


def _reason(test: Test, outcome: Outcome) -> str:
    """The numbers behind an outcome, as one sentence."""
    if outcome == "untested":
        return (test.note or "no test").removeprefix("withheld: ")
    assert test.mean_difference is not None  # noqa: S101  # what is tested has a difference
    interval = ""
    if test.low is not None and test.high is not None:
        interval = f" (95 % interval {signed(test.low)} to {signed(test.high)})"
    direction = ", the other way" if test.mean_difference < 0 else ""
    beliefs = ""
    if test.prob_worse is not None and test.prob_equal is not None and test.prob_better is not None:
        beliefs = (
            f" Probability: worse {100 * test.prob_worse:.0f} %, equal {100 * test.prob_equal:.0f} %, "
            f"better {100 * test.prob_better:.0f} %."
        )
    return (
        f"{signed(test.mean_difference)} points{direction}{interval}; {plain_p(test.p_corrected)} corrected, "
        f"{plain_p(test.p)} by the paper's test.{beliefs}"
    )
