"""Example tables, made on the spot: four data sets of scikit-learn and Friedman's function, as CSV bytes.

Each has the columns of its data set, ``target``, and ``training_index``: 1 on the 70 % of rows that
``train_test_split(test_size=0.3, random_state=42)`` takes for training (stratified for classes), else 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.specs import TaskKind
from whybox.errors import ParameterInvalidError

RECIPE_SEED = 42
TEST_SHARE = 0.3
FRIEDMAN_ROWS, FRIEDMAN_COLUMNS = 506, 13  # the shape of a well-known table that should not be used any more

Float64s = NDArray[np.float64]

KINDS: Mapping[str, TaskKind] = {
    "breast_cancer": "classification",
    "iris": "classification",
    "wine": "classification",
    "diabetes": "regression",
    "friedman1": "regression",
}


def list_example_tables() -> tuple[str, ...]:
    """Return the names of the example tables."""
    return tuple(KINDS)


def make_example_table(name: str, *, line_end: str = "\n") -> bytes:
    """Return an example table as UTF-8 CSV bytes, without a final line end.

    Numbers are written with as many digits as they need to be read back exactly. Needs scikit-learn. Raises
    ParameterInvalidError for a name that is not in ``list_example_tables()``.
    """
    if name not in KINDS:
        raise ParameterInvalidError("name", reason=f"must be one of: {', '.join(KINDS)}")
    names, X, y = _make_friedman() if name == "friedman1" else _load(name)
    is_train = _mark_training_rows(y, is_stratified=KINDS[name] == "classification")
    lines = [",".join([*names, "target", "training_index"])]
    for row, target, mark in zip(X.tolist(), y.tolist(), is_train.tolist(), strict=True):
        lines.append(",".join(map(repr, [*row, target, mark])))
    return line_end.join(lines).encode("utf-8")


def _load(name: str) -> tuple[list[str], Float64s, NDArray[Any]]:
    from sklearn import datasets

    load: Callable[[], Any] = getattr(datasets, f"load_{name}")
    bunch = load()
    return [str(column) for column in bunch.feature_names], bunch.data, bunch.target


def _make_friedman() -> tuple[list[str], Float64s, Float64s]:
    """Return 506 rows of Friedman's first function (doi:10.1214/aos/1176347963): 5 of 13 columns matter."""
    from sklearn.datasets import make_friedman1

    X, y = make_friedman1(FRIEDMAN_ROWS, FRIEDMAN_COLUMNS, noise=1.0, random_state=RECIPE_SEED)
    return [f"x{column}" for column in range(1, FRIEDMAN_COLUMNS + 1)], X, y


def _mark_training_rows(y: NDArray[Any], *, is_stratified: bool) -> NDArray[np.int64]:
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(y))
    train, _ = train_test_split(
        rows, test_size=TEST_SHARE, random_state=RECIPE_SEED, stratify=y if is_stratified else None
    )
    marks = np.zeros(len(y), dtype=np.int64)
    marks[train] = 1
    return marks
