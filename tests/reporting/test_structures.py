import sys
from dataclasses import replace
from types import SimpleNamespace

from pipeline.models.registry import FAMILIES
from pipeline.reporting.structures import network_structures
from pipeline.reporting.tables.registry import build_tables
from tests.helpers.centroid import FAMILY
from tests.helpers.reports import DEMO, params_with, results_of


def totals(params):
    return {layout: rows[-1].params for layout, rows in network_structures(params).items()}


def with_own(**own):
    """The made-up experiment's first and fourth model with values of their own."""
    models = DEMO["models"]
    return {"PreAct": {**models["PreAct"], **own}, "PreActBN": {**models["PreActBN"], **own}}


def test_a_layout_is_built_from_the_sections_of_its_first_model():
    plain = params_with()
    own = {"network": {"widths": (4, 8, 16)}}
    models = {**DEMO["models"], "PreActBN": {**DEMO["models"]["PreActBN"], **own}}
    mixed = totals(params_with(models=models))
    assert list(mixed) == ["PreAct", "PreActBN"]
    assert mixed["PreAct"] == totals(plain)["PreAct"]
    assert mixed["PreActBN"] == totals(params_with(network={**DEMO["network"], "widths": (4, 8, 16)}))["PreActBN"]


def test_sections_that_every_model_overrides_are_not_built():
    features = {**DEMO["features"], "left": 0, "right": 0}
    params = params_with(features=features, models=with_own(features={"left": 10, "right": 5}))
    assert params.mistakes() == []
    assert totals(params) == totals(params_with(models=with_own()))


def test_without_a_model_of_it_preact_is_built_from_the_first_resnext():
    models = {"PreActBN": DEMO["models"]["PreActBN"]}
    assert totals(params_with(models=models)) == totals(params_with())


def test_without_a_resnext_there_is_no_table_5(monkeypatch):
    monkeypatch.setitem(sys.modules, "centroid", SimpleNamespace(FAMILY=FAMILY))
    monkeypatch.setitem(FAMILIES, "centroid", "centroid")
    params = params_with(
        models={"Centroid": {"label": "Centroid", "family": "centroid"}},
        features={**DEMO["features"], "left": 0, "right": 0},
    )
    assert network_structures(params) == {}
    tables = build_tables(replace(results_of(params), structures={}))
    assert "table5" not in [table.key for table in tables]
