"""Which model is claimed to be better than which, table by table: data, not code.

A claim names the model said to be better first. Its marker is the paper's footnote sign, printed at that model's value
where the claim is significant; claims without a marker are printed as p-values (Tables 7 and 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.params import TableParams

BATCH_NORMALISED = ("PostAct", "RPreAct", "PreActBN")
"""Layouts with a normalisation right before the shaking."""

SMALL_GAMMAS = ("-g020", "-g010", "-g005")
"""Key endings of the models whose gamma0 is 0.20, 0.10 and 0.05."""

USER_MARKERS = "†‡§¶"
"""Signs of a user's table, one for each reference model; further references have letters."""


@dataclass(frozen=True)
class Claim:
    """`better` is claimed to outperform `reference` in `table`."""

    table: str
    better: str
    reference: str
    marker: str = ""


PAPER_CLAIMS: tuple[Claim, ...] = (
    # Table 2 has no markers in the paper; they are those of Table 8 here, which holds the same four models.
    Claim("table2", "PreAct-Full", "PreAct", "†"),
    Claim("table2", "PreActBN", "PreAct", "*"),
    Claim("table2", "PreActBN-Full", "PreActBN", "†"),
    Claim("table6", "PreAct-Full", "PreAct", "†"),
    Claim("table6", "PreAct-Both", "PreAct", "†"),
    Claim("table7", "PreAct-Full", "PreAct"),
    Claim("table7", "PreAct-Both", "PreAct"),
    Claim("table7", "PreAct-Both", "PreAct-Full"),
    Claim("table8", "PreAct-Full", "PreAct", "†"),
    *(Claim("table8", layout, "PreAct", "*") for layout in BATCH_NORMALISED),
    *(
        Claim("table8", f"{layout}-Full{gamma}", layout, "†")
        for layout in BATCH_NORMALISED
        for gamma in ("", *SMALL_GAMMAS)
    ),
    *(
        Claim("table8", f"{layout}-Full{gamma}", f"{layout}-Full", "‡")
        for layout in BATCH_NORMALISED
        for gamma in SMALL_GAMMAS
    ),
    *(
        Claim("table9", "PreActBN-Full-g005", f"{layout}-Full{gamma}")
        for layout in ("PostAct", "RPreAct")
        for gamma in ("", *SMALL_GAMMAS)
    ),
    *(Claim("table10", f"PreActBN-Both{gamma}", "PreActBN-Both", "‡") for gamma in SMALL_GAMMAS),
)
"""The claims of section 6 of the paper."""


def all_claims(tables: Mapping[str, TableParams]) -> tuple[Claim, ...]:
    """The paper's claims, then those of `report.tables`; a user's marker stands for one reference model."""
    return (*PAPER_CLAIMS, *(claim for key, table in tables.items() for claim in _user_claims(key, table)))


def _user_claims(key: str, table: TableParams) -> list[Claim]:
    references = list(dict.fromkeys(reference for _, reference in table.pairs))
    markers = [*USER_MARKERS, *(f"({number})" for number in range(1, len(references) + 1))]
    sign = dict(zip(references, markers, strict=False))
    return [Claim(key, better, reference, sign[reference]) for better, reference in table.pairs]
