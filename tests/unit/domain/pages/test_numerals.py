"""Numbers are written with the digits their error leaves them."""

from __future__ import annotations

import pytest

from whybox.domain.pages.numerals import (
    align_decimals,
    format_column,
    format_count,
    format_measurement,
    format_number,
    with_minus,
)


@pytest.mark.parametrize(
    ("value", "error", "expected"),
    [
        # The three cases of the Particle Data Group's rule: below 355, up to 949, and above.
        (0.827, 0.119, ("0.83", "0.12")),
        (0.827, 0.367, ("0.8", "0.4")),
        (0.827, 0.096, ("0.83", "0.10")),
        (152.13, 25.3, ("152", "25")),
        (1234.0, 421.0, ("1200", "400")),
        (-0.0004, 0.02, ("0.000", "0.020")),
        (1.25e-9, 2.1e-10, ("1.25e-9", "2.1e-10")),
        (3.2e8, 1.5e6, ("3.200e8", "1.5e6")),
    ],
)
def test_a_number_keeps_the_digits_its_error_lets_mean_something(value, error, expected):
    assert format_measurement(value, error) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (3.0, "3"),
        (0.081634, "0.08163"),
        (12345.6, "12346"),
        (2.2e-16, "2.200e-16"),
        (-1.5, "-1.500"),
        (float("nan"), "missing"),
        (float("-inf"), "-∞"),
    ],
)
def test_a_number_without_error_has_four_significant_digits(value, expected):
    assert format_number(value) == expected


def test_a_number_without_error_takes_the_places_of_its_column():
    assert format_column([0.0099, 0.0058479], [0.003, 0.0]) == [("0.0099", "0.0030"), ("0.0058", "")]


def test_a_small_number_of_an_exact_column_still_shows_a_digit():
    assert format_column([12.345, 0.000321], [0.0, 0.0]) == [("12.35", ""), ("0.0003", "")]


def test_decimal_points_stand_under_each_other():
    assert align_decimals(["0.083", "12", "1.5"], pad="_") == ["0.083", "12____", "1.5__"]


def test_large_counts_are_grouped_and_signs_are_typeset():
    assert format_count(9999) == "9999"
    assert format_count(1_234_567) == "1\u202f234\u202f567"
    assert with_minus("-0.5e-3") == "−0.5e−3"
