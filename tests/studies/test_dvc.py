"""studies/dvc.yaml: every stage lists the rooms whose code it runs and no others, and tracks a section of its own."""

from pathlib import PurePosixPath

import pytest
from ruamel.yaml import YAML

from pipeline.core.source import import_closure
from studies.__main__ import STUDIES
from studies.params import StudiesParams, load_params
from tests.helpers.closure import ROOT, check_deps

STAGES = YAML(typ="safe").load((ROOT / "studies/dvc.yaml").read_text("utf-8"))["stages"]


def code_of(name):
    return import_closure(["studies.__main__", f"studies.{name}.study"], ("pipeline", "studies"))


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_the_rooms_whose_code_it_runs(name):
    assert STAGES[name]["cmd"] == f"python -m studies {name}"
    assert check_deps(code_of(name), STAGES[name]["deps"]) == []


def test_every_study_is_a_stage_and_imports_no_other_but_the_one_whose_networks_it_measures():
    assert sorted(STAGES) == STUDIES
    for name in STUDIES:
        others = {file.split("/")[1] for file in code_of(name)} & set(STUDIES) - {name}
        assert others == ({"shake_rules"} if name == "correlation" else set()), name


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
