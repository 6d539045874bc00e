"""Networks of frames: no padding has an effect, against a plain implementation of one segment at a time."""

import copy

import pytest
import torch
from torch.nn import functional as F

from pipeline.core.features import Shape
from pipeline.models.base import Batch
from pipeline.models.convolving import Convolutions, Slots
from pipeline.models.family import Design
from pipeline.models.framewise import FramewiseNetwork, LayerWeights
from pipeline.models.pooling import FLOOR, SegmentPooling
from pipeline.models.registry import family

BANDS = Shape(12, frequency_axis=True)
ENCODER = Shape(3 * 6, shift=2, layers=3)
COUNTS = (1, 2, 9, 31, 16, 33, 5)
SMALL = {
    "attention": {"convolutions": (3, 4, 5), "hidden": 6, "mlp": (5,)},
    "cnn_lstm": {"convolutions": (3, 4, 5), "lstm": 4, "mlp": (5,)},
}  # fmt: skip


def batch_of(counts, dims, dtype=torch.float64, seed=0):
    frames = torch.randn(sum(counts), 1, 1, dims, dtype=dtype, generator=torch.Generator().manual_seed(seed))
    segments = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return Batch(frames, segments, torch.arange(len(counts)) % 4)


def part_of(batch, segment):
    return Batch(batch.frames[batch.segment_of_frame == segment], batch.segment_of_frame.new_zeros(
        int((batch.segment_of_frame == segment).sum())), batch.emotions[segment : segment + 1])  # fmt: skip


def network_of(name, shape, seed=0, **options):
    kind = family(name)
    model = kind.options(label="x", family=name, **{**(SMALL[name] if shape.frequency_axis else {}), **options})
    return kind.classifier(Design(model, None, None, 4, shape), seed)


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


CASES = [
    ("attention", BANDS, {}), ("attention", BANDS, {"halvings": 0}), ("attention", BANDS, {"pooling": "statistics"}),
    ("attention", BANDS, {"pooling": "mean", "every": 3}), ("attention", ENCODER, {"hidden": 8}),
    ("attention", BANDS, {"convolutions": ()}), ("cnn_lstm", BANDS, {}), ("cnn_lstm", BANDS, {"every": 1, "halvings": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "shape", "options"), CASES)
def test_a_segment_has_the_same_scores_alone_and_beside_longer_ones(name, shape, options):
    network = network_of(name, shape, **options).double()
    batch = batch_of(COUNTS, shape.dims)
    # The running statistics move away from 0 and 1 first.
    network.train()
    network.scores(batch, noise())
    network.eval()
    together = network.scores(batch)
    alone = torch.cat([network.scores(part_of(batch, segment)) for segment in range(len(COUNTS))])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "shape", "options"), CASES)
def test_a_row_beyond_the_others_changes_nothing_and_gradients_are_those_of_the_segments(name, shape, options):
    """In eval mode the gradient of a batch is the sum of the gradients of its segments."""
    network = network_of(name, shape, **options).double().eval()
    other = copy.deepcopy(network)
    batch = batch_of(COUNTS, shape.dims)
    network.scores(batch).square().sum().backward()
    for segment in range(len(COUNTS)):
        other.scores(part_of(batch, segment)).square().sum().backward()
    for (place, ours), theirs in zip(network.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-11, msg=place)


@pytest.mark.parametrize("halvings", [0, 1, 2, 3])
def test_convolutions_are_those_of_each_segment_with_statistics_over_its_frames_alone(halvings):
    torch.manual_seed(1)
    ours = Convolutions((3, 4, 5), halvings, 11).double()
    for layer in ours.normalisations:
        torch.nn.init.uniform_(layer.weight, -1, 1)
        torch.nn.init.uniform_(layer.bias, -1, 1)
    theirs = copy.deepcopy(ours)
    parts = [torch.randn(count, 11, dtype=torch.float64) for count in COUNTS]
    outputs, segments = ours(torch.cat(parts), torch.tensor(COUNTS))

    # One segment at a time; a normalisation sees the frames of all, and no others.
    hidden = [part[None, None] for part in parts]
    for block, (convolution, layer) in enumerate(zip(theirs.convolutions, theirs.normalisations, strict=True)):
        hidden = [F.conv2d(one, convolution.weight, padding=1) for one in hidden]
        values = torch.cat([one.transpose(0, 2).flatten(2) for one in hidden]).transpose(0, 1).flatten(1)
        mean, variance = values.mean(1), values.var(1, unbiased=False)
        torch.testing.assert_close(ours.normalisations[block].running_mean, 0.1 * mean)
        torch.testing.assert_close(ours.normalisations[block].running_var, 0.9 + 0.1 * values.var(1))
        scale = layer.weight / (variance + layer.eps).sqrt()
        hidden = [
            F.relu((one - mean[:, None, None]) * scale[:, None, None] + layer.bias[:, None, None]) for one in hidden
        ]
        window = (2, 2) if block < halvings else (1, 2)
        hidden = [F.max_pool2d(one, window, ceil_mode=True) for one in hidden]
    expected = torch.cat([one[0].permute(1, 2, 0).flatten(1) for one in hidden])
    torch.testing.assert_close(outputs, expected, rtol=1e-10, atol=1e-12)
    assert segments.bincount().tolist() == [one.shape[2] for one in hidden]
    assert outputs.shape[1] == ours.outputs


