import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn
from torch.autograd import gradcheck
from torch.nn import functional as F

from pipeline.models.resnext import build_network
from pipeline.models.variance_constancy import (
    Constancy,
    LayerConstancy,
    VarianceConstancy,
    clip_gradients_by_layer,
    middle_frames,
    preactivation_widths,
    variance_constancy,
)


def written_out(values, beta, n):
    """Equation 17 for every unit by NumPy, then the mean of the layer."""
    values = values.reshape(len(values), values.shape[1], -1)
    losses = [
        (1 - values[:n, c, p].var(ddof=1) / (values[n : 2 * n, c, p].var(ddof=1) + beta[c])) ** 2
        for c in range(values.shape[1])
        for p in range(values.shape[2])
    ]
    return np.mean(losses)


@given(
    n=st.integers(2, 6),
    spare=st.integers(0, 4),
    shape=st.sampled_from([(3,), (2, 4), (2, 3, 2)]),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=25, deadline=None)
def test_the_loss_is_the_formula_written_out(n, spare, shape, seed):
    draw = np.random.default_rng(seed)
    values, beta = draw.normal(size=(2 * n + spare, *shape)), draw.uniform(0.1, 2, size=shape[0])
    loss = variance_constancy(torch.from_numpy(values), torch.from_numpy(beta), n)
    np.testing.assert_allclose(loss.item(), written_out(values, beta, n), rtol=1e-10)


def test_a_unit_that_is_a_channel_pools_its_positions():
    values = np.random.default_rng(0).normal(size=(6, 2, 5))
    beta = np.array([0.5, 2.0])
    loss = variance_constancy(torch.from_numpy(values), torch.from_numpy(beta), 3, "channel")
    ratio = [values[:3, c].var(ddof=1) / (values[3:, c].var(ddof=1) + beta[c]) for c in range(2)]
    np.testing.assert_allclose(loss.item(), np.mean([(1 - r) ** 2 for r in ratio]), rtol=1e-12)


@pytest.mark.parametrize("unit", ["position", "channel"])
def test_gradients_of_activations_and_beta(unit):
    source = torch.Generator().manual_seed(0)
    values = torch.randn(7, 3, 2, generator=source, dtype=torch.float64, requires_grad=True)
    log_beta = torch.randn(3, generator=source, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x, b: variance_constancy(x, b.exp(), 3, unit), (values, log_beta))


def test_rows_past_the_two_slices_do_not_count():
    values = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    longer = torch.cat([values[:6], 100 * values[6:]])
    beta = torch.ones(4)
    assert variance_constancy(values, beta, 3) == variance_constancy(longer, beta, 3)


def test_a_short_batch_is_halved_and_one_of_three_rows_has_no_loss():
    values = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    beta = torch.ones(4)
    assert variance_constancy(values, beta, 10) == variance_constancy(values, beta, 3)
    assert variance_constancy(values[:3], beta, 10) == 0


def test_equal_variances_cost_nothing_as_beta_vanishes():
    sample = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    assert variance_constancy(torch.cat([sample, sample + 3]), torch.full((8,), 1e-9), 5) < 1e-12


def test_scaling_activations_up_is_rewarded_while_beta_is_positive():
    sample = torch.randn(5, 8, generator=torch.Generator().manual_seed(0)).repeat(2, 1)
    losses = [variance_constancy(scale * sample, torch.ones(8), 5).item() for scale in (0.5, 1, 2, 10)]
    assert losses == sorted(losses, reverse=True)


def test_beta_begins_at_one_and_stays_positive_whatever_the_step():
    layer = LayerConstancy(3, Constancy(samples=2))
    assert torch.equal(layer.beta, torch.ones(3))
    layer(torch.randn(4, 3, generator=torch.Generator().manual_seed(0))).backward()
    assert (layer.log_beta.grad != 0).all()
    with torch.no_grad():
        layer.log_beta -= 50
    assert (layer.beta > 0).all()


def mlp():
    return nn.Sequential(
        nn.Linear(4, 6), nn.ELU(), nn.Dropout(0.0), nn.Linear(6, 5), nn.ReLU(inplace=True), nn.Linear(5, 2)
    )


def test_a_network_is_watched_layer_by_layer_and_weighted():
    torch.manual_seed(0)
    network, inputs = mlp(), torch.randn(8, 4)
    constancy = VarianceConstancy(network, Constancy(samples=3, weight=0.5))
    hidden = network[0](inputs)
    deeper = network[3](F.elu(hidden))
    expected = 0.5 * sum(written_out(x.detach().double().numpy(), np.ones(x.shape[1]), 3) for x in (hidden, deeper))
    with constancy.watching(network) as penalty:
        network(inputs)
    np.testing.assert_allclose(penalty().item(), expected, rtol=1e-5)


