"""Columns standardised over the training folds, a corpus or a speaker."""

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.models.standardising import Standardise
from pipeline.training.batches import make_bank
from pipeline.training.standardising import group_statistics, groups_of, speakers_of

DIMS = 3


@pytest.fixture
def experiment():
    """Twelve segments of two corpora with two speakers each; columns differ in level, the last one is constant."""
    source = np.random.default_rng(0)
    table = pd.DataFrame({"corpus": ["a", "b"] * 6, "actor": ["x", "x", "y", "y"] * 3})
    matrices = []
    for row in table.itertuples():
        level = 5 * (row.corpus == "b") + 20 * (row.actor == "y")
        matrix = (level + source.normal(size=(source.integers(2, 9), DIMS))).astype(np.float32)
        matrix[:, 2] = 7
        matrices.append(matrix)
    bank = make_bank(matrices, [0] * 12, left=0, right=0, every=1, device=torch.device("cpu"))
    return table, matrices, bank


@pytest.mark.parametrize("by", ["fold", "corpus", "speaker"])
def test_each_group_comes_to_mean_0_and_deviation_1(experiment, by):
    table, matrices, bank = experiment
    train = torch.arange(8)
    groups = groups_of(table, by)
    bank = bank if groups is None else bank.__class__(**{**vars(bank), "groups": groups})
    module = Standardise(by, DIMS)
    module.set_statistics(*group_statistics(bank, train, by))
    batch = bank.gather(torch.arange(12))
    found = module(batch.frames, batch.segment_of_frame, batch.groups)[:, 0, 0].numpy()
    column = {"fold": None, "corpus": table["corpus"], "speaker": table["corpus"] + table["actor"]}[by]
    owner = batch.segment_of_frame.numpy()
    used = np.arange(12) if by == "speaker" else np.arange(8)
    for name in ["all"] if column is None else sorted(set(column)):
        chosen = [at for at in range(12) if column is None or column[at] == name]
        rows = np.concatenate([matrices[at] for at in chosen if at in used]).astype(np.float64)
        expected = (np.concatenate([matrices[at] for at in chosen]) - rows.mean(0)) / np.where(
            rows.std(0) < 1e-9, 1, rows.std(0)
        )
        np.testing.assert_allclose(found[np.isin(owner, chosen)], expected, atol=1e-5)


def test_without_groups_the_numbers_are_those_of_all_training_segments(experiment):
    table, matrices, bank = experiment
    bank = bank.__class__(**{**vars(bank), "groups": groups_of(table, "speaker")})
    module = Standardise("speaker", DIMS)
    module.set_statistics(*group_statistics(bank, torch.arange(8), "speaker"))
    rows = np.concatenate(matrices[:8]).astype(np.float64)
    np.testing.assert_allclose(module.mean[0], rows.mean(0), rtol=1e-6)
    batch = bank.gather(torch.tensor([11]))
    alone = module(batch.frames, batch.segment_of_frame, None)[:, 0, 0, 0].numpy()
    np.testing.assert_allclose(alone, (matrices[11][:, 0] - rows[:, 0].mean()) / rows[:, 0].std(), atol=1e-5)


def test_a_corpus_that_is_not_trained_on_is_described_by_its_own_segments(experiment):
    table, _, bank = experiment
    bank = bank.__class__(**{**vars(bank), "groups": groups_of(table, "corpus")})
    only_a, only_b = (torch.tensor([at for at in range(12) if table["corpus"][at] == name]) for name in "ab")
    mean, deviation = group_statistics(bank, only_a, "corpus")
    _, own = group_statistics(bank, only_b, "corpus")
    torch.testing.assert_close(mean[1], mean[0])
    torch.testing.assert_close(mean[2], group_statistics(bank, only_b, "corpus")[0][0])
    torch.testing.assert_close(deviation[2], own[0])


def test_a_group_without_training_segments_has_the_numbers_of_all(experiment):
    """As a corpus whose segments are all set apart."""
    table, _, bank = experiment
    bank = bank.__class__(**{**vars(bank), "groups": groups_of(table, "corpus")})
    only_a = torch.tensor([at for at in range(12) if table["corpus"][at] == "a"])
    rest = torch.tensor([at for at in range(12) if table["corpus"][at] == "b"])
    mean, deviation = group_statistics(bank, only_a, "corpus", hidden=rest)
    torch.testing.assert_close(mean[2], mean[0])
    torch.testing.assert_close(deviation[2], deviation[0])


def test_saved_numbers_come_back_whatever_the_number_of_groups(experiment):
    table, _, bank = experiment
    bank = bank.__class__(**{**vars(bank), "groups": groups_of(table, "speaker")})
    module = Standardise("speaker", DIMS)
    module.set_statistics(*group_statistics(bank, torch.arange(8), "speaker"))
    other = Standardise("speaker", DIMS)
    other.load_state_dict(module.state_dict())
    torch.testing.assert_close(other.mean, module.mean)
    torch.testing.assert_close(other.deviation, module.deviation)


def test_a_person_in_two_corpora_is_one_speaker():
    table = pd.DataFrame({"corpus": ["song", "speech", "song", "speech"], "actor": ["y", "y", "x", "z"]})
    assert speakers_of(table).tolist() == [1, 2, 0, 3]
    alone = table.assign(person=table["corpus"] + table["actor"])
    assert speakers_of(alone).tolist() == [1, 2, 0, 3]
    assert groups_of(table.assign(person="r|" + table["actor"]), "speaker").tolist() == [1, 1, 0, 2]
