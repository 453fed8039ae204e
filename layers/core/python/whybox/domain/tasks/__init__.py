"""Tasks: a table framed as a classification or a regression, with its rows split, ready to be fitted."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.specs import DrawnSplit, Label, TaskKind
from whybox.domain.notices import Notice
from whybox.domain.tables import Table
from whybox.domain.tables.columns import Column
from whybox.domain.tasks.features import inspect_features, select_features
from whybox.domain.tasks.splits import draw_split, split_by_column
from whybox.domain.tasks.targets import (
    TargetLimits,
    check_class_sizes,
    check_training_target,
    read_classes,
    read_quantities,
)
from whybox.errors import (
    NoUsableFeaturesError,
    SplitNotFoundError,
    TargetInFeaturesError,
    TargetNotFoundError,
    TooFewRowsError,
)

DEFAULT_TARGET = "target"
DEFAULT_SPLIT = "training_index"
SHOWN_NAMES = 5

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """The smallest table, the classes, and the different words of a column, that a task may have."""

    min_rows: int = 20
    max_categories: int = 1_000
    target: TargetLimits = field(default_factory=TargetLimits)


DEFAULT_LIMITS = TaskLimits()


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What a model is fitted and judged on.

    Attributes
    ----------
    feature_names : tuple of str, length p
        The usable columns in file order; neither the target nor the split column.
    X : float64 (n_rows, p)
        Numbers as written; truth values 1 and 0; words as codes into ``categories[column]``; NaN is missing.
    categories : dict of int to tuple of str
        The words of each column of codes, sorted by code point.
    y : int64 (n_rows,) class codes, or float64 (n_rows,) in the target's unit
    classes : tuple
        Original labels in code order, sorted as numpy.unique sorts them; empty for a regression.
    train, test : int64
        Row ids, ascending. Every class has a training row.
    warnings : tuple of Notice
        The reader's notices, then the task's own.
    """

    kind: TaskKind
    feature_names: tuple[str, ...]
    X: Float64s
    categories: dict[int, tuple[str, ...]]
    y: Int64s | Float64s
    classes: tuple[Label, ...]
    train: Int64s
    test: Int64s
    warnings: tuple[Notice, ...]


def frame_task(
    table: Table,
    *,
    kind: TaskKind,
    target: str = DEFAULT_TARGET,
    split: str | DrawnSplit = DEFAULT_SPLIT,
    seed: int = 0,
    limits: TaskLimits = DEFAULT_LIMITS,
) -> Task:
    """Frame a table as a task: target, features, and training and test rows.

    Rows where the split column is 1 train, all others test. Without a column of the default name the rows are
    split 70/30 with ``seed``, stratified for a classification, and a notice says so; a split column that was
    named and is not there is an error. A drawn split leaves every column but the target a feature. A class
    that only test rows have is an error too: no model could ever predict it, so each of its rows would count
    against a model that was never told. Raises TaskErrors.
    """
    target_column = find_target(table, target)
    split_column = _find_split(table, split, target) if isinstance(split, str) else None
    if table.n_rows < limits.min_rows:
        raise TooFewRowsError(limit=limits.min_rows, actual=table.n_rows)
    y: Int64s | Float64s
    if kind == "classification":
        y, classes = read_classes(target_column, limits=limits.target, row_numbers=table.row_numbers)
    else:
        y, classes = read_quantities(target_column, row_numbers=table.row_numbers), ()
    notices = list(table.warnings)
    if split_column is not None:
        train, test = split_by_column(split_column)
    else:
        train, test = _draw_rows(y, split, kind=kind, seed=seed, notices=notices)
    check_training_target(y[train], column=target)
    if kind == "classification":
        codes = y[train].astype(np.int64)
        check_class_sizes(codes, len(classes), column=target, limit=1, where="the training rows")
    columns = [column for column in table.columns if column not in (target_column, split_column)]
    if not columns:
        raise NoUsableFeaturesError(n_columns=0)
    features, feature_notices = select_features(
        columns, train=train, row_numbers=table.row_numbers, max_categories=limits.max_categories
    )
    notices += feature_notices
    notices += inspect_features(
        features, y, train=train, test=test, is_classification=kind == "classification"
    )
    return Task(
        kind=kind,
        feature_names=features.names,
        X=features.X,
        categories=features.categories,
        y=y,
        classes=classes,
        train=train,
        test=test,
        warnings=tuple(notices),
    )


def find_target(table: Table, name: str) -> Column:
    """Return the column to predict; raises TargetNotFoundError with the closest names."""
    column = table.column(name)
    if column is None:
        raise TargetNotFoundError(name, closest=_closest(name, table.names))
    return column


def _find_split(table: Table, name: str, target: str) -> Column | None:
    if name == target:
        raise TargetInFeaturesError(target, role="the split column")
    column = table.column(name)
    if column is None and name != DEFAULT_SPLIT:
        raise SplitNotFoundError(name, closest=_closest(name, table.names))
    return column


def _closest(name: str, names: tuple[str, ...]) -> list[str]:
    """Return up to five column names that look like ``name``, case aside, the closest first."""
    by_folded = {candidate.casefold(): candidate for candidate in names}
    folded = difflib.get_close_matches(name[:256].casefold(), by_folded, n=SHOWN_NAMES, cutoff=0.4)
    return [by_folded[candidate] for candidate in folded]


def _draw_rows(
    y: Int64s | Float64s, split: str | DrawnSplit, *, kind: TaskKind, seed: int, notices: list[Notice]
) -> tuple[Int64s, Int64s]:
    """Draw the rows, as asked or because there is no column that says which train."""
    drawn = DrawnSplit() if isinstance(split, str) else split
    is_stratified = kind == "classification" and drawn.is_stratified is not False
    strata = y.astype(np.int64) if is_stratified else None
    train, test = draw_split(len(y), strata=strata, seed=seed, test_share=drawn.test_size)
    how = "stratified by class, " if is_stratified else ""
    why = f"no column {split!r}" if isinstance(split, str) else "drawn as asked"
    detail = f"{why}: {len(train)} rows train and {len(test)} test ({how}seed {seed})"
    notices.append(Notice("split-drawn", detail))
    return train, test
