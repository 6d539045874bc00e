"""A timeline as CSV, as a TextGrid of Praat, and as labels of Audacity."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pipeline.core.wording import printable
from pipeline.prediction.timeline import Timeline


def as_csv(timeline: Timeline, classes: Sequence[str], *, spread: bool) -> str:
    """A row for each cell: `start_s, end_s, predicted, p_<class>..., spread_<class>..., stretch`.

    `predicted` is the most probable class of the cell, `stretch` the class of the stretch that it is in.
    """
    names = [printable(name) for name in classes]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    deviations = [f"spread_{name}" for name in names] if spread else []
    table.writerow(["start_s", "end_s", "predicted", *(f"p_{name}" for name in names), *deviations, "stretch"])
    stretches = iter(timeline.stretches)
    current = next(stretches)
    for cell, (start, end) in enumerate(zip(timeline.edges, timeline.edges[1:], strict=False)):
        while start >= current.end - 1e-9:
            current = next(stretches)
        values = timeline.probabilities[cell]
        more = timeline.spread[cell] if spread else ()
        table.writerow([
            f"{start:.3f}", f"{end:.3f}", names[int(values.argmax())], *(f"{value:.6f}" for value in values),
            *(f"{value:.6f}" for value in more), names[current.label],
        ])  # fmt: skip
    return text.getvalue()


def as_textgrid(timeline: Timeline, classes: Sequence[str]) -> str:
    """A TextGrid of Praat in its long form, with two interval tiers: the emotion, and its mean probability."""
    end = f"{timeline.edges[-1]:.6f}"
    tiers = (
        ("emotion", [printable(classes[one.label]) for one in timeline.stretches]),
        ("probability", [f"{one.probability:.3f}" for one in timeline.stretches]),
    )
    lines = [
        'File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end}", "tiers? <exists>",
        f"size = {len(tiers)}", "item []:",
    ]  # fmt: skip
    for number, (name, texts) in enumerate(tiers, 1):
        lines += [
            f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"', "        xmin = 0",
            f"        xmax = {end}", f"        intervals: size = {len(texts)}",
        ]  # fmt: skip
        for place, (stretch, text) in enumerate(zip(timeline.stretches, texts, strict=True), 1):
            lines += [
                f"        intervals [{place}]:", f"            xmin = {stretch.start:.6f}",
                f"            xmax = {stretch.end:.6f}", f'            text = "{_quoted(text)}"',
            ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace('"', '""')


def as_audacity(timeline: Timeline, classes: Sequence[str]) -> str:
    """A label track of Audacity: start, end and text of each stretch, separated by tabulators."""
    return "".join(
        f"{one.start:.6f}\t{one.end:.6f}\t{printable(classes[one.label])} {one.probability:.2f}\n"
        for one in timeline.stretches
    )
