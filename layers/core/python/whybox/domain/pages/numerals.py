"""How numbers are written for people: as many digits as their error carries, and no more."""

from __future__ import annotations

import math
from collections.abc import Sequence

EXACT_DIGITS = 4  # significant digits of a number that has no error: enough to compare, few enough to read
MAX_DECIMALS = 7  # past this the leading zeros hide the number, and powers of ten are clearer
MAX_FIXED = 1e7  # from here on powers of ten are shorter than the digits


def format_number(value: float, *, digits: int = EXACT_DIGITS) -> str:
    """Write a number without error with ``digits`` significant digits; a whole number in full."""
    if not math.isfinite(value):
        return "missing" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value == 0:
        return "0"
    if not _is_fixed(value):
        return _trim_exponent(f"{value:.{digits - 1}e}")
    if float(value).is_integer():
        return str(int(value))
    return f"{value:.{max(0, digits - 1 - _magnitude(value))}f}"


def format_measurement(value: float, error: float) -> tuple[str, str]:
    """Write ``value`` and ``error`` to the same digit, the last one that the error lets mean something.

    The error keeps two digits when its first three lie below 355 and one digit above (0.096 becomes 0.10):
    the rule of the Particle Data Group, Review of Particle Physics 2022, section 5.3,
    doi:10.1093/ptep/ptac097. Without an error the second text is empty.
    """
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return format_number(value), ""
    decimals = error_decimals(error)
    if decimals > MAX_DECIMALS or abs(value) >= MAX_FIXED:
        digits = 0 if value == 0 else max(0, _magnitude(value) + decimals)
        return _trim_exponent(f"{value:.{digits}e}"), _trim_exponent(
            f"{error:.{max(0, _magnitude(error) + decimals)}e}"
        )
    return _round(value, decimals), _round(error, decimals)


def format_column(
    values: Sequence[float], errors: Sequence[float], *, digits: int = EXACT_DIGITS
) -> list[tuple[str, str]]:
    """Write a column of numbers with their errors; those without one take the places their neighbours have.

    Without any error the column keeps ``digits`` significant digits of its largest number, but never less
    than one of each.
    """
    known = [error_decimals(error) for error in errors if math.isfinite(error) and error > 0]
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    shared = max(known) if known else (digits - 1 - _magnitude(largest) if largest else 0)
    return [
        format_measurement(value, error)
        if math.isfinite(error) and error > 0
        else (_exact(value, shared), "")
        for value, error in zip(values, errors, strict=True)
    ]


def error_decimals(error: float) -> int:
    """Return the decimal place down to which a positive ``error`` is written (-1: tens)."""
    magnitude = _magnitude(error)
    has_two_digits = round(error / 10.0**magnitude * 100) < 355
    return 1 - magnitude if has_two_digits else -magnitude


def with_minus(text: str) -> str:
    """Return a written number with the minus sign of typesetting, as wide as the plus sign."""
    return text.replace("-", "\u2212")


def format_count(count: int) -> str:
    """Write a count, from ten thousand on with a thin space between the thousands."""
    return str(count) if abs(count) < 10_000 else f"{count:,}".replace(",", "\u202f")


def align_decimals(texts: Sequence[str], *, pad: str) -> list[str]:
    """Append ``pad`` so that right-aligned numbers have their decimal points under each other."""
    tails = [len(text) - text.index(".") if "." in text else 0 for text in texts]
    widest = max(tails, default=0)
    return [text + pad * (widest - tail) for text, tail in zip(texts, tails, strict=True)]


def _exact(value: float, decimals: int) -> str:
    if value == 0 or not math.isfinite(value) or not _is_fixed(value):
        return format_number(value)
    return _round(value, max(0, decimals, -_magnitude(value)))


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _is_fixed(value: float) -> bool:
    return 1e-4 <= abs(value) < MAX_FIXED


def _round(value: float, decimals: int) -> str:
    text = f"{round(value, decimals):.{max(0, decimals)}f}"
    # A value that rounds to nothing has no sign left: "-0.00" would claim a direction.
    return text.lstrip("-") if float(text) == 0 else text


def _trim_exponent(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}"
