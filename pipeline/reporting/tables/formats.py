"""A table in CSV, GitHub Markdown and LaTeX (booktabs)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from pipeline.reporting.tables.table import Cell, Column, Part, Table

WIDE = 6
"""Number of columns above which LaTeX gets smaller type, to stay on the page."""

_LATEX_SPECIAL = str.maketrans({
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
})  # fmt: skip

_PDFLATEX_LACKS = {"γ": r"\gamma", "₀": "{}_0", "✓": r"\checkmark", "✗": r"\times", "−": "-"}
"""Signs of our tables that pdfLaTeX does not know, and commands for them; labels may have others."""

# `&` and `<` only where they would begin an entity or a tag, so that notes stay readable as text.
_MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]|#~$]|&(?=[#\w])|<(?=[\w/!?]))")
_LATEX_NUMBER = re.compile(r"(?<![\w.])-(?=\d)")


def to_csv(table: Table) -> str:
    """One header and all parts below each other; the selection of epochs is the first column where there are any."""
    columns = [column for column in table.columns if column.where != "print"]
    selections = any(part.selection for part in table.parts)
    header = ["selection"] * selections
    for column in columns:
        header += [column.key]
        header += [f"{column.key}_mark"] * column.marked + [f"{column.key}_mark_corrected"] * column.corrected
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    for part in table.parts:
        for row in part.rows:
            values = [part.selection] * selections
            for column in columns:
                cell = row.get(column.key, Cell())
                values += [cell.value, *[cell.mark] * column.marked, *[cell.corrected] * column.corrected]
            writer.writerow(values)
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """A heading, each part as a table with its title and notes, and the notes of all."""
    blocks = [f"## {markdown_escaped(table.title)}"]
    columns = table.printed_columns()
    head = [
        _markdown_row([markdown_escaped(column.header) for column in columns]),
        _markdown_row(["---:" if column.number else ":---" for column in columns]),
    ]
    for part in table.parts:
        if part.title:
            blocks.append(f"### {markdown_escaped(part.title)}")
        rows = [_markdown_row([markdown_escaped(text) for text in row]) for row in table.printed_rows(part)]
        blocks.append("\n".join([*head, *rows]))
        if part.notes:
            blocks.append(_markdown_notes(part.notes))
    if table.notes:
        blocks += ["### Notes", _markdown_notes(table.notes)]
    return "\n\n".join(blocks) + "\n"


def _markdown_row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown_notes(notes: tuple[str, ...]) -> str:
    return "\n".join(f"- {markdown_escaped(note)}" for note in notes)


def markdown_escaped(text: str) -> str:
    """`text` as Markdown prints it unchanged, on one line."""
    return _MARKDOWN_SPECIAL.sub(r"\\\1", " ".join(text.split()))


def to_latex(table: Table) -> str:
    r"""One `table` float for each part, each with all notes, to be read with `\input`; UTF-8, with its needs on top."""
    floats = "\n".join(_latex_float(table, part) for part in table.parts)
    head = [
        rf"{table.key}, in UTF-8; needs \usepackage{{booktabs}} and one of these:",
        r"- LuaLaTeX or XeLaTeX: \usepackage{fontspec}\setmainfont{DejaVu Sans}, or another font that has all signs",
        r"- pdfLaTeX: \usepackage[T1]{fontenc}\usepackage{amssymb}, and for signs that it does not know",
        *(
            rf"  \DeclareUnicodeCharacter{{{ord(sign):04X}}}{{\ensuremath{{{command}}}}}"
            for sign, command in _PDFLATEX_LACKS.items()
            if sign in floats
        ),
    ]
    return "".join(f"% {line}\n" for line in head) + floats


def _latex_float(table: Table, part: Part) -> str:
    columns = table.printed_columns()
    # LaTeX numbers tables itself.
    title = re.sub(r"^Table \d+: ", "", table.title)
    caption = latex_escaped(f"{title} ({part.title})" if part.title else title)
    label = "-".join(["tab:" + table.key, *([part.selection] if part.selection else [])])
    body = [_guarded(" & ".join(map(latex_escaped, row))) + r" \\" for row in table.printed_rows(part)]
    notes = [rf"\item {_guarded(latex_escaped(note))}" for note in (*part.notes, *table.notes)]
    return "\n".join([
        r"\begin{table}[htbp]",
        r"\centering" + (r"\footnotesize\setlength{\tabcolsep}{3pt}" if len(columns) > WIDE else r"\small"),
        rf"\caption{{{caption}}}",
        rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{{''.join('r' if column.number else 'l' for column in columns)}}}",
        r"\toprule", _latex_header(columns), r"\midrule", *body, r"\bottomrule",
        r"\end{tabular}",
        *([r"\begin{itemize}\footnotesize", *notes, r"\end{itemize}"] if notes else []),
        r"\end{table}",
        "",
    ])  # fmt: skip


def latex_escaped(text: str) -> str:
    """`text` as LaTeX prints it unchanged, on one line: its special characters escaped, numbers with a real minus."""
    return _LATEX_NUMBER.sub("−", " ".join(text.split()).translate(_LATEX_SPECIAL))


def _guarded(text: str) -> str:
    r"""`text` behind `\\` or `\item`, which would read a bracket or a star as their option."""
    return "{}" + text if text.startswith(("[", "*")) else text


def _latex_header(columns: Sequence[Column]) -> str:
    """The header of a table; in a wide one, headers of several words have two lines."""
    cells = []
    for column in columns:
        words = column.header.split()
        # Where the longer of the two lines is shortest.
        cuts = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))]
        lines = min(cuts, key=lambda cut: max(map(len, cut))) if cuts and len(columns) > WIDE else (column.header,)
        text = r"\\".join(_guarded(latex_escaped(line)) for line in lines)
        cells.append(rf"\shortstack[{'r' if column.number else 'l'}]{{{text}}}" if len(lines) > 1 else text)
    return " & ".join(cells) + r" \\"
