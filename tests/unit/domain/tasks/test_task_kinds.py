"""What a target asks for when nobody says: classes for words and few whole numbers, quantities otherwise."""

from __future__ import annotations

import pytest

from whybox.domain.tables import read_table
from whybox.domain.tasks.task_kinds import infer_kind


def target(*cells: object, n_rows: int = 60):
    lines = ["a,y", *(f"{row},{cells[row % len(cells)]}" for row in range(n_rows))]
    column = read_table("\n".join(lines).encode()).column("y")
    assert column is not None
    return column


@pytest.mark.parametrize(
    "cells",
    [("yes", "no"), ("true", "false"), (0, 1), (1.0, 2.0), (0.5, 1.5), (0, 1, 2), tuple(range(20)), (1, "")],
)
def test_words_truth_values_and_few_whole_numbers_are_classes(cells):
    assert infer_kind(target(*cells)) == "classification"


@pytest.mark.parametrize(
    "cells", [tuple(range(21)), (0.1, 0.2, 0.3), (1.0, 2.0, 3.0), tuple(range(1000, 1060))]
)
def test_many_whole_numbers_and_fractions_are_quantities(cells):
    assert infer_kind(target(*cells)) == "regression"


def test_whole_numbers_that_hardly_repeat_are_quantities():
    assert infer_kind(target(*range(15), n_rows=20)) == "regression"
