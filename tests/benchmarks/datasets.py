"""The tables of the benchmarks, made by recipe."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, make_friedman1
from sklearn.model_selection import train_test_split
from tests.benchmarks.measure import Floats


@dataclass(frozen=True)
class Split:
    """A table cut into training and test rows; ``names`` are the columns."""

    names: tuple[str, ...]
    X_train: Floats
    y_train: NDArray[Any]
    X_test: Floats
    y_test: NDArray[Any]
    csv: bytes = b""


def breast_cancer() -> Split:
    """Return scikit-learn's breast cancer table, 398 training and 171 test rows of 30 columns."""
    data = load_breast_cancer()
    return _split(tuple(map(str, data.feature_names)), data.data, data.target, stratify=data.target)


def friedman() -> Split:
    """Return a regression of 506 rows and 13 columns, five of which matter."""
    X, y = make_friedman1(n_samples=506, n_features=13, noise=1.0, random_state=0)
    return _split(tuple(f"x{column}" for column in range(13)), X.round(4), y.round(4), stratify=None)


def wide_table(n_rows: int, n_columns: int, *, seed: int = 0) -> tuple[Floats, Floats]:
    """Return columns of ordinary decimals and a smooth target with interactions."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n_rows, n_columns)).round(3)
    weights = np.linspace(1.0, 0.1, n_columns)
    y = X @ weights + 2.0 * X[:, 0] * X[:, 1] + np.sin(2.0 * X[:, 2]) * X[:, 3]
    return X, y + generator.normal(size=n_rows)


def _split(names: tuple[str, ...], X: Floats, y: NDArray[Any], *, stratify: NDArray[Any] | None) -> Split:
    """Split 70/30 the way the users of the compatible API do, and write the file they would send."""
    rows = np.arange(len(X))
    train, _ = train_test_split(rows, test_size=0.3, random_state=42, stratify=stratify)
    is_train = np.isin(rows, train)
    text = io.StringIO()
    text.write(",".join([*names, "target", "training_index"]) + "\n")
    for cells, target, mark in zip(X.tolist(), y.tolist(), is_train.tolist(), strict=True):
        text.write(",".join(map(repr, [*cells, target, int(mark)])) + "\n")
    return Split(names, X[is_train], y[is_train], X[~is_train], y[~is_train], text.getvalue().encode())
