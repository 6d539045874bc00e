"""A figure's SVG as a part of the page: in the page's colours and font, and with ids of its own."""

from __future__ import annotations

import re
from html import escape

from pipeline.figures.colours import ACCENT, GRID, INK, PAPER, SOFT

_COLOURS = {INK: "var(--ink)", SOFT: "var(--soft)", GRID: "var(--line)", ACCENT: "var(--accent)", PAPER: "var(--card)"}

_COLOUR = re.compile("|".join(_COLOURS), re.IGNORECASE)
_ID = re.compile(r'(\bid="|\bhref="#|url\(#)')
_PROLOG = re.compile(r"^.*?(?=<svg)", re.DOTALL)
# Rules for every element, which inside a page would be every element of the page.
_FOREIGN = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", re.DOTALL)
_FONT = re.compile(r"font-family: [^;\"]+;? ?")
_SIZE = re.compile(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"')


def inlined(svg: str, key: str, title: str, alt: str) -> str:
    """The `<svg>` element for a page with many.

    Args:
        svg: a figure as `figures.drawing` saves it.
        key: prefix of its ids.
        title: its name for screen readers.
        alt: its description for screen readers.
    """
    text = _SIZE.sub(r"\1", _FOREIGN.sub("", _PROLOG.sub("", svg, count=1)), count=1)
    text = _ID.sub(rf"\g<1>{key}-", text)
    text = _FONT.sub("", _COLOUR.sub(lambda found: _COLOURS[found[0].lower()], text))
    names = f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(alt)}</desc>'
    head, rest = text.split(">", 1)
    return f'{head} role="img" aria-labelledby="{key}-title {key}-desc">{names}{rest}'