def test_activations_in_place_do_not_spoil_the_backward_pass():
    torch.manual_seed(0)
    network, inputs = mlp(), torch.randn(8, 4)
    constancy = VarianceConstancy(network, Constancy(samples=3))
    gradients = []
    for inplace in (True, False):
        network[4].inplace = inplace
        network.zero_grad()
        with constancy.watching(network) as penalty:
            scores = network(inputs)
        (scores.sum() + penalty()).backward()
        gradients.append([p.grad.clone() for p in network.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_outside_the_context_nothing_is_watched():
    network = mlp()
    constancy = VarianceConstancy(network, Constancy(samples=2))
    with constancy.watching(network) as penalty:
        network(torch.randn(6, 4))
    before = penalty()
    network(torch.randn(6, 4))
    assert penalty() == before
    with constancy.watching(network) as penalty, pytest.raises(ValueError, match="no pre-activation was seen"):
        penalty()


def test_a_resnext_is_watched_at_one_frame_a_segment_and_beta_travels_with_it():
    network = build_network("PreActBN", kernel=(2, 4), widths=(2, 3, 4), blocks=(1, 1), branches=2, num_classes=3,
                            frame_shape=(4, 16), dropout=0.0, constancy=Constancy(samples=2))  # fmt: skip
    assert list(preactivation_widths(network).values()) == [2, 3, 2, 3, 3, 4, 3, 4]
    constancy = network.constancy
    segments = torch.tensor([0, 0, 0, 1, 2, 2, 3, 3, 3, 3])
    rows = middle_frames(segments, 4)
    assert rows.tolist() == [1, 3, 5, 8]
    frames = torch.randn(10, 1, 4, 16, generator=torch.Generator().manual_seed(0))
    with constancy.watching(network, rows) as penalty:
        scores = network(frames, segments, 4, torch.Generator().manual_seed(1))
    (F.cross_entropy(scores, torch.tensor([0, 1, 2, 0])) + penalty()).backward()
    assert all(layer.log_beta.grad.abs().sum() > 0 for layer in constancy.layers)
    assert "constancy.layers.0.log_beta" in network.state_dict()
    network.eval()
    assert network(frames, segments, 4).shape == (4, 3)


def test_only_the_rows_named_count():
    network = mlp()
    constancy = VarianceConstancy(network, Constancy(samples=2))
    inputs = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    rows = torch.tensor([1, 3, 4, 7])
    with constancy.watching(network, rows) as named:
        network(inputs)
    with constancy.watching(network) as alone:
        network(inputs[rows])
    torch.testing.assert_close(named(), alone())


def test_minimising_the_loss_alone_makes_a_unit_bimodal():
    """Theorem 1: a variance that is the same in every sample is that of two values of equal probability."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1), nn.ReLU(), nn.Linear(1, 1))
    constancy = VarianceConstancy(network, Constancy(samples=5, weight=1))
    network.add_module("constancy", constancy)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    inputs = torch.randn(4000, 1, generator=torch.Generator().manual_seed(1))

    def kurtosis():
        with torch.no_grad():
            unit = network[:3](inputs)
            centred = unit - unit.mean()
            return (centred**4).mean() / (centred**2).mean() ** 2

    before = kurtosis()
    for step in range(1200):
        batch = inputs[10 * (step % 400) : 10 * (step % 400) + 10]
        with constancy.watching(network) as penalty:
            network[:4](batch)
        optimiser.zero_grad()
        penalty().backward()
        clip_gradients_by_layer(network, 1.0)
        optimiser.step()
    assert before > 2
    assert kurtosis() < 1.4, "1 is that of two equal peaks, 1.8 that of a uniform distribution"


def test_gradients_are_clipped_layer_by_layer():
    network = mlp()
    for scale, layer in zip((100.0, 0.01), (network[0], network[3]), strict=True):
        for parameter in layer.parameters():
            parameter.grad = torch.full_like(parameter, scale)
    small = network[3].weight.grad.clone()
    clip_gradients_by_layer(network, 1.0)
    norm = torch.cat([p.grad.flatten() for p in network[0].parameters()]).norm()
    torch.testing.assert_close(norm, torch.tensor(1.0))
    assert torch.equal(network[3].weight.grad, small), "a small gradient is left as it is"


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValidationError, match="samples\n  Input should be greater than or equal to 2 .*input_value=1"):
        Constancy(samples=1)
    with pytest.raises(ValueError, match="no activation module"):
        VarianceConstancy(nn.Sequential(nn.Linear(2, 2)), Constancy())
    with pytest.raises(ValueError, match="no layer follows the activation 1"):
        VarianceConstancy(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), Constancy())
