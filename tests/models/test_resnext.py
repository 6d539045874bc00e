import pytest
import torch

from pipeline.models.layouts import LAYOUTS
from pipeline.models.options import Shaking
from pipeline.models.resnext import build_network

PAPER = {
    "kernel": (2, 16), "widths": (4, 8, 16, 32), "blocks": (3, 1, 1), "branches": 2, "num_classes": 4,
    "frame_shape": (16, 257),
}  # fmt: skip
SMALL = {
    "kernel": (2, 4), "widths": (2, 3, 4), "blocks": (2, 1), "branches": 2, "num_classes": 3, "frame_shape": (5, 21)
}  # fmt: skip
SEGMENTS = torch.tensor([0, 0, 0, 1, 1, 1, 1])


def frames(shape=(5, 21), seed=0):
    return torch.randn(7, 1, *shape, generator=torch.Generator().manual_seed(seed))


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("layout", "res8", "total"),
    [
        ("PreAct", 22_840, 148_044), ("PreActBN", 22_936, 148_332), ("RPreAct", 22_856, 148_156),
        ("PostAct", 22_856, 148_156),
    ],
)  # fmt: skip
def test_parameter_counts_of_table_5(layout, res8, total):
    rows = {row.layer: row.params for row in build_network(layout, **PAPER).layer_rows()}
    assert (rows["prelim-conv"], rows["res-8"], rows["affine"], rows["total"]) == (132, res8, 1024, total)


def test_preact_counts_of_every_row():
    rows = build_network("PreAct", **PAPER).layer_rows()
    assert [row.params for row in rows] == [132, 22_840, 24_880, 99_168, None, 1_024, 148_044]


def test_both_poolings_fit_the_affine_layer_of_table_5():
    for pooling in ("bands", "bins"):
        assert build_network("PreAct", **PAPER, pooling=pooling).affine.in_features == 256


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shaking", [None, Shaking(), Shaking(bands=2), Shaking(bands=3, level="segment")])
def test_every_layout_trains_and_scores(layout, shaking):
    network = build_network(layout, **SMALL, shaking=shaking)
    scores = network(frames(), SEGMENTS, 2, noise())
    assert scores.shape == (2, 3)
    scores.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    network.eval()
    assert torch.isfinite(network(frames(), SEGMENTS, 2)).all()


@pytest.mark.parametrize("kernel", [(1, 1), (2, 16), (3, 3), (2, 3), (5, 4)])
@pytest.mark.parametrize("padding", ["paired", "same"])
@pytest.mark.parametrize("branches", [1, 2, 4])
def test_any_kernel_padding_and_number_of_branches_keeps_the_shapes(kernel, padding, branches):
    options = SMALL | {"kernel": kernel, "branches": branches, "frame_shape": (8, 32)}
    network = build_network("PreActBN", **options, padding=padding, pooling="bins")
    assert network(frames((8, 32)), SEGMENTS, 2, noise()).shape == (2, 3)


def test_branch_operations_in_order():
    for name, layout in LAYOUTS.items():
        branch = build_network(name, **SMALL).stages[0][0].branches[0]
        words = {"BatchNorm2d": "BN", "Convolution": "Conv", "ReLU": "ReLU"}
        assert tuple(words[type(layer).__name__] for layer in branch) == layout.operations


def test_postact_alone_ends_its_blocks_in_a_relu():
    for name in LAYOUTS:
        network = build_network(name, **SMALL).eval()
        hidden = network.stages[0][0](network.prelim(frames()), SEGMENTS, None)
        assert bool((hidden >= 0).all()) == (name == "PostAct")


def test_the_standardising_layer_stands_before_the_affine_in_all_but_preact():
    for name in LAYOUTS:
        network = build_network(name, **SMALL)
        standardises = isinstance(network.standardise, torch.nn.BatchNorm1d)
        assert standardises == (name != "PreAct")
        if standardises:
            assert network.standardise.weight is None, "it neither scales nor shifts"


def test_gamma0_is_the_scale_of_every_normalisation_in_the_blocks():
    for gamma0 in (1.0, 0.05):
        network = build_network("PreActBN", **SMALL, gamma0=gamma0)
        scales = [m.weight for m in network.stages.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        assert len(scales) == 3 * 2 * 3
        assert all((scale == gamma0).all() for scale in scales)
    uniform = build_network("PreActBN", **SMALL, gamma0="uniform").stages[0][0].branches[0][0].weight
    assert ((uniform > 0) & (uniform < 1)).all()
    assert len(torch.unique(uniform)) == len(uniform)


def test_each_branch_has_its_own_normalisations():
    first, second = build_network("PreAct", **SMALL).stages[0][0].branches
    assert first[0] is not second[0]


def test_only_a_stages_first_block_has_a_convolution_in_its_shortcut():
    stage = build_network("PreAct", **SMALL).stages[0]
    assert isinstance(stage[0].shortcut, torch.nn.Conv2d)
    assert stage[0].shortcut.kernel_size == (1, 1)
    assert isinstance(stage[1].shortcut, torch.nn.Identity)


def test_scores_of_a_segment_do_not_depend_on_its_company_in_eval_mode():
    network = build_network("PreActBN", **SMALL).eval()
    together = network(frames(), SEGMENTS, 2)
    alone = network(frames()[SEGMENTS == 1], torch.zeros(4, dtype=torch.int64), 1)
    torch.testing.assert_close(together[1:], alone)


def test_shaking_in_eval_mode_is_the_mean_of_the_branches():
    shaken = build_network("PreAct", **SMALL, shaking=Shaking(), seed=3).eval()
    plain = build_network("PreAct", **SMALL, seed=3).eval()
    assert torch.equal(shaken(frames(), SEGMENTS, 2), plain(frames(), SEGMENTS, 2))


def test_pooling_averages_each_segments_own_frames():
    network = build_network("PreAct", **SMALL).eval()
    repeated = torch.cat([frames()[:3], frames()[:3]])
    once = network(frames()[:3], torch.zeros(3, dtype=torch.int64), 1)
    twice = network(repeated, torch.zeros(6, dtype=torch.int64), 1)
    torch.testing.assert_close(once, twice)


def test_initialisation_comes_from_the_seed_alone():
    torch.manual_seed(1)
    first = build_network("PreAct", **SMALL, seed=5)
    torch.manual_seed(2)
    second = build_network("PreAct", **SMALL, seed=5)
    other = build_network("PreAct", **SMALL, seed=6)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert not torch.equal(first.affine.weight, other.affine.weight)


def test_dropout_and_shaking_come_from_the_generator_alone():
    network = build_network("PreAct", **SMALL, shaking=Shaking())
    torch.manual_seed(1)
    first = network(frames(), SEGMENTS, 2, noise(7))
    torch.manual_seed(2)
    assert torch.equal(first, network(frames(), SEGMENTS, 2, noise(7)))
    assert not torch.equal(first, network(frames(), SEGMENTS, 2, noise(8)))


def test_training_without_a_generator_is_refused():
    with pytest.raises(ValueError, match="pass a generator"):
        build_network("PreAct", **SMALL, shaking=Shaking())(frames(), SEGMENTS, 2)


def test_frames_too_small_for_the_network_are_refused():
    with pytest.raises(ValueError, match="too small"):
        build_network("PreAct", **SMALL | {"frame_shape": (5, 6)})
