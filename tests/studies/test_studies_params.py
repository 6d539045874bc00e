import re

import pytest

from pipeline.core.errors import InputError
from studies.params import load_params
from tests.helpers.closure import ROOT

SMALL = (ROOT / "studies/params.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("embeddings:", "embedings:", r"embedings .*unknown key; did you mean 'embeddings'\?"),
        ("name: digits", "name: digit", r"embeddings\.data\.name .*'digit': .*'digits'"),
        ("name: digits", "name: mnist", r"embeddings\.data .*mnist needs path: the folder of its files"),
        ("name: digits", "name: digits, path: x", r"embeddings\.data .*digits needs no path"),
        ("batch_size: 64", "batch_size: 1", r"recipe\.batch_size .*: 1: .*greater than or equal to 2"),
        ("depth: 14", "depth: 15", r"table1 .*depth 15 is not a whole number of blocks; expected 8, 14, 20, 26"),
        ("augment: crop,", "augment: flip,", r"augment .*'flip': .*'none', 'crop' or 'crop_flip'"),
    ],
)
def test_a_mistake_is_refused_with_its_place_its_value_and_what_is_allowed(tmp_path, old, new, expected):
    assert old in SMALL
    path = tmp_path / "params.yaml"
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        load_params(path)
    assert re.search(expected, str(caught.value)), caught.value
