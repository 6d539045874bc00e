"""The paper's Tables 2 to 10: titles, markers, and which model each says is better than which.

Data alone: nothing of the pipeline is needed to read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from pipeline.paper.settings import ACTOR_COUNT, EPOCHS_TRAINED, FOLD_COUNT, SEED_COUNT, SEGMENT_COUNT, SOURCE

PublishedMetric = Literal["valid_ua", "gap"]
"""The two figures that the paper prints of a model."""

_BATCH_NORMALISED = ("PostAct", "RPreAct", "PreActBN")
"""Layouts with a normalisation right before the shaking."""

_SMALL_GAMMAS = ("-g020", "-g010", "-g005")
"""Key endings of the models whose gamma0 is 0.20, 0.10 and 0.05."""

_UNSHAKEN = {"*": "PreAct without shaking", "†": "the same layout without shaking"}
_FULL_GAMMA = {"‡": "the same layout at γ₀ = 1.0"}


@dataclass(frozen=True)
class Headline:
    """The hypothesis that a table is about, its metric, and its meaning in words."""

    better: str
    reference: str
    metric: PublishedMetric
    meaning: str


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper.

    Attributes:
        number: its number in the paper.
        title: the title of ours.
        markers: what a value with this sign significantly outperforms, as the paper's footnotes say.
        hypotheses: (better model, reference model, marker) in the order of the paper. The marker is printed at the
            better model's value where the difference is significant; without one, p-values are printed.
        headline: the hypothesis that the table is about. It was named before any result was seen, one for each table
            (sections 6.1 and 6.2), so that choosing it needs no correction.
        notes: notes on this table alone.
    """

    number: int
    title: str
    markers: Mapping[str, str] = field(default_factory=dict)
    hypotheses: tuple[tuple[str, str, str], ...] = ()
    headline: Headline | None = None
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name in files: `table2`."""
        return f"table{self.number}"

    @property
    def source(self) -> str:
        """Where it was published."""
        return f"Table {self.number} of {SOURCE}"

    @property
    def provenance(self) -> str:
        """One sentence: what is behind the published figures of a table of results."""
        return (
            f"Published: {self.source}: {SEGMENT_COUNT} segments of {ACTOR_COUNT} actors, {FOLD_COUNT} folds × "
            f"{SEED_COUNT} seeds = {FOLD_COUNT * SEED_COUNT} runs a model, {EPOCHS_TRAINED} epochs; which epoch it "
            "reports is not said."
        )


_TABLES = (
    PaperTable(
        2,
        "Table 2: PreAct and PreActBN with and without shaking",
        _UNSHAKEN,
        # The paper prints no markers here; they are those of Table 8, which holds the same four models.
        (
            ("PreAct-Full", "PreAct", "†"),
            ("PreActBN", "PreAct", "*"),
            ("PreActBN-Full", "PreActBN", "†"),
        ),
        Headline("PreActBN-Full", "PreActBN", "valid_ua", "Shaking right after a normalisation raises accuracy"),
        ("The paper prints no markers in this table; ours are those of Table 8.",),
    ),
    PaperTable(3, "Table 3: actors and segments of the corpora"),
    PaperTable(4, "Table 4: actors by gender in each fold"),
    PaperTable(5, "Table 5: network architecture (PreAct)"),
    PaperTable(
        6,
        "Table 6: PreAct, PreAct-Full and PreAct-Both",
        {"†": "PreAct"},
        (("PreAct-Full", "PreAct", "†"), ("PreAct-Both", "PreAct", "†")),
        Headline("PreAct-Both", "PreAct", "valid_ua", "Shaking sub-bands raises accuracy"),
    ),
    PaperTable(
        7,
        "Table 7: p-values between PreAct, PreAct-Full and PreAct-Both",
        {},
        (("PreAct-Full", "PreAct", ""), ("PreAct-Both", "PreAct", ""), ("PreAct-Both", "PreAct-Full", "")),
        Headline(
            "PreAct-Both", "PreAct-Full", "valid_ua", "Shaking sub-bands by themselves beats shaking the whole band"
        ),
        ("Of each pair the model named second is the one claimed better, as in the paper.",),
    ),
    PaperTable(
        8,
        "Table 8: PreAct, PostAct, RPreAct and PreActBN with and without shaking",
        {**_UNSHAKEN, **_FULL_GAMMA},
        (
            ("PreAct-Full", "PreAct", "†"),
            *((layout, "PreAct", "*") for layout in _BATCH_NORMALISED),
            *((f"{layout}-Full{gamma}", layout, "†") for layout in _BATCH_NORMALISED for gamma in ("", *_SMALL_GAMMAS)),
            *(
                (f"{layout}-Full{gamma}", f"{layout}-Full", "‡")
                for layout in _BATCH_NORMALISED
                for gamma in _SMALL_GAMMAS
            ),
        ),
        Headline(
            "PreActBN-Full-g005",
            "PreActBN-Full",
            "gap",
            "A small initial gamma reduces the overfitting that shaking leaves",
        ),
    ),
    PaperTable(
        9,
        "Table 9: p-values between PreActBN at γ₀ = 0.05 and PostAct and RPreAct at every γ₀",
        {},
        tuple(
            ("PreActBN-Full-g005", f"{layout}-Full{gamma}", "")
            for layout in ("PostAct", "RPreAct")
            for gamma in ("", *_SMALL_GAMMAS)
        ),
        Headline(
            "PreActBN-Full-g005",
            "RPreAct-Full-g005",
            "valid_ua",
            "One more normalisation, at the block's entrance, raises accuracy under shaking",
        ),
        ("Of each pair the model named first is the one claimed better, as in the paper.",),
    ),
    PaperTable(
        10,
        "Table 10: PreAct and PreActBN with sub-band shaking",
        _FULL_GAMMA,
        tuple((f"PreActBN-Both{gamma}", "PreActBN-Both", "‡") for gamma in _SMALL_GAMMAS),
        Headline(
            "PreActBN-Both-g020",
            "PreActBN-Both",
            "gap",
            "A small initial gamma reduces overfitting under sub-band shaking",
        ),
    ),
)

PAPER_TABLES: Mapping[str, PaperTable] = MappingProxyType({table.key: table for table in _TABLES})
"""By key, in the order of the paper; a table of the user's own cannot have one of these keys."""
