"""params.paper.yaml is the paper (sections 4 to 6), and params.yaml the same keys made smaller."""

import pytest

from pipeline.corpora.params import CorpusParams
from pipeline.models.families.resnext import ResNeXtParams
from pipeline.models.options import Constancy, Mixup, ShakeDrop, Shaking
from pipeline.params import load_params
from tests.helpers.closure import ROOT

PAPER = load_params(ROOT / "params.paper.yaml")
DEMO = load_params(ROOT / "params.yaml")


def test_models_of_the_paper():
    shaken = [f"{layout}-Full{gamma}" for layout in ("PostAct", "RPreAct", "PreActBN") for gamma in GAMMAS]
    assert set(PAPER.models) == {
        "PreAct", "PreAct-Full", "PreAct-Both", "PostAct", "RPreAct", "PreActBN", *shaken,
        *(f"PreActBN-Both{gamma}" for gamma in GAMMAS),
    }  # fmt: skip
    assert len(PAPER.models) == 22


GAMMAS = {"": 1.0, "-g020": 0.2, "-g010": 0.1, "-g005": 0.05}


@pytest.mark.parametrize("key", PAPER.models)
def test_a_models_key_says_what_it_is(key):
    model = PAPER.models[key]
    layout, *options = key.split("-")
    assert model.layout == layout
    bands = {"Full": 1, "Both": 2}.get(options[0]) if options else None
    assert (model.shake.bands if model.shake else None) == bands
    assert model.gamma0 == GAMMAS[f"-{options[1]}" if len(options) > 1 else ""]
    if model.shake:
        assert (model.shake.forward, model.shake.backward, model.shake.level) == ("shake", "shake", "frame")


def test_recipe_of_section_5():
    train, features, network = PAPER.train, PAPER.features, PAPER.network
    assert (train.epochs, len(train.seeds), train.folds, train.batch_segments) == (1000, 3, (1, 2, 3, 4), 8)
    assert (train.learning_rate, PAPER.segment.seconds, PAPER.partition.folds) == (0.001, 6.4, 4)
    assert (features.left, features.right, features.every, features.context) == (10, 5, 8, 16)
    assert (network.kernel, network.widths, network.blocks) == ((2, 16), (4, 8, 16, 32), (3, 1, 1))
    assert (network.branches, network.dropout, network.pooling) == (2, 0.5, "bands")
    assert PAPER.classes == ("joy", "anger", "sadness", "fear")


def test_the_paper_segments_three_corpora_and_leaves_two_subjects_out():
    segmented = {corpus for corpus, params in PAPER.corpora.items() if params.segment}
    assert segmented == {"iemocap", "emodb", "ravdess"}
    assert set(PAPER.corpora) == segmented | {"enterface", "emovo", "savee"}
    assert PAPER.corpora["enterface"].exclude_actors == ("subject6", "subject12")


def test_the_demo_is_enough_for_a_table_7_and_a_pair_of_layouts():
    assert {"PreAct", "PreAct-Full", "PreAct-Both", "PreActBN", "PreActBN-Full"} <= set(DEMO.models)
    assert set(DEMO.models) - set(PAPER.models) == {"Functionals-SVM", "LogMel-Attention"}
    assert (DEMO.partition.folds, len(DEMO.train.folds), len(DEMO.train.seeds)) == (4, 4, 2)
    assert DEMO.corpora.keys() == PAPER.corpora.keys()


@pytest.mark.parametrize("path", ["params.yaml", "params.paper.yaml"])
def test_every_key_carries_a_comment(path):
    """On its own line, or, for corpora and models, in the list of keys above the section."""
    lines = (ROOT / path).read_text("utf-8").splitlines()
    section, table = "", False
    for line in lines:
        key = line.strip().split(":")[0]
        # The keys of a user's own table are in the comment beside `tables`.
        table = table and line.startswith("    ")
        if line and not line.startswith((" ", "#")):
            section = key
        elif key and not key.startswith("#") and section not in ("corpora", "models") and not table:
            assert "  # " in line, f"no comment: {line}"
        table = table or line.startswith("  tables:")
    listed = "\n".join(line for line in lines if line.startswith("#"))
    for kind in (CorpusParams, ResNeXtParams, Shaking, ShakeDrop, Mixup, Constancy):
        for key in kind.model_fields:
            assert key in listed
