"""Features: which columns a model may use, as numbers, and what about them deserves a notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whybox.domain.notices import Notice
from whybox.domain.tables.columns import Column, RowNumbers, is_free_text
from whybox.domain.tasks.targets import FLOAT32_MAX
from whybox.errors import NoUsableFeaturesError, ValueOutOfRangeError

PERFECT_CORRELATION = 1 - 1e-9  # rounding leaves an exact copy of the target this close to 1
NARROW = 2.0**-20  # of a column's size: single precision, in which trees compare, has 16 steps in that
FEW_ROWS = 50  # which settle most columns of numbers already
BLOCK_CELLS = 1_000_000  # of the columns looked at together
SAMPLED_ROWS = 1_000  # more different values than classes in these settle that a column is no copy

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The usable columns: names, X float64 (n_rows, p), and the words of each column of category codes."""

    names: tuple[str, ...]
    X: Float64s
    categories: dict[int, tuple[str, ...]]


def select_features(
    columns: Sequence[Column], *, train: Int64s, row_numbers: RowNumbers, max_categories: int
) -> tuple[Features, list[Notice]]:
    """Keep the columns a model can use, words as codes 0..k-1 in the order of ``categories``; NaN is missing.

    Left out with a notice: columns without any value in the training rows, and text that hardly repeats.
    A constant column stays, its contribution is 0. Raises NoUsableFeaturesError where no column varies, and
    ValueOutOfRangeError for numbers beyond float32.
    """
    kept: list[Column] = []
    notices: list[Notice] = []
    n_varying = 0
    for column in columns:
        _refuse_large(column, row_numbers)
        low, high = _range(column.values[train])
        if np.isnan(high):
            detail = "no value in the training rows: the column was left out"
            notices.append(Notice("column-all-missing-dropped", detail, column=column.name))
            continue
        n_words, n_rows = len(column.categories), len(column.values)
        if column.kind == "text" or is_free_text(n_words, n_rows, max_categories=max_categories):
            detail = f"{n_words} different words are too many to learn from: the column was left out"
            notices.append(Notice("too-many-categories", detail, column=column.name))
            continue
        is_constant = low == high
        if is_constant:
            detail = "the same value in all training rows: it cannot contribute"
            notices.append(Notice("constant-column", detail, column=column.name))
        n_varying += not is_constant
        kept.append(column)
    if not n_varying:
        raise NoUsableFeaturesError(n_columns=len(columns))
    categories = {index: column.categories for index, column in enumerate(kept) if column.categories}
    X = np.column_stack([column.values for column in kept])
    return Features(tuple(column.name for column in kept), X, categories), notices


def _range(values: Float64s) -> tuple[float, float]:
    """Return the smallest value, NaN where one is missing, and the largest, NaN where all are."""
    low, high = float(np.min(values)), float(np.max(values))
    if np.isnan(low):
        high = float(np.max(values[~np.isnan(values)], initial=-np.inf))
    return low, high if high > -np.inf else np.nan


def _refuse_large(column: Column, row_numbers: RowNumbers) -> None:
    if np.min(column.values) >= -FLOAT32_MAX and np.max(column.values) <= FLOAT32_MAX:  # none is missing
        return
    rows = np.flatnonzero(np.abs(column.values) > FLOAT32_MAX)
    if len(rows):
        shown = row_numbers(rows[:20].tolist())
        raise ValueOutOfRangeError(column=column.name, rows=shown, n_cells=len(rows))


