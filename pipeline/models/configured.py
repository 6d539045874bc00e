"""From params to a network."""

from __future__ import annotations

from pipeline.frontends.spectrogram import BINS
from pipeline.models.resnext import ResNeXt, build_network
from pipeline.models.shakedrop import ShakeDrop
from pipeline.models.shaking import Shaking
from pipeline.models.variance_constancy import Constancy
from pipeline.params import FeatureParams, ModelParams, NetworkParams


def configured_network(
    shared: NetworkParams, model: ModelParams, features: FeatureParams, num_classes: int, seed: int = 0
) -> ResNeXt:
    """The network of one model of the params, initialised from `seed`."""
    shake, drop, vcl = model.shake, model.shakedrop, model.vcl
    return build_network(
        model.layout,
        kernel=shared.kernel,
        widths=shared.widths,
        blocks=shared.blocks,
        branches=shared.branches,
        num_classes=num_classes,
        frame_shape=(features.context, BINS),
        pooling=shared.pooling,
        padding=shared.padding,
        dropout=shared.dropout,
        gamma0=model.gamma0,
        shaking=None if shake is None else Shaking(**shake.model_dump()),
        shakedrop=None if drop is None else ShakeDrop(drop.last_keep, drop.level),
        constancy=None if vcl is None else Constancy(vcl.samples, vcl.weight),
        seed=seed,
    )
