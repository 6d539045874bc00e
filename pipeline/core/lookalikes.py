"""Names that look the same on a screen and are not: letters of other scripts, invisible characters, wide letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_LATIN = str.maketrans(
    # Cyrillic, then Greek: the letters that most typefaces draw as Latin ones.
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝӏ" "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαινορυ",  # noqa: RUF001 (what this file is about)
    "ABESIJKMHOPCTYXaesijopcyxhdqwl" "ABEZHIKMNOPTYXaivopu",
)  # fmt: skip


def looks(name: str) -> str:
    """The name in small letters as it looks: without invisible characters, letters as the Latin ones they resemble.

    Two names that differ in capital letters, in the spelling of accents, in an invisible character or in such a letter
    have one look.
    """
    visible = "".join(one for one in unicodedata.normalize("NFKC", name) if unicodedata.category(one) != "Cf")
    return unicodedata.normalize("NFC", visible.translate(_LATIN).casefold())


def spelled(name: str, others: Iterable[str] = ()) -> str:
    """The name in quotes, with the code points that no keyboard of ASCII has and that the other names do not have.

    `'аnn' (with U+0430, cyrillic small letter a)`
    """
    foreign = [one for one in dict.fromkeys(name) if not one.isascii() and any(one not in other for other in others)]
    if not foreign:
        return repr(name)
    points = ", ".join(f"U+{ord(one):04X}, {unicodedata.name(one, 'unnamed').lower()}" for one in foreign)
    return f"{name!r} (with {points})"


def distinguished(names: Iterable[str]) -> list[str]:
    """Names that look alike, each with the letters in which it differs from the others."""
    names = list(names)
    return [spelled(name, [other for other in names if other != name]) for name in names]
