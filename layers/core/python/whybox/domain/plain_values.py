"""Arrays as plain Python values, the way a result document holds them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.errors import ResultNotFiniteError

Floats = NDArray[np.float64]

INTERVAL_LEVEL = 0.95
"""The level of every interval of an importance."""


def plain_numbers(array: Floats, name: str) -> list[Any]:
    """Return an array of any shape as nested lists of floats.

    Raises
    ------
    ResultNotFiniteError
        A number of the array called ``name`` is NaN or infinite; JSON has neither.

    """
    if not np.isfinite(array).all():
        raise ResultNotFiniteError(name)
    nested: list[Any] = array.tolist()
    return nested


def plain_interval(low: Floats, high: Floats) -> dict[str, Any] | None:
    """Return two arrays of ends with their level, or None where an end is NaN: too little to tell."""
    if np.isnan(low).any() or np.isnan(high).any():
        return None
    return {"low": low.tolist(), "high": high.tolist(), "level": INTERVAL_LEVEL}


def plain_cells(rows: Floats, *, categories: Mapping[int, tuple[str, ...]]) -> list[list[Any]]:
    """Return rows (n, p) of user columns as their owner wrote them.

    A code of ``categories[column]`` becomes its word again, NaN (a missing cell) becomes None.
    """
    columns = []
    for place, column in enumerate(rows.T.tolist()):
        words = categories.get(place)
        columns.append(
            [None if math.isnan(cell) else (cell if words is None else words[int(cell)]) for cell in column]
        )
    return [list(row) for row in zip(*columns, strict=True)]
