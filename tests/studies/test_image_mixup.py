import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pipeline.models.options import Mixup
from pipeline.training.mixup import draw_pairs
from studies.networks.cifar import build_cifar
from studies.networks.mixup import mixup_loss


@pytest.mark.parametrize("manifold", [False, True])
def test_the_loss_is_that_of_both_labels_by_share_and_the_scores_are_of_the_images_as_they_are(manifold):
    mixup = Mixup(alpha=0.4, manifold=manifold)
    network = build_cifar("RPreAct", 4, depth=8, in_channels=1, num_classes=3)
    pixels = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        expected_scores = network.train()(pixels)
    network.load_state_dict(before)
    loss, scores = mixup_loss(mixup)(network, pixels, labels, torch.Generator().manual_seed(5))
    assert network.training
    torch.testing.assert_close(scores, expected_scores)

    # The scores of the images as they are leave no trace: statistics are those of one pass, over the mixtures.
    after = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(before)
    noise = torch.Generator().manual_seed(5)
    pairs = draw_pairs(mixup, torch.arange(6), 6, network.mixing_layers, noise)
    mixed = network(pixels, noise, pairs.mixing)
    torch.testing.assert_close(dict(network.state_dict()), after)
    own, others = (F.cross_entropy(mixed, of, reduction="none") for of in (labels, labels[pairs.partner]))
    torch.testing.assert_close(loss, (pairs.share * own + (1 - pairs.share) * others).mean())


def test_other_networks_are_refused():
    with pytest.raises(TypeError, match="this is a Linear"):
        mixup_loss(Mixup(alpha=1.0))(
            nn.Linear(2, 2), torch.ones(1, 2), torch.zeros(1, dtype=torch.int64), torch.Generator()
        )
