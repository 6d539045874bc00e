"""Numbers of results as they are printed."""

from __future__ import annotations


def fixed(number: float | None, decimals: int = 3) -> str:
    """`61.342` as the paper prints UA and Gap; empty for None and NaN, and no minus before a zero."""
    if number is None or number != number:
        return ""
    return f"{round(number, decimals) + 0.0:.{decimals}f}"


def p_value(number: float | None) -> str:
    """`1.44e-2` as the paper prints p-values; empty for None and NaN."""
    if number is None or number != number:
        return ""
    mantissa, exponent = f"{number:.2e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def signed(number: float, decimals: int = 1) -> str:
    """`+1.2`, `−0.4`: a difference in running text, with a real minus."""
    return f"{round(number, decimals) + 0.0:+.{decimals}f}".replace("-", "−")


def plain_p(number: float | None) -> str:
    """`p = 0.046`, `p < 0.001`: a p-value in running text; `no p` for None."""
    if number is None or number != number:
        return "no p"
    if number < 0.001:
        return "p < 0.001"
    return f"p = {number:.2g}" if number < 0.995 else "p > 0.99"


def points(number: float) -> str:
    """`1 point`, `0.5 points`."""
    return f"{number:g} point{'' if number == 1 else 's'}"
