from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.training.batches import StreamedBank, make_bank, ordered_batches
from pipeline.training.order import shuffled_batches
from pipeline.training.splicing import splice

lengths = st.lists(st.integers(1, 50), min_size=1, max_size=6)


def bank_of(lengths, left=3, right=2, every=4):
    source = np.random.default_rng(0)
    matrices = [source.standard_normal((length, 7)).astype(np.float32) for length in lengths]
    emotions = [index % 3 for index in range(len(lengths))]
    bank = make_bank(matrices, emotions, left=left, right=right, every=every, device=torch.device("cpu"))
    return matrices, bank


@settings(max_examples=50, deadline=None)
@given(lengths, st.integers(0, 4), st.integers(0, 4), st.integers(1, 9), st.randoms(use_true_random=False))
def test_a_batch_holds_each_segments_spliced_frames_in_the_order_asked_for(lengths, left, right, every, random):
    matrices, bank = bank_of(lengths, left, right, every)
    order = list(range(len(lengths)))
    random.shuffle(order)
    batch = bank.gather(torch.tensor(order))
    expected = [splice(torch.from_numpy(matrices[index]), left, right, every) for index in order]
    assert torch.equal(batch.frames, torch.cat(expected).unsqueeze(1))
    assert torch.bincount(batch.segment_of_frame).tolist() == [len(frames) for frames in expected]
    assert batch.segment_of_frame.tolist() == sorted(batch.segment_of_frame.tolist())
    assert batch.emotions.tolist() == [index % 3 for index in order]


@settings(max_examples=50, deadline=None)
@given(
    lengths, st.integers(0, 4), st.integers(0, 4), st.integers(1, 9), st.randoms(use_true_random=False),
    st.sampled_from([torch.float32, torch.bfloat16]),
)  # fmt: skip
def test_a_streamed_bank_gives_the_batches_of_a_resident_one(lengths, left, right, every, random, dtype):
    matrices, bank = bank_of(lengths, left, right, every)
    streamed = StreamedBank(
        num_frames=bank.num_frames, emotions=bank.emotions, context=bank.context, every=every, matrices=matrices,
        left=left, dtype=dtype,
    )  # fmt: skip
    some = torch.tensor(random.sample(range(len(lengths)), random.randint(1, len(lengths))))
    resident, read = replace(bank, rows=bank.rows.to(dtype)).gather(some), streamed.gather(some)
    assert read.frames.dtype == dtype
    assert torch.equal(resident.frames, read.frames)
    assert torch.equal(resident.segment_of_frame, read.segment_of_frame)
    assert torch.equal(resident.emotions, read.emotions)
    nothing = streamed.gather(some[:0])
    assert nothing.frames.shape == (0, *read.frames.shape[1:])
    assert (len(nothing.segment_of_frame), len(nothing.emotions)) == (0, 0)


def test_the_papers_segment_of_640_frames_is_80_model_frames_of_16_by_257():
    matrix = np.zeros((640, 257), np.float32)
    bank = make_bank([matrix], [0], left=10, right=5, every=8, device=torch.device("cpu"))
    assert bank.gather(torch.tensor([0])).frames.shape == (80, 1, 16, 257)


@pytest.mark.parametrize(
    ("number", "sizes"),
    [(16, [8, 8]), (20, [8, 8, 4]), (19, [8, 11]), (17, [8, 9]), (8, [8]), (3, [3]), (9, [9])],
)
def test_a_last_batch_of_fewer_than_four_joins_the_one_before(number, sizes):
    batches = list(shuffled_batches(torch.arange(number), 8, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == sizes


def test_an_epoch_visits_every_segment_once_in_an_order_of_the_generator():
    segments = torch.arange(100, 130)
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.cat(list(shuffled_batches(segments, 8, generator))) for _ in range(2))
    assert sorted(first.tolist()) == segments.tolist() == sorted(second.tolist())
    assert first.tolist() != second.tolist()
    again = torch.cat(list(shuffled_batches(segments, 8, torch.Generator().manual_seed(0))))
    assert torch.equal(first, again)


@settings(max_examples=50, deadline=None)
@given(lengths, st.integers(13, 40))
def test_scoring_batches_keep_the_order_and_the_bound(lengths, most):
    _, bank = bank_of(lengths)
    batches = list(ordered_batches(bank, torch.arange(len(lengths)), most))
    assert torch.cat(batches).tolist() == list(range(len(lengths)))
    assert all(bank.num_frames[batch].sum() <= most for batch in batches)
