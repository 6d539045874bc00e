"""What section 6.2 states, against the published tables."""

from pipeline.paper.published import model_key, published_models, published_rows
from pipeline.paper.statements import STATEMENT_CLAIMS, STATEMENTS


def figures():
    rows = {}
    for table in ("table8", "table10"):
        for row in published_rows(table):
            rows[model_key(row["architecture"], row["shake"], row["gamma0"])] = row
    return rows


def test_every_statement_is_about_two_of_the_papers_models():
    assert {model for first, second, _ in STATEMENT_CLAIMS for model in (first, second)} <= set(published_models())
    assert len(STATEMENT_CLAIMS) == len(set(STATEMENT_CLAIMS)) == 8


def test_the_model_said_to_be_better_has_the_better_published_figure():
    published = figures()
    for one in STATEMENTS:
        first, second = (float(published[model][one.metric]) for model in (one.first, one.second))
        if one.relation == "better":
            assert one.metric == "gap"
            assert first < second, one.text
        else:
            assert abs(first - second) < 1.2, one.text


def test_printed_p_values_are_those_of_the_text():
    printed = {(one.first, one.second, one.metric): one.p for one in STATEMENTS if one.p}
    assert printed == {
        ("RPreAct-Full", "RPreAct", "gap"): "0.088",
        ("PreActBN-Full-g005", "PreActBN-Both-g005", "valid_ua"): "0.51",
        ("PreActBN-Full-g005", "PreActBN-Both-g005", "gap"): "0.079",
    }
    assert all((float(one.p) < 0.05) == one.significant for one in STATEMENTS if one.p)
    significant = {(one.first, one.second) for one in STATEMENTS if one.significant}
    assert significant == {("PreAct-Both", "PreActBN-Both"), ("PreAct-Both", "PreActBN-Both-g005")}
