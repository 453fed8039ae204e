"""Targets: from a column to class codes or quantities, refusing what no model could learn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.specs import Label
from whybox.domain.tables.columns import Column, RowNumbers
from whybox.errors import (
    ClassTooSmallError,
    LabelCollisionError,
    NonFiniteValuesError,
    TargetHighCardinalityError,
    TargetMissingValuesError,
    TargetSingleClassError,
    TaskMismatchError,
)

FLOAT32_MAX = float(np.finfo(np.float32).max)  # tree models keep targets and thresholds in float32
MOST_FRACTIONAL_CLASSES = 20  # a target with fractions and more different values than this is a quantity
ANSWER_KEYS = frozenset(
    {
        "accuracy",
        "macro avg",
        "weighted avg",
        "proba",
        "y_true",
        "y_pred",
        "interpretability",
        "warnings",
        "receipt",
    }
)


@dataclass(frozen=True, slots=True)
class TargetLimits:
    """How many classes a classification may have, and how many rows each must have."""

    max_classes: int = 100
    min_class_rows: int = 2


def read_classes(
    column: Column, *, limits: TargetLimits, row_numbers: RowNumbers
) -> tuple[NDArray[np.int64], tuple[Label, ...]]:
    """Return class codes int64 (n_rows,) and the labels in code order.

    Labels are whole numbers when every cell is written so, else floats, else truth values or words; they are
    sorted as numpy.unique sorts them. Raises the TaskError that says why the column is no classification.
    """
    _refuse_missing(column, row_numbers)
    _refuse_large(column, row_numbers)
    distinct, codes = np.unique(column.values, return_inverse=True)
    if len(distinct) < 2:
        raise TargetSingleClassError(column=column.name, where="the table")
    is_fractional = column.kind == "numeric" and bool((distinct % 1 != 0).any())
    if is_fractional and len(distinct) > min(MOST_FRACTIONAL_CLASSES, len(codes) / 2):
        raise TaskMismatchError(column=column.name, found="many fractional numbers", kind="classification")
    if len(distinct) > limits.max_classes:
        raise TargetHighCardinalityError(column=column.name, limit=limits.max_classes, actual=len(distinct))
    check_class_sizes(
        codes, len(distinct), column=column.name, limit=limits.min_class_rows, where="the table"
    )
    return codes.astype(np.int64), _labels(column, distinct)


def read_quantities(column: Column, *, row_numbers: RowNumbers) -> NDArray[np.float64]:
    """Return the target of a regression, float64 (n_rows,), finite and in the range of float32.

    Raises the TaskError that says why the column is no regression target.
    """
    if column.kind != "numeric":
        found = "truth values" if column.kind == "boolean" else "words"
        raise TaskMismatchError(column=column.name, found=found, kind="regression")
    _refuse_missing(column, row_numbers)
    _refuse_large(column, row_numbers)
    if np.min(column.values) == np.max(column.values):
        raise TargetSingleClassError(column=column.name, where="the table")
    return column.values


def check_training_target(y: NDArray[np.int64] | NDArray[np.float64], *, column: str) -> None:
    """Raise TargetSingleClassError for training rows with one single class or value."""
    if np.min(y) == np.max(y):
        raise TargetSingleClassError(column=column, where="the training rows")


def check_class_sizes(
    codes: NDArray[np.int64], n_classes: int, *, column: str, limit: int, where: str
) -> None:
    """Raise ClassTooSmallError when any of the classes 0..n_classes-1 has fewer than ``limit`` rows."""
    n_small = int(np.count_nonzero(np.bincount(codes, minlength=n_classes) < limit))
    if n_small:
        raise ClassTooSmallError(column=column, n_classes=n_small, limit=limit, where=where)


def refuse_label_collisions(classes: Sequence[Label]) -> None:
    """Raise LabelCollisionError when a class is called like a top-level key of the compatible answers."""
    colliding = sorted({str(label) for label in classes} & ANSWER_KEYS)
    if colliding:
        raise LabelCollisionError(labels=colliding)


def _labels(column: Column, distinct: NDArray[np.float64]) -> tuple[Label, ...]:
    if column.is_integer:
        return tuple(int(value) for value in distinct)
    if column.kind == "numeric":
        return tuple(float(value) for value in distinct)
    if column.kind == "boolean":
        return tuple(bool(value) for value in distinct)
    return tuple(column.categories[int(code)] for code in distinct)


def _refuse_missing(column: Column, row_numbers: RowNumbers) -> None:
    rows = np.flatnonzero(column.is_missing)
    if len(rows):
        shown = row_numbers(rows[:20].tolist())
        raise TargetMissingValuesError(column=column.name, rows=shown, n_cells=len(rows))


def _refuse_large(column: Column, row_numbers: RowNumbers) -> None:
    rows = np.flatnonzero(np.abs(column.values) > FLOAT32_MAX)
    if len(rows):
        shown = row_numbers(rows[:20].tolist())
        raise NonFiniteValuesError(column=column.name, rows=shown, n_cells=len(rows))
