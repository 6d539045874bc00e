"""Every family on a device: it learns there, its weights give the same probabilities as on the CPU, and it continues."""

import numpy as np
import pytest
import torch

from pipeline.core.features import Shape
from pipeline.models.family import Design
from pipeline.models.options import FeatureParams, NetworkParams
from pipeline.models.registry import FAMILIES, family
from pipeline.training.batches import make_bank
from pipeline.training.loop import Scoring, train
from pipeline.training.params import TrainParams
from pipeline.training.run import Seeds, start
from pipeline.training.speech import SpeechTask, probabilities

DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")),
]
BY_EPOCHS = [name for name in FAMILIES if family(name).by_epochs]
OPTIONS = {"resnext": {"layout": "PreActBN", "shake": {"bands": 2}}}
NETWORK = NetworkParams(
    kernel=(2, 4), widths=(4, 4), blocks=(1,), branches=2, pooling="bands", padding="paired", dropout=0.1
)
TRAIN = TrainParams(
    epochs=2, seeds=(1,), folds=(1,), batch_segments=8, learning_rate=0.01, precision="fp32", threads=1,
    eval_train_every=1,
)  # fmt: skip
SHAPE = Shape(32, frequency_axis=True)


def bank_on(device, reads):
    """Sixteen segments of noise with a raised band, which says their class."""
    source = np.random.default_rng(0)
    matrices = []
    for position in range(16):
        matrix = source.standard_normal((int(source.integers(20, 60)), SHAPE.dims)).astype(np.float32)
        matrix[:, 8 * (position % 4) : 8 * (position % 4) + 8] += 1
        matrices.append(matrix)
    splicing = {"left": 3, "right": 4, "every": 8} if reads == "spliced" else {"left": 0, "right": 0, "every": 1}
    return make_bank(matrices, [position % 4 for position in range(16)], device=torch.device(device), **splicing)


def design_of(name):
    kind = family(name)
    model = kind.options.model_validate({"label": name, "family": name, **OPTIONS.get(name, {})})
    return kind, Design(model, NETWORK, FeatureParams(left=3, right=4, every=8, cmvn="segment"), 4, SHAPE)


def trained(name, device, options=TRAIN):
    kind, design = design_of(name)
    bank = bank_on(device, kind.reads)
    state = start(kind, design, options, Seeds(1, 2, 3), torch.device(device))
    positions = torch.arange(16, device=device)
    train(state, SpeechTask(bank, positions, positions, 4, 8), options.recipe, Scoring(snapshots=True))
    return state, probabilities(state.network, bank, positions)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", BY_EPOCHS)
def test_its_weights_give_the_same_probabilities_on_the_cpu(name, device):
    state, on_device = trained(name, device)
    assert [row.epoch for row in state.history] == [1, 2]
    assert all(np.isfinite([row.train_loss, row.valid_loss]).all() for row in state.history)
    kind, design = design_of(name)
    network = kind.classifier(design, 0)
    network.load_state_dict(state.last.weights)
    on_cpu = probabilities(network, bank_on("cpu", kind.reads), torch.arange(16))
    np.testing.assert_allclose(on_device.cpu().numpy(), on_cpu.numpy(), atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", BY_EPOCHS)
def test_recipes_of_other_papers_run_there(name, device):
    options = TrainParams.model_validate(
        TRAIN.model_dump()
        | {"optimiser": "adamw", "schedule": "one_cycle", "loss": "focal", "sampling": "balanced", "clip_norm": 1.0,
           "augment": {"time_width": 4, "frequency_width": 4}}
    )  # fmt: skip
    state, found = trained(name, device, options)
    assert state.diverged_epoch is None
    np.testing.assert_allclose(found.sum(1).cpu().numpy(), 1, atol=1e-5)
