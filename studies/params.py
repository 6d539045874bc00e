"""All of `studies/params.yaml`: each section's class lies with its study."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.settings import read_settings
from studies.core.params import PARAMS, Sections
from studies.embeddings.params import EmbeddingsParams
from studies.mixtures.params import MixturesParams
from studies.shake_rules.params import ShakeRulesParams
from studies.table1.params import Table1Params
from studies.uci.params import UciParams
from studies.vcl.params import VclParams
from studies.vcl_time.params import VclTimeParams


class StudiesParams(Sections):
    """All sections."""

    embeddings: EmbeddingsParams
    table1: Table1Params
    shake_rules: ShakeRulesParams
    vcl: VclParams
    mixtures: MixturesParams
    uci: UciParams
    vcl_time: VclTimeParams


def load_params(path: Path = PARAMS) -> StudiesParams:
    """Read and check a whole params file.

    Raises:
        InputError: see `read_settings`.
    """
    return read_settings(path, StudiesParams)
