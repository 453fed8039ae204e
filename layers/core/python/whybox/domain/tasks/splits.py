"""Which rows train and which test: by the caller's column, or drawn here when there is none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from whybox.domain.tables.columns import Column
from whybox.errors import SplitEmptyError

TEST_SHARE = 0.3
TRAIN_MARKS = frozenset(
    {"1", "1.0"}
)  # in a column that also holds words; in numbers any way of writing 1 is one

Int64s = NDArray[np.int64]


def split_by_column(column: Column) -> tuple[Int64s, Int64s]:
    """Return the train and test row ids, int64, ascending: 1 (or true) trains, anything else tests.

    Raises SplitEmptyError when either side would be empty.
    """
    if column.kind in {"numeric", "boolean"}:
        is_train = column.values == 1.0
    else:
        is_train = np.array([cell.strip() in TRAIN_MARKS for cell in column.cells])
    for side, has_rows in (("training", is_train.any()), ("test", not is_train.all())):
        if not has_rows:
            raise SplitEmptyError(column=column.name, side=side)
    return np.flatnonzero(is_train), np.flatnonzero(~is_train)


def draw_split(
    n_rows: int, *, strata: Int64s | None, seed: int, test_share: float = TEST_SHARE
) -> tuple[Int64s, Int64s]:
    """Draw rows for testing, three in ten unless told otherwise; the rest trains.

    Parameters
    ----------
    n_rows : int
    strata : int64 (n_rows,) of class codes 0..C-1, or None
        Each class gets its share of test rows by largest remainder, but keeps a row to train on, and gets one
        test row where it has two rows.
    seed : int
    test_share : float
        Of all rows, rounded up; at least one row is left to train on.

    Returns
    -------
    train, test : int64, ascending, disjoint, together all rows
    """
    generator = np.random.default_rng(seed)
    codes = np.zeros(n_rows, dtype=np.int64) if strata is None else strata
    n_class_rows = np.bincount(codes)
    share = n_class_rows * test_share
    n_test = np.floor(share).astype(np.int64)
    n_missing = int(np.ceil(n_rows * test_share)) - int(n_test.sum())
    by_remainder = np.argsort(n_test - share, kind="stable")  # the largest remainder first
    n_test[by_remainder[:n_missing]] += 1
    n_test = np.clip(n_test, np.minimum(1, n_class_rows // 2), np.maximum(n_class_rows - 1, 0))
    order = generator.permutation(n_rows)
    is_test = np.zeros(n_rows, dtype=np.bool_)
    for code, n_rows_of_class in enumerate(n_test):
        is_test[order[codes[order] == code][:n_rows_of_class]] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)
