"""Names of models for people; no run imports them, so rewording them retrains nothing."""

from __future__ import annotations


def model_name(layout: str, shaken: bool) -> str:
    """The name of a layout with or without shaking, such as `PreActBN, shaken`."""
    return f"{layout}, shaken" if shaken else layout
