"""Synthetic tables: any size, the same bytes each time, and a target that is what it is said to be."""

from __future__ import annotations

import numpy as np
import pytest

from whybox.domain.tables import read_table
from whybox.domain.tables.synthetic_tables import friedman, write_synthetic_table
from whybox.errors import ParameterInvalidError


def table(*arguments, **options) -> bytes:
    return b"".join(write_synthetic_table(*arguments, **options))


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others():
    assert table(300, 6) == table(300, 6)
    assert table(300, 6) != table(300, 6, seed=1)


@pytest.mark.parametrize("n_rows", [1, 9_999, 10_000, 10_001])
def test_there_are_as_many_rows_as_asked_for(n_rows):
    assert table(n_rows, 5).count(b"\n") == n_rows + 1


def test_the_target_is_the_documented_function_plus_noise_of_standard_deviation_one():
    found = {column.name: column.values for column in read_table(table(20_000, 7)).columns}
    X = np.column_stack([found[f"x{column}"] for column in range(1, 8)])

    noise = found["target"] - friedman(X)
    assert abs(noise.mean()) < 5 / np.sqrt(20_000)
    assert noise.std() == pytest.approx(1, abs=0.03)
    assert found["training_index"].mean() == pytest.approx(0.7, abs=0.02)


def test_friedmans_function_agrees_with_scikit_learns():
    from sklearn.datasets import make_friedman1

    X, y = make_friedman1(200, 8, noise=0.0, random_state=1)

    np.testing.assert_allclose(friedman(X), y, rtol=1e-12)


def test_classes_are_about_as_large():
    (target,) = (c for c in read_table(table(5_000, 5, kind="classification")).columns if c.name == "target")

    assert set(target.categories) == {"high", "low"}
    assert target.values.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("n_rows", "n_columns"), [(0, 10), (2_000_001, 5), (100, 4), (100, 999), (200_000, 98 + 1)]
)
def test_a_size_that_the_service_does_not_read_is_refused_before_anything_is_made(n_rows, n_columns):
    with pytest.raises(ParameterInvalidError):
        next(write_synthetic_table(n_rows, n_columns))
