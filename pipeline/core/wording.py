"""Numbers, lists and hints in messages."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

from pipeline.core.lookalikes import looks, spelled

_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def counted(number: int, noun: str) -> str:
    """A number and its noun: "1 recording", "2 recordings"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Some names: "a, b and 3 more"."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def enumerated(names: Iterable[str]) -> str:
    """All names: "a, b and c"."""
    *first, last = list(names) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """The nearest choice as a question with a blank behind it, or nothing: "did you mean 'PreAct'? ".

    Of a name that looks like the choice, the question says what is different.
    """
    close = difflib.get_close_matches(name, list(choices), n=1)
    if not close:
        return ""
    if looks(name) == looks(close[0]) and not name.isascii():
        return f"did you mean {close[0]!r} instead of {spelled(name, close)}? "
    return f"did you mean {close[0]!r}? "


def as_utf8(path: str) -> str:
    """`path` as text that can be written as UTF-8: a byte that is not UTF-8 becomes a backslash, x and two digits."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def printable(text: str) -> str:
    """`text` on one line and without control characters, which a terminal would obey: they become escapes as in Python.

    For names from elsewhere: of files, classes and tensors.
    """
    text = as_utf8(text)
    if text.isprintable():
        return text
    return "".join(one.encode("unicode_escape").decode() if _controls(one) else one for one in text)


def _controls(character: str) -> bool:
    """Whether it is a control character, a line end, or a change of the direction of writing."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in _DIRECTIONS


def run_words(repeat: int, fold: int, seed: int) -> str:
    """`fold 1 seed 2`; of a further partition `repeat 2 fold 1 seed 2`."""
    return f"{'' if repeat == 1 else f'repeat {repeat} '}fold {fold} seed {seed}"
