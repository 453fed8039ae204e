"""Synthetic tables of any size: what is behind their target is known, so an explanation can be checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.specs import TaskKind
from whybox.errors import ParameterInvalidError

N_TELLING: Final = 5
"""Columns that the target depends on; all others are noise."""

MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 2_000_000, 998, 20_000_000
TRAIN_SHARE: Final = 0.7
NOISE: Final = 1.0
BLOCK_ROWS: Final = 10_000

Float64s = NDArray[np.float64]


def write_synthetic_table(
    n_rows: int, n_columns: int, *, kind: TaskKind = "regression", seed: int = 0
) -> Iterator[bytes]:
    """Yield a table as CSV, block by block; the same arguments give the same bytes.

    Columns ``x1`` to ``xp`` are uniform on 0..1 with six decimals. ``target`` is Friedman's first function
    (doi:10.1214/aos/1176347963) of the first five plus noise, or for a classification whether that is above
    its mean, "high" or "low". ``training_index`` is 1 in seven of ten rows, drawn at random.

    Raises
    ------
    ParameterInvalidError
        Fewer columns than the target depends on, or a size that the service does not read.

    """
    _check("columns", n_columns, low=N_TELLING, high=MAX_COLUMNS)
    _check("rows", n_rows, low=1, high=min(MAX_ROWS, MAX_CELLS // (n_columns + 2)))
    generator = np.random.default_rng(seed)
    names = [f"x{column}" for column in range(1, n_columns + 1)]
    yield (",".join([*names, "target", "training_index"]) + "\n").encode()
    line = ",".join(["%.6f"] * n_columns)
    for start in range(0, n_rows, BLOCK_ROWS):
        X = generator.random((min(BLOCK_ROWS, n_rows - start), n_columns)).round(6)
        y = friedman(X) + NOISE * generator.standard_normal(len(X))
        marks = (generator.random(len(X)) < TRAIN_SHARE).astype(int).tolist()
        rows = zip(map(tuple, X.tolist()), _targets(y, kind), marks, strict=True)
        yield "".join(f"{line % row},{target},{mark}\n" for row, target, mark in rows).encode()


def friedman(X: Float64s) -> Float64s:
    """Return Friedman's first function of the first five columns of X (n, p), without noise: (n,)."""
    wave = 10.0 * np.sin(np.pi * X[:, 0] * X[:, 1])
    values: Float64s = wave + 20.0 * (X[:, 2] - 0.5) ** 2 + 10.0 * X[:, 3] + 5.0 * X[:, 4]
    return values


FRIEDMAN_MEAN: Final = 14.4
"""Of the function over the unit cube, to one decimal: both classes are about as large."""


def _targets(y: Float64s, kind: TaskKind) -> Iterator[str]:
    for value in y.tolist():
        if kind == "regression":
            yield f"{value:.6f}"
        else:
            yield "high" if value > FRIEDMAN_MEAN else "low"


def _check(name: str, value: int, *, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ParameterInvalidError(name, reason=f"must be a whole number from {low} to {high}")
