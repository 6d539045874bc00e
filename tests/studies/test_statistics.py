import math

import numpy as np
import pytest
from scipy import stats

from studies.core.statistics import Interval, over_seeds


def test_the_interval_is_students():
    values = [1.0, 2.0, 4.0, 8.0, 9.0]
    interval = over_seeds(values)
    low, high = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (interval.mean, interval.low, interval.high) == pytest.approx((4.8, low, high))


def test_diverged_seeds_are_left_out_and_one_seed_has_no_interval():
    assert over_seeds([3.0, np.nan, 5.0]).mean == 4
    one = over_seeds([3.0, np.nan])
    assert one.mean == 3
    assert math.isnan(one.low)
    assert math.isnan(over_seeds([]).mean)
    assert one.verdict(1) == "undecided"


@pytest.mark.parametrize(
    ("low", "high", "sign", "verdict"),
    [(1, 2, 1, "shows"), (1, 2, -1, "reversed"), (-2, -1, -1, "shows"), (-2, -1, 1, "reversed"), (-1, 1, 1, "undecided"),
     (-1, 1, -1, "undecided")],
)  # fmt: skip
def test_a_claim_shows_when_the_interval_lies_on_its_side_of_zero(low, high, sign, verdict):
    assert Interval((low + high) / 2, low, high).verdict(sign) == verdict
