"""The families of classifiers by name. A new family is one file and one line here."""

from __future__ import annotations

from importlib import import_module

from pipeline.core.errors import InputError
from pipeline.core.wording import did_you_mean
from pipeline.models.family import Family

FAMILIES: dict[str, str] = {
    "attention": "pipeline.models.families.attention",
    "cnn_lstm": "pipeline.models.families.cnn_lstm",
    "resnext": "pipeline.models.families.resnext",
    "linear_svm": "pipeline.models.families.linear_svm",
    "logistic": "pipeline.models.families.logistic",
    "random_forest": "pipeline.models.families.random_forest",
    "mlp": "pipeline.models.families.mlp",
}
"""The module of each family; it is imported when a model of the family is configured."""


def family(name: str) -> Family:
    """The family of a name.

    Raises:
        InputError: there is no such family.
    """
    if name not in FAMILIES:
        hint = did_you_mean(name, FAMILIES)
        raise InputError(f"{name!r} is not a family of classifiers; {hint}expected one of {', '.join(FAMILIES)}")
    found: Family = import_module(FAMILIES[name]).FAMILY
    return found
