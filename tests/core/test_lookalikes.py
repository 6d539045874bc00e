"""Names that look the same: found, and shown with what tells them apart."""

import pytest

from pipeline.core.lookalikes import distinguished, looks, spelled
from pipeline.core.wording import did_you_mean


@pytest.mark.parametrize("other", [
    "Ann", "\u0430nn", "a\u200bnn", "an\u00adn", "\ufeffann", "\uff41nn", "\u0391nn", "a\u2060nn",
])  # fmt: skip
def test_names_of_one_look(other):
    assert looks(other) == looks("ann")


@pytest.mark.parametrize("other", ["anna", "a nn", "ànn", "anne", "анна", "1nn"])
def test_names_of_another_look(other):
    assert looks(other) != looks("ann")


def test_accents_in_both_spellings_have_one_look():
    assert looks("andr\u00e9") == looks("andre\u0301") != looks("andre")


def test_what_is_different_is_shown_with_its_code_point():
    assert distinguished(["ann", "\u0430nn", "a\u200bnn", "Ann"]) == [
        "'ann'", "'\u0430nn' (with U+0430, cyrillic small letter a)", "'a\\u200bnn' (with U+200B, zero width space)", "'Ann'",
    ]  # fmt: skip
    assert distinguished(["andré", "André"]) == ["'andré'", "'André'"]
    assert spelled("joy") == "'joy'"


def test_a_hint_that_would_look_like_the_name_says_the_difference():
    assert did_you_mean("j\u043ey", ["joy", "anger"]) == (
        "did you mean 'joy' instead of 'j\u043ey' (with U+043E, cyrillic small letter o)? "
    )
    assert did_you_mean("joi", ["joy", "anger"]) == "did you mean 'joy'? "
