"""A picture of a timeline: waveform above, probabilities below, and the emotion of each stretch between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.audio.recording import FULL_SCALE
from pipeline.core.wording import counted, printable
from pipeline.figures.colours import ACCENT, INK, SOFT
from pipeline.figures.drawing import FILLS, Drawing, Look, canvas, finished, shortened, styled
from pipeline.prediction.timeline import Timeline

COLUMNS = 1200
"""Number of parts of a recording of which the least and the greatest sample are drawn."""

_LINES: tuple[Look, ...] = (
    {"color": ACCENT, "linestyle": "-", "linewidth": 1.8},
    {"color": INK, "linestyle": (0, (5, 2)), "linewidth": 1.5},
    {"color": SOFT, "linestyle": "-", "linewidth": 1.2},
    {"color": ACCENT, "linestyle": (0, (1, 1.5)), "linewidth": 1.8},
    {"color": INK, "linestyle": (0, (6, 2, 1, 2)), "linewidth": 1.3},
    {"color": SOFT, "linestyle": (0, (3, 1)), "linewidth": 1.3},
    {"color": INK, "linestyle": "-", "linewidth": 0.8},
    {"color": ACCENT, "linestyle": (0, (8, 3)), "linewidth": 1.0},
)
"""Line styles, which differ in grey too."""

_WIDE_ENOUGH = 0.05
"""Share of the recording from which a stretch has its class written on it."""


@styled
def timeline_picture(timeline: Timeline, envelope: NDArray[np.float32], classes: Sequence[str], title: str) -> Drawing:
    """Draw a timeline.

    Args:
        timeline: probabilities and stretches.
        envelope: (columns, 2) least and greatest sample of equal parts, on the int16 scale.
        classes: names of the classes.
        title: name of the recording.
    """
    names = [shortened(printable(name), 14) for name in classes]
    end, stretches = float(timeline.edges[-1]), timeline.stretches
    figure = canvas(3.9)
    wave, bar, lines = figure.subplots(3, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1, 5)})
    centres = (np.arange(len(envelope)) + 0.5) * end / max(1, len(envelope))
    wave.fill_between(centres, envelope[:, 0] / FULL_SCALE, envelope[:, 1] / FULL_SCALE, color=SOFT, linewidth=0)
    wave.set_ylabel("Amplitude")
    wave.set_title(shortened(printable(title), 60))
    for stretch in stretches:
        look = FILLS[stretch.label % len(FILLS)]
        bar.axvspan(stretch.start, stretch.end, edgecolor=INK, linewidth=0.6, **look)
        if stretch.end - stretch.start >= _WIDE_ENOUGH * end:
            middle = (stretch.start + stretch.end) / 2
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
            bar.text(middle, 0.5, names[stretch.label], ha="center", va="center", fontsize=8, color=INK, bbox=box)
    bar.set(yticks=(), ylim=(0, 1))
    bar.set_ylabel("Emotion", rotation=0, ha="right", va="center")
    for index, name in enumerate(names):
        lines.stairs(
            timeline.probabilities[:, index], timeline.edges, baseline=None, label=name, **_LINES[index % len(_LINES)]
        )
    lines.set(ylim=(0, 1), xlim=(0, end))
    lines.set_ylabel("Probability")
    lines.set_xlabel("Time (s)")
    lines.grid(axis="y")
    figure.legend(
        *lines.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(names), 5), handlelength=2.6
    )
    words = "; ".join(f"{one.start:.1f} to {one.end:.1f} s {names[one.label]}" for one in stretches[:12])
    more = f"; and {len(stretches) - 12} more" if len(stretches) > 12 else ""
    return finished(
        figure,
        "timeline",
        f"Emotions over time: {printable(title)}",
        "Above the waveform, below the probability of each class: the mean over all windows that cover a time. Between "
        "them the most probable class, without stretches that are too short.",
        f"{counted(len(stretches), 'stretch')[:-1] + 'es' if len(stretches) > 1 else '1 stretch'}: {words}{more}.",
    )
