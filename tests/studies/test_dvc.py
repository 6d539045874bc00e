"""studies/dvc.yaml: every stage depends on the code that it really imports, and each tracks a section of its own."""

from pathlib import PurePosixPath

import pytest
from ruamel.yaml import YAML

from studies.params import StudiesParams, load_params
from tests.helpers.closure import ROOT, import_closure, script_of

STAGES = YAML(typ="safe").load((ROOT / "studies/dvc.yaml").read_text("utf-8"))["stages"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_code_deps_are_the_import_closure_of_its_script(name):
    script = script_of(STAGES[name]["cmd"])
    assert script == ROOT / f"studies/stages/{name}.py"
    code = {dep for dep in STAGES[name]["deps"] if dep.endswith(".py")}
    assert code == import_closure(script)


def test_every_stage_tracks_one_section_and_every_section_but_execution_is_tracked():
    tracked = {name: stage["params"][0]["studies/params.yaml"] for name, stage in STAGES.items()}
    assert tracked == {name: ["shake_rules" if name == "correlation" else name] for name in STAGES}
    assert {section for sections in tracked.values() for section in sections} == set(StudiesParams.model_fields) - {
        "execution"
    }


def test_outs_lie_in_the_studies_results():
    for stage in STAGES.values():
        assert stage["wdir"] == ".."
        assert all(PurePosixPath(path).parts[:2] == ("studies", "results") for path in stage["outs"])


@pytest.mark.parametrize("path", ["params.yaml", "params.paper.yaml"])
def test_both_params_files_are_valid(path):
    load_params(ROOT / "studies" / path)


def test_the_speech_models_know_nothing_of_the_studies():
    for stage in YAML(typ="safe").load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"].values():
        assert not any(dep.startswith("studies") for dep in stage.get("do", stage)["deps"])