@pytest.mark.parametrize("last", [0, 1, 2, 3])
def test_rows_of_zeros_separate_segments_before_every_convolution(last):
    halvings = 3
    slots = Slots.of(torch.tensor(COUNTS), halvings, last)
    assert (slots.sizes % 2**halvings == 0).all()
    assert slots.height(0) == slots.sizes.sum() + 2**halvings
    for times in range(last + 1):
        rows, segment = slots.after(times)
        taken = torch.zeros(slots.height(times), dtype=torch.int64)
        taken[rows] = segment + 1
        inside = [number for number in taken.tolist() if number]
        assert inside == sorted(inside)
        assert torch.bincount(segment).tolist() == [-(-count // 2**times) for count in COUNTS]
        for first, second in zip(taken.tolist(), [*taken.tolist()[1:], 0], strict=True):
            assert first == second or 0 in (first, second)


def test_gradients_in_double_are_those_of_differences():
    shape = Shape(4, frequency_axis=True)
    for network in (
        FramewiseNetwork(4, 3, channels=(2, 2), halvings=1, hidden=3, mlp=(3,)).double().eval(),
        FramewiseNetwork(4, 3, layers=2, hidden=3, pooling="statistics").double().eval(),
        FramewiseNetwork(4, 3, channels=(2,), halvings=1, lstm=2).double().eval(),
    ):
        batch = batch_of((3, 1, 2), shape.dims)
        names = [name for name, _ in network.named_parameters()]

        def scores(frames, *values, network=network, batch=batch, names=names):
            changed = Batch(frames, batch.segment_of_frame, batch.emotions)
            return torch.func.functional_call(
                Scoring(network), {f"of.{n}": v for n, v in zip(names, values, strict=True)}, changed
            )

        inputs = [batch.frames.requires_grad_(), *(p.detach().requires_grad_() for p in network.parameters())]
        assert torch.autograd.gradcheck(scores, inputs, atol=1e-6, rtol=1e-4)


class Scoring(torch.nn.Module):
    """`scores` as `forward`, for `functional_call`."""

    def __init__(self, of):
        super().__init__()
        self.of = of

    def forward(self, batch):
        return self.of.scores(batch)


def test_attention_is_a_softmax_over_the_frames_of_a_segment():
    torch.manual_seed(0)
    pooling = SegmentPooling("attention", 5).double()
    frames, segments = torch.randn(7, 5, dtype=torch.float64), torch.tensor([0, 0, 0, 1, 2, 2, 2])
    pooled = pooling(frames, segments, 3)
    for number in range(3):
        own = frames[segments == number]
        share = pooling.attention(own).softmax(0)
        mean = (share * own).sum(0)
        deviation = ((share * (own - mean) ** 2).sum(0) + FLOOR).sqrt()
        torch.testing.assert_close(pooled[number], torch.cat([mean, deviation]))


def test_the_layers_of_an_encoder_are_weighted_by_a_softmax_times_a_scale():
    weights = LayerWeights(3)
    frames = torch.randn(4, 3 * 5)
    torch.testing.assert_close(weights(frames), frames.view(4, 3, 5).mean(1))
    with torch.no_grad():
        weights.logits.copy_(torch.tensor([0.0, 1.0, -1.0]))
        weights.scale.fill_(2.0)
    expected = 2 * torch.einsum("l,nlw->nw", torch.tensor([0.0, 1.0, -1.0]).softmax(0), frames.view(4, 3, 5))
    torch.testing.assert_close(weights(frames), expected)


@pytest.mark.parametrize(("name", "shape", "options"), CASES)
def test_a_seed_alone_decides_the_initial_numbers_and_the_generator_alone_the_noise(name, shape, options):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second = network_of(name, shape, 3, **options), network_of(name, shape, 3, **options)
    other = network_of(name, shape, 4, **options)
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert all(torch.equal(one, two) for one, two in pairs)
    assert not torch.equal(first.affine.weight, other.affine.weight)
    batch = batch_of(COUNTS, shape.dims, torch.float32)
    assert torch.equal(first.scores(batch, noise(1)), second.scores(batch, noise(1)))
    assert not torch.equal(first.scores(batch, noise(1)), first.scores(batch, noise(2)))
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ValueError, match="pass a generator"):
        first.scores(batch)


def test_options_that_are_left_out_suit_the_features():
    bands, encoder = network_of("attention", BANDS, convolutions="auto"), network_of("attention", ENCODER)
    assert bands.convolutions is not None
    assert (bands.every, encoder.every) == (2, 1)
    assert (bands.layer_weights, encoder.convolutions) == (None, None)
    assert [row.layer for row in encoder.layer_rows()][:2] == ["layer weights", "projection"]
    assert bands.layer_rows()[-1].params == sum(values.numel() for values in bands.parameters())
    with pytest.raises(ValueError, match="halvings is 5, and there are 4 blocks"):
        family("attention").options(label="x", halvings=5)
    with pytest.raises(ValueError, match="halvings is 2, and there are 1 blocks"):
        family("cnn_lstm").options(label="x", convolutions=(8,))


def test_every_other_frame_is_read_from_the_first_of_each_segment():
    network = network_of("attention", BANDS, convolutions=(), every=2).eval()
    batch = batch_of((5, 1, 4), BANDS.dims, torch.float32)
    read = [0, 2, 4, 5, 6, 8]
    network.every = 2
    expected = network.scores(batch)
    network.every = 1
    half = Batch(batch.frames[read], batch.segment_of_frame[read], batch.emotions)
    assert torch.equal(network.scores(half), expected)


def test_bf16_frames_give_nearly_the_scores_of_fp32():
    network = network_of("attention", BANDS).eval()
    batch = batch_of(COUNTS, BANDS.dims, torch.float32)
    exact = network.scores(batch)
    rounded = network.scores(Batch(batch.frames.bfloat16(), batch.segment_of_frame, batch.emotions))
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)
