"""The figures that the paper prints, and the models behind them."""

from __future__ import annotations

import csv
from pathlib import Path

from pipeline.models.families.resnext import ResNeXtParams
from pipeline.models.options import Shaking

_FOLDER = Path(__file__).parent / "published"


def published_rows(table: str) -> list[dict[str, str]]:
    """The rows of one published table as text, by the columns of its file (`table2`)."""
    with (_FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def model_key(architecture: str, shake: str, gamma0: str) -> str:
    """The key of the model behind a row of Tables 2, 8 and 10: `PreActBN`, `Both`, `0.20` is `PreActBN-Both-g020`.

    `no` is no shaking, `yes` is Full.
    """
    if shake == "no":
        return architecture
    name = f"{architecture}-{'Full' if shake == 'yes' else shake}"
    return name if gamma0 in ("", "1.00") else f"{name}-g{gamma0.replace('.', '')}"


def published_models() -> dict[str, ResNeXtParams]:
    """The paper's 22 models by key, as Tables 6, 8 and 10 describe them."""
    models = {}
    for row in (*published_rows("table8"), *published_rows("table10")):
        key = model_key(row["architecture"], row["shake"], row["gamma0"])
        bands = {"no": None, "yes": Shaking(bands=1), "Both": Shaking(bands=2)}[row["shake"]]
        gamma0 = float(row["gamma0"] or 1)
        models[key] = ResNeXtParams.model_validate(
            {"label": key, "layout": row["architecture"], "gamma0": gamma0, "shake": bands}
        )
    return models
