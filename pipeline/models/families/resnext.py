"""ResNeXt with Shake-Shake: the paper's family (Table 5, sections 2 and 4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from pipeline.core.wording import counted
from pipeline.models.family import Design, Family, in_words
from pipeline.models.options import (
    Constancy,
    Gamma,
    LayoutName,
    Mixup,
    ModelParams,
    ShakeDrop,
    Shaking,
    Standardisation,
)

if TYPE_CHECKING:
    from pipeline.models.resnext import ResNeXt


class ResNeXtParams(ModelParams):
    """A ResNeXt of the tables.

    Attributes:
        layout: order of the operations of a branch (Figure 2, section 4.1).
        gamma0: initial scale of the normalisations in residual blocks (section 4.2).
        shake: options of shaking; null for none.
        shakedrop, mixup, vcl: options of this method, which the paper does not use; null for none.
        standardise: recordings that mean and deviation of each column come from (docs/classifiers.md). `none`: columns
            stay as they are; the paper normalises in the front end alone.
    """

    layout: LayoutName
    gamma0: Gamma = 1.0
    shake: Shaking | None = None
    shakedrop: ShakeDrop | None = None
    mixup: Mixup | None = None
    vcl: Constancy | None = None
    standardise: Standardisation = "none"


def build(design: Design, seed: int = 0) -> ResNeXt:
    """The network of a design, initialised from `seed` alone."""
    from pipeline.models.resnext import build_network

    model, shared = cast("ResNeXtParams", design.model), design.network
    return build_network(
        model.layout,
        kernel=shared.kernel,
        widths=shared.widths,
        blocks=shared.blocks,
        branches=shared.branches,
        num_classes=design.num_classes,
        frame_shape=(design.features.context, design.dims),
        pooling=shared.pooling,
        padding=shared.padding,
        dropout=shared.dropout,
        gamma0=model.gamma0,
        shaking=model.shake,
        shakedrop=model.shakedrop,
        mixup=model.mixup,
        constancy=model.vcl,
        seed=seed,
    )


def mistakes(design: Design, batch_segments: int, devices_per_run: int) -> Iterator[str]:
    """Options that have no effect or contradict each other, with the reason."""
    model = cast("ResNeXtParams", design.model)
    branches, shake, context = design.network.branches, model.shake, design.features.context
    if design.network.kernel[0] > context:
        yield (
            f"network.kernel: {design.network.kernel[0]} frames high, but features.left + 1 + features.right "
            f"gives model frames of {context} spectrogram frames; expected at most that"
        )
    if shake is not None and branches < 2:
        yield "shake: shaking mixes branches, and network.branches is 1; expected at least 2"
    if shake is not None and branches > 2:
        if shake.backward.startswith("M"):
            yield f"shake.backward: {shake.backward!r} is a rule for two branches, and network.branches is {branches}"
        if shake.interval != (0.0, 1.0):
            yield f"shake.interval: it is that of two branches' weights, and network.branches is {branches}"
    if shake is not None and model.shakedrop is not None:
        yield "shakedrop: it and shake both replace the gradient of the same sum of branches; expected one of them"
    if model.vcl is not None and model.mixup is not None:
        yield "vcl: it compares samples of the data, and mixup leaves none as they are; expected one of them"
    if model.vcl is not None and 2 * model.vcl.samples > batch_segments:
        yield (
            f"vcl.samples: two samples of {model.vcl.samples} segments do not fit into a batch of "
            f"{batch_segments} (train.batch_segments); expected at most {batch_segments // 2}"
        )
    for name in ("mixup", "vcl"):
        if getattr(model, name) is not None and devices_per_run > 1:
            yield (
                f"{name}: it needs a whole batch on one device, and execution.devices_per_run is "
                f"{devices_per_run}; expected 1"
            )


def effort(model: ModelParams) -> int:
    """Mixup passes every batch through the network twice; the variance constancy loss and shaking cost less."""
    return sum(4**place * bool(getattr(model, name, None)) for place, name in enumerate(("shake", "vcl", "mixup")))


def options(model: ModelParams) -> Iterator[str]:
    """The options that are switched on, and shaking in any case."""
    model = cast("ResNeXtParams", model)
    yield f"layout {model.layout}"
    yield f"gamma0 {in_words(model.gamma0)}"
    changed = model.shake and model.shake.model_dump(exclude={"bands"}, exclude_defaults=True)
    details = f" ({', '.join(f'{name} {value}' for name, value in changed.items())})" if changed else ""
    yield f"shaking {counted(model.shake.bands, 'band') if model.shake else 'none'}{details}"
    for name in ("shakedrop", "mixup", "vcl"):
        if (value := getattr(model, name)) is not None:
            yield f"{name} {in_words(value)}"
    if model.standardise != "none":
        yield f"standardise {model.standardise}"


FAMILY = Family(
    "resnext",
    ResNeXtParams,
    build,
    reads="spliced",
    frequency_axis=True,
    network=True,
    mistakes=mistakes,
    effort=effort,
    in_words=options,
)
