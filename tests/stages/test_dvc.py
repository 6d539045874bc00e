"""dvc.yaml: every stage depends on the code it really imports, and on no more."""

import ast
import re
from pathlib import PurePosixPath

import pytest
from ruamel.yaml import YAML

from pipeline.core.source import import_closure
from pipeline.figures.registry import FIGURES
from pipeline.frontends.registry import FRONT_ENDS
from pipeline.models.registry import FAMILIES
from pipeline.params import load_params
from tests.helpers.closure import INERT, ROOT, check_deps


def stages(path):
    definitions = YAML(typ="safe").load((ROOT / path).read_text("utf-8"))["stages"]
    return {name: definition.get("do", definition) for name, definition in definitions.items()}


ALL = {**stages("dvc.yaml"), **stages("demo/dvc.yaml")}


CONFIGURED = (*FAMILIES.values(), *FRONT_ENDS.values())
NAMED = {"train": FAMILIES.values(), "check": CONFIGURED, "figures": CONFIGURED, "report": CONFIGURED}
"""Modules that a stage finds by the names in params.yaml, beside those that it imports."""


@pytest.mark.parametrize("name", ALL)
def test_a_stage_lists_the_rooms_whose_code_it_runs_and_no_others(name):
    assert ALL[name]["cmd"].split()[:3] == ["python", "-m", f"stages.{name}"]
    closure = import_closure([f"stages.{name}", *NAMED.get(name, ())], ("pipeline", "stages"), ROOT)
    assert check_deps(closure, ALL[name]["deps"]) == []


def test_what_no_stage_lists_computes_nothing():
    for path in INERT:
        statements = ast.parse((ROOT / path).read_text("utf-8")).body
        assert all(ast.unparse(one).startswith(("'", '"', "__version__ = ")) for one in statements)


def test_the_stages_are_those_of_the_house():
    assert set(ALL) == {
        "demo", "check", "ingest", "segment", "extract", "inputs", "partition", "train", "compare", "figures", "report",
    }  # fmt: skip


def test_the_extraction_of_a_front_end_depends_on_its_description_and_not_on_the_code_of_all():
    assert "data/frontends/${item.frontend}.json" in ALL["extract"]["deps"]
    assert not any(dep.startswith("pipeline/frontends") for dep in ALL["extract"]["deps"])


def test_what_reads_the_configured_front_ends_depends_on_them():
    """Not on the params `frontends`: DVC refuses params that params.yaml does not have, and that section is optional."""
    assert all("data/frontends" in ALL[name]["deps"] for name in ("inputs", "train", "figures", "report"))


def test_no_stage_depends_on_how_runs_are_executed():
    assert not any("execution" in stage.get("params", []) for stage in ALL.values())


def test_every_params_section_but_execution_is_some_stages():
    listed = [param for name, stage in ALL.items() if name != "check" for param in stage.get("params", [])]
    tracked = {param.split(".")[0] for param in listed}
    # `check` tracks the whole file; of `frontends` each stage tracks what check makes of it.
    assert ALL["check"]["params"] == [{"params.yaml": None}]
    assert tracked == set(type(load_params(ROOT / "params.yaml")).model_fields) - {"execution", "frontends"}


def test_outs_and_deps_stay_inside_the_repository():
    for stage in ALL.values():
        for path in (*stage["outs"], *stage["deps"]):
            assert not PurePosixPath(path).is_absolute()
            assert ".." not in PurePosixPath(path).parts


@pytest.mark.parametrize("path", sorted(path.name for path in ROOT.glob("params*.yaml")))
def test_every_params_file_is_valid(path):
    load_params(ROOT / path)


def test_a_stage_names_every_file_of_data_and_results_that_its_script_reads():
    """Paths under data/ and results/ in a script are its deps or its outs (or a part of one)."""
    for name, stage in ALL.items():
        script = (ROOT / f"stages/{name}.py").read_text("utf-8")
        known = [
            re.sub(r"\$\{[\w.]+\}", "*", path) for path in (*stage["deps"], *stage["outs"], *stage.get("metrics", []))
        ]
        for path in re.findall(r"(?:data|results)/[\w/{}.-]+", script):
            plain = re.sub(r"\{\w+\}", "*", path).rstrip("/.")
            inside = any(plain == one or plain.startswith(f"{one}/") or one.startswith(f"{plain}/") for one in known)
            assert inside, f"{name} uses {path}, which dvc.yaml does not name"


def test_what_trains_runs_no_code_of_what_looks_at_results():
    """So an edit of a figure, a table or the page trains nothing, and takes seconds."""
    looking = ("pipeline/evaluation", "pipeline/figures", "pipeline/paper", "pipeline/reporting")
    for name in ("ingest", "segment", "extract", "inputs", "partition", "train"):
        assert not set(ALL[name]["deps"]) & {*looking, "pipeline/params.py"}, name


def test_a_new_option_of_models_ingests_and_extracts_nothing():
    for name in ("ingest", "segment", "extract", "inputs", "partition"):
        assert not set(ALL[name]["deps"]) & {"pipeline/models", "pipeline/training", "pipeline/runs"}, name


def test_plots_are_files_of_the_figures_stage():
    plots = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["plots"]
    images = {one for one in plots if isinstance(one, str)}
    data = {path for one in plots if isinstance(one, dict) for plot in one.values() for path in plot["y"]}
    drawn = {path.removeprefix("results/figures/").partition(".")[0] for path in images | data}
    assert drawn <= {
        "ua_curves",
        "loss_curves",
        "trade_off",
        "differences",
        "confusion",
        "reliability",
        "groups",
        "cross_corpus",
        "folds",
        "spectrogram",
    }
    assert len(images) == len(FIGURES)
