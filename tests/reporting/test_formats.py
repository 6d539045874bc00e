import csv
import io
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.wording import enumerated
from pipeline.evaluation.wording import fixed, p_value
from pipeline.reporting.tables.formats import latex_escaped, markdown_escaped, to_csv, to_latex, to_markdown
from pipeline.reporting.tables.table import Cell, Column, Part, Table

COLUMNS = (
    Column("model", "Model", number=False, grouped=True),
    Column("ua", "UA (%)", marked=True),
    Column("runs", "Runs", where="csv"),
    Column("pair", "Pair", where="print"),
)
ROWS = (
    {"model": Cell("A|B_1"), "ua": Cell("61.342", "*"), "runs": Cell("8"), "pair": Cell("x")},
    {"model": Cell("A|B_1"), "ua": Cell("", "", "diverged (2 of 8)"), "runs": Cell("6")},
    {"model": Cell("C & <b>"), "ua": Cell("-1.128", "†‡"), "runs": Cell("8")},
)
TABLE = Table(
    "mine", "50 % of $x$ #1", COLUMNS,
    (Part(ROWS, "last", "Last epoch", ("γ₀ ✓ ✗ ×",)), Part(ROWS[:1], "best", "Best epoch")), ("A ~ note^2 {x} \\y",),
)  # fmt: skip


def unescaped_latex(text):
    """What is left of LaTeX's special characters once its escapes are taken out."""
    return re.sub(r"\\[%&#_{}$]|\\[A-Za-z]+(\{\})?", "", text)


def test_csv_has_all_parts_with_markers_apart_and_nothing_printed_in_place_of_a_value():
    assert to_csv(TABLE).splitlines() == [
        "selection,model,ua,ua_mark,runs",
        "last,A|B_1,61.342,*,8",
        "last,A|B_1,,,6",
        "last,C & <b>,-1.128,†‡,8",
        "best,A|B_1,61.342,*,8",
    ]


def test_csv_without_selections_has_no_such_column():
    table = Table("t", "T", COLUMNS, (Part(ROWS),))
    assert to_csv(table).startswith("model,ua,")


def test_markdown():
    assert to_markdown(TABLE) == "\n".join([
        r"## 50 % of \$x\$ \#1", "",
        "### Last epoch", "",
        r"| Model | UA (%) | Pair |", "| :--- | ---: | ---: |",
        r"| A\|B\_1 | \*61.342 | x |", r"|  | diverged (2 of 8) | — |", r"| C & \<b> | †‡-1.128 | — |", "",
        "- γ₀ ✓ ✗ ×", "",
        "### Best epoch", "",
        r"| Model | UA (%) | Pair |", "| :--- | ---: | ---: |", r"| A\|B\_1 | \*61.342 | x |", "",
        "### Notes", "",
        r"- A \~ note^2 {x} \\y", "",
    ])  # fmt: skip


def test_latex_has_a_float_for_each_part_with_booktabs_and_escapes():
    text = to_latex(TABLE)
    assert text.count(r"\begin{table}") == 2
    assert r"\label{tab:mine-last}" in text
    assert r"\begin{tabular}{lrr}" in text
    assert r"A|B\_1 & *61.342 & x \\" in text
    assert r"C \& <b> & †‡−1.128 & — \\" in text
    assert r"\caption{50 \% of \$x\$ \#1 (Last epoch)}" in text
    assert r"\item A \textasciitilde{} note\textasciicircum{}2 \{x\} \textbackslash{}y" in text
    assert r"\item γ₀ ✓ ✗ ×" in text


def test_the_head_of_a_latex_file_names_what_it_needs_and_only_that():
    head = [line for line in to_latex(TABLE).splitlines() if line.startswith("%")]
    declared = [line for line in head if "DeclareUnicodeCharacter" in line]
    assert declared[0] == r"%   \DeclareUnicodeCharacter{03B3}{\ensuremath{\gamma}}"
    assert [chr(int(line.split("{")[1][:4], 16)) for line in declared] == ["γ", "₀", "✓", "✗", "−"]
    plain = to_latex(Table("t", "T", COLUMNS[:1], (Part(({"model": Cell("A")},)),)))
    assert "DeclareUnicodeCharacter" not in plain
    assert r"\usepackage{booktabs}" in plain


def test_what_would_be_an_option_of_the_command_before_it_is_guarded_in_latex():
    rows = ({"model": Cell("[1pt] a")}, {"model": Cell("* b")})
    text = to_latex(Table("t", "T", COLUMNS[:1], (Part(rows),), ("[c]",)))
    assert r"{}[1pt] a \\" in text
    assert r"{}* b \\" in text
    assert r"\item {}[c]" in text


def test_latex_environments_are_balanced():
    open_environments = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", to_latex(TABLE)):
        if kind == "begin":
            open_environments.append(name)
        else:
            assert open_environments.pop() == name
    assert not open_environments


texts = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]) | st.sampled_from("†‡§¶—✓✗γ₀×é"))


@settings(max_examples=150, deadline=None)
@given(texts)
def test_no_text_escapes_from_latex(text):
    rest = unescaped_latex(latex_escaped(text))
    assert not set(rest) & set("\\{}$&#%_^~")


@settings(max_examples=100, deadline=None)
@given(texts)
def test_no_text_breaks_a_markdown_row(text):
    escaped = markdown_escaped(text)
    assert "\n" not in escaped
    assert not re.search(r"(?<!\\)(\\\\)*\|", escaped)
    assert re.sub(r"\\([^A-Za-z0-9\s])", r"\1", escaped) == " ".join(text.split())


@settings(max_examples=60, deadline=None)
@given(texts)
def test_any_text_survives_the_csv(text):
    table = Table("t", "T", COLUMNS[:1], (Part(({"model": Cell(text)},)),))
    assert list(csv.DictReader(io.StringIO(to_csv(table)))) == [{"model": text}]


def test_numbers_as_the_paper_prints_them():
    nan = float("nan")
    assert [fixed(x) for x in (61.3421, -1.1279, -0.0001, 0.0, nan, None)] == [
        "61.342", "-1.128", "0.000", "0.000", "", "",
    ]  # fmt: skip
    assert [p_value(x) for x in (0.0144, 1.22e-5, 0.99, 1.0, 3.456e-11, nan, None)] == [
        "1.44e-2", "1.22e-5", "9.90e-1", "1.00e0", "3.46e-11", "", "",
    ]  # fmt: skip
    assert [enumerated(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
