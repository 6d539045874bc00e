"""The paper's figures as stored beside the code."""

import pytest

from pipeline.models.families.resnext import ResNeXtParams
from pipeline.models.options import Shaking
from pipeline.paper.published import model_key, published_models, published_rows
from pipeline.paper.settings import CORPORA
from tests.evaluation.test_comparison import PAPER_MODELS


def test_the_22_models_are_those_of_tables_6_8_and_10():
    assert set(published_models()) == PAPER_MODELS
    assert published_models()["PreActBN-Both-g005"] == ResNeXtParams(
        label="PreActBN-Both-g005", layout="PreActBN", gamma0=0.05, shake=Shaking(bands=2)
    )
    assert published_models()["RPreAct"].shake is None


@pytest.mark.parametrize(
    ("row", "key"),
    [
        (("PreAct", "no", ""), "PreAct"),
        (("PreAct", "yes", ""), "PreAct-Full"),
        (("PreAct", "Both", "1.00"), "PreAct-Both"),
        (("PostAct", "yes", "0.10"), "PostAct-Full-g010"),
        (("PreActBN", "Both", "0.20"), "PreActBN-Both-g020"),
    ],
)
def test_rows_and_their_models(row, key):
    assert model_key(*row) == key


def test_tables_agree_where_they_repeat_a_model():
    figures = {model_key(r["architecture"], r["shake"], r["gamma0"]): r for r in published_rows("table8")}
    for row in published_rows("table2"):
        twin = figures[model_key(row["architecture"], row["shake"], "")]
        assert (row["valid_ua"], row["gap"]) == (twin["valid_ua"], twin["gap"])
    subband = {r["model"]: r for r in published_rows("table6")}
    assert subband["PreAct-Both"]["gap"] == published_rows("table10")[0]["gap"]


def test_totals_are_the_sums_of_their_columns():
    for table, columns in (("table3", ("actors", "joy", "anger", "sadness", "fear")), ("table4", ("set1_F", "set4_M"))):
        *corpora, total = published_rows(table)
        assert [row["corpus"] for row in corpora] == list(CORPORA.values())
        for column in columns:
            assert sum(int(row[column]) for row in corpora) == int(total[column])


def test_what_the_text_says_of_the_tables_follows_from_them():
    """Sections 4.2, 6.1 and 6.2: differences of rows, and which row has the most UA and the least Gap."""
    rows = {model_key(r["architecture"], r["shake"], r["gamma0"]): r for r in published_rows("table8")}
    rows |= {r["model"]: r for r in published_rows("table6")}

    def more(first, second):
        return tuple(round(float(rows[first][of]) - float(rows[second][of]), 3) for of in ("valid_ua", "gap"))

    assert more("PreActBN-Full", "PreAct-Full") == (3.205, 9.476)
    assert more("PreActBN-Full", "PreActBN") == (2.787, 0.938)
    assert (more("PreAct-Full", "PreAct"), more("PreAct-Both", "PreAct")) == ((1.647, -8.613), (3.631, -5.694))
    shaken = [rows[f"{layout}-Full"] for layout in ("PostAct", "RPreAct", "PreActBN")]
    assert all(max(shaken, key=lambda row: float(row[of])) is rows["PreActBN-Full"] for of in ("valid_ua", "gap"))
    table = published_rows("table8")
    best, gaps = max(table, key=lambda row: float(row["valid_ua"])), sorted(table, key=lambda row: float(row["gap"]))
    assert (best["valid_ua"], [row["gap"] for row in gaps[:2]]) == ("66.418", ["-1.128", best["gap"]])