def inspect_features(
    features: Features, y: Int64s | Float64s, *, train: Int64s, test: Int64s, is_classification: bool
) -> list[Notice]:
    """Notice what makes results look better or vary more than they should: leaks, copies, wide tables."""
    notices = [
        Notice("possible-leakage", "determines the target exactly in the training rows", column=name)
        for name, is_copy in zip(
            features.names,
            _determine(features.X[train], y[train], is_classification=is_classification),
            strict=True,
        )
        if is_copy
    ]
    low, high = np.nanmin(features.X, axis=0), np.nanmax(features.X, axis=0)
    notices += [
        Notice(
            "id-like-column",
            "counts the rows, like an identifier; it cannot hold for new rows",
            column=features.names[column],
        )
        for column in np.flatnonzero(high - low == len(features.X) - 1)
        if _counts_rows(features.X[:, column])
    ]
    # Values that differ do so only in digits that models round away.
    is_narrow = (high > low) & (high - low < NARROW * np.maximum(np.abs(low), np.abs(high)))
    notices += [
        Notice(
            "narrow-column",
            "its values differ by less than a millionth: subtract a constant",
            column=features.names[column],
        )
        for column in np.flatnonzero(is_narrow)
    ]
    n_columns = len(features.names)
    if n_columns > len(train):
        detail = f"{n_columns} columns for {len(train)} training rows: a model can fit these rows by chance"
        notices.append(Notice("wide-table", detail))
    n_copies = _count_copies(features.X, train, test)
    if n_copies:
        detail = f"{n_copies} of {len(test)} test rows also stand in the training rows"
        notices.append(Notice("duplicate-rows", detail))
    return notices


def _determine(X: Float64s, y: Int64s | Float64s, *, is_classification: bool) -> list[bool]:
    """Say of each column whether it is a copy of the target: linear in it, or one word for each class."""
    target = y - y.mean()
    n_classes = len(np.unique(y)) if is_classification else 0
    step = max(1, BLOCK_CELLS // len(X))
    found: list[bool] = []
    for start in range(0, X.shape[1], step):
        columns = np.ascontiguousarray(X[:, start : start + step].T)
        varies = columns.min(axis=1) < columns.max(axis=1)  # NaN where a value is missing, which is no copy
        is_linear = varies & _are_linear_in(target, columns)
        found += [
            bool(linear or (varied and _names_classes(column, y, n_classes=n_classes)))
            for column, varied, linear in zip(columns, varies, is_linear, strict=True)
        ]
    return found


def _are_linear_in(target: Float64s, columns: Float64s) -> Bools:
    """Say of columns (p, n) whether they are the target (n,), of mean 0, moved and scaled: bool (p,)."""
    centred = columns - columns.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("pn,pn->p", centred, centred) * (target @ target))
    is_linear: Bools = (norms > 0) & (np.abs(centred @ target) >= PERFECT_CORRELATION * norms)
    return is_linear


def _names_classes(column: Float64s, y: Int64s | Float64s, *, n_classes: int) -> bool:
    """Whether a column has one value for each class and no other; there are none in a regression."""
    if not n_classes or len(set(column[:FEW_ROWS].tolist())) > n_classes:
        return False
    if len(np.unique(column[:SAMPLED_ROWS])) > n_classes:
        return False
    pairs = np.unique(np.column_stack([column, y]), axis=0)
    return len(pairs) == len(np.unique(column)) == n_classes


def _counts_rows(column: Float64s) -> bool:
    """Whether the column holds as many consecutive whole numbers as there are rows, in any order."""
    n_rows = len(column)
    if np.ptp(column) != n_rows - 1 or column[0] % 1:  # NaN where a value is missing, which is unequal
        return False
    return bool(np.array_equal(np.sort(column), np.min(column) + np.arange(n_rows)))


def _count_copies(X: Float64s, train: Int64s, test: Int64s) -> int:
    """Count the test rows whose features all equal those of a training row (missing equals missing)."""
    n_bytes = X.shape[1] * X.itemsize
    rows = memoryview(np.ascontiguousarray(X).tobytes())
    seen = {rows[row * n_bytes : (row + 1) * n_bytes].tobytes() for row in train.tolist()}
    return sum(rows[row * n_bytes : (row + 1) * n_bytes].tobytes() in seen for row in test.tolist())
