"""dvc.yaml: every stage depends on the code it really imports, and on no more."""

import re
from pathlib import PurePosixPath

import pytest
from ruamel.yaml import YAML

from pipeline.params import load_params
from tests.figures.test_figures import ALL as ALL_FIGURES
from tests.helpers.closure import ROOT, import_closure


def stages(path):
    definitions = YAML(typ="safe").load((ROOT / path).read_text("utf-8"))["stages"]
    return {name: definition.get("do", definition) for name, definition in definitions.items()}


ALL = {**stages("dvc.yaml"), **stages("demo/dvc.yaml")}


@pytest.mark.parametrize("name", ALL)
def test_a_stages_code_deps_are_the_import_closure_of_its_script(name):
    script = ALL[name]["cmd"].split()[1]
    assert script == f"stages/{name}.py"
    code = {dep for dep in ALL[name]["deps"] if dep.endswith(".py")}
    assert code == import_closure(ROOT / script)


def test_the_stages_are_those_of_the_house():
    assert set(ALL) == {
        "demo", "ingest", "segment", "extract", "inputs", "partition", "train", "compare", "figures", "report",
    }  # fmt: skip


def test_no_stage_depends_on_how_runs_are_executed():
    assert not any("execution" in stage.get("params", []) for stage in ALL.values())


def test_every_params_section_but_execution_is_some_stages():
    tracked = {param.split(".")[0] for stage in ALL.values() for param in stage.get("params", [])}
    assert tracked == set(type(load_params(ROOT / "params.yaml")).model_fields) - {"execution"}


def test_outs_and_deps_stay_inside_the_repository():
    for stage in ALL.values():
        for path in (*stage["outs"], *stage["deps"]):
            assert not PurePosixPath(path).is_absolute()
            assert ".." not in PurePosixPath(path).parts


@pytest.mark.parametrize("path", ["params.yaml", "params.paper.yaml"])
def test_both_params_files_are_valid(path):
    load_params(ROOT / path)


def test_a_stage_names_every_file_of_data_and_results_that_its_script_reads():
    """Paths under data/ and results/ in a script are its deps or its outs (or a part of one)."""
    for name, stage in ALL.items():
        script = (ROOT / f"stages/{name}.py").read_text("utf-8")
        known = [
            path.replace("${key}", "*").replace("${item.path}", "*")
            for path in (*stage["deps"], *stage["outs"], *stage.get("metrics", []))
        ]
        for path in re.findall(r"(?:data|results)/[\w/{}.-]+", script):
            plain = re.sub(r"\{\w+\}", "*", path).rstrip("/.")
            inside = any(plain == one or plain.startswith(f"{one}/") or one.startswith(f"{plain}/") for one in known)
            assert inside, f"{name} uses {path}, which dvc.yaml does not name"


def test_what_looks_at_results_shares_no_code_with_what_trains():
    """So an edit of a figure, a table or the page trains nothing, and takes seconds."""
    code = {name: {dep for dep in ALL[name]["deps"] if dep.endswith(".py")} for name in ALL}
    assert not any(dep.startswith("pipeline/reporting/") for dep in code["train"])
    assert not any(dep.startswith("pipeline/training/") for name in ("figures", "report") for dep in code[name])
    assert not any(dep.startswith("pipeline/models/") for dep in code["figures"])


def test_plots_are_files_of_the_figures_stage():
    plots = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["plots"]
    images = {one for one in plots if isinstance(one, str)}
    data = {path for one in plots if isinstance(one, dict) for plot in one.values() for path in plot["y"]}
    assert images == {f"results/figures/{key}.png" for key in ALL_FIGURES}
    assert {path.removeprefix("results/figures/").removesuffix(".csv") for path in data} <= set(ALL_FIGURES)
