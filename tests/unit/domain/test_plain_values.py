"""Plain values: arrays as a result document holds them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from whybox.domain.plain_values import plain_cells, plain_interval, plain_numbers
from whybox.errors import ResultNotFiniteError


def test_numbers_keep_every_digit_and_every_axis():
    array = np.array([[[0.1, 1 / 3]], [[24.7, -0.0]]])

    plain = plain_numbers(array, "values")

    assert plain == [[[0.1, 1 / 3]], [[24.7, -0.0]]]
    np.testing.assert_array_equal(np.array(json.loads(json.dumps(plain))), array)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_json_does_not_have_is_refused_by_the_name_of_its_array(bad):
    with pytest.raises(ResultNotFiniteError, match="base_values"):
        plain_numbers(np.array([1.0, bad]), "base_values")


def test_an_interval_that_is_not_known_is_none():
    assert plain_interval(np.array([np.nan]), np.array([1.0])) is None
    assert plain_interval(np.array([0.5]), np.array([1.0])) == {"low": [0.5], "high": [1.0], "level": 0.95}


def test_cells_come_back_as_words_numbers_and_gaps():
    rows = np.array([[1.5, 0.0], [np.nan, 1.0], [2.0, np.nan]])

    assert plain_cells(rows, categories={1: ("no", "yes")}) == [[1.5, "no"], [None, "yes"], [2.0, None]]
