"""The proof that a stage lists the code that it executes, on made-up stages."""

import pytest

from tests.helpers.closure import check_deps

CLOSURE = {"stages/train.py", "pipeline/__init__.py", "pipeline/core/errors.py", "pipeline/models/resnext.py"}
LISTED = ["stages/train.py", "pipeline/core", "pipeline/models"]


def test_rooms_that_hold_the_closure_and_no_others_are_fine():
    data = ["data/folds.csv", "data/segments", "studies/results/fits", "studies/params.yaml", "params.yaml"]
    assert check_deps(CLOSURE, [*LISTED, *data]) == []


@pytest.mark.parametrize(
    ("closure", "listed", "complaint"),
    [
        (CLOSURE, LISTED[:2], "it executes pipeline/models/resnext.py, which lies in none of its deps"),
        (CLOSURE, LISTED[1:], "it executes stages/train.py, which lies in none of its deps"),
        (CLOSURE | {"pipeline/corelike/a.py"}, LISTED, "it executes pipeline/corelike/a.py, which lies in none of its deps"),
        (CLOSURE, [*LISTED, "pipeline/figures"], "it lists pipeline/figures, of which it executes nothing"),
        (CLOSURE, [*LISTED, "pipeline/params.py"], "it lists pipeline/params.py, of which it executes nothing"),
        (CLOSURE, [*LISTED, "studies/networks"], "it lists studies/networks, of which it executes nothing"),
        (CLOSURE, [*LISTED, "pipeline/core/errors.py"], "it lists pipeline/core/errors.py inside another of its deps"),
    ],
)  # fmt: skip
def test_each_direction_is_proven(closure, listed, complaint):
    assert check_deps(closure, listed) == [complaint]
