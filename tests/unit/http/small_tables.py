"""Small tables that the endpoints can be asked about, and answers without what no two of them share."""

from __future__ import annotations

import csv
import io

import numpy as np


def write_table(columns: dict[str, list[object]], *, end: str = "\n") -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator=end)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return file.getvalue().encode()


def classes_table(labels=("no", "yes"), *, n_rows: int = 60, **extra: list[object]) -> bytes:
    generator = np.random.default_rng(5)
    X = generator.normal(size=(n_rows, 3))
    codes = np.digitize(X[:, 0] + 0.3 * X[:, 1], [0.0, 0.8][: len(labels) - 1])
    return write_table(
        {
            "width": [float(x) for x in X[:, 0]],
            "height of it": [float(x) for x in X[:, 1]],
            "noise": [float(x) for x in X[:, 2]],
            "target": [labels[code] for code in codes],
            "training_index": [int(row % 3 > 0) for row in range(n_rows)],
            **extra,
        }
    )


def numbers_table(n_rows: int = 60) -> bytes:
    generator = np.random.default_rng(6)
    X = generator.normal(size=(n_rows, 2))
    y = 3 * X[:, 0] - X[:, 1] + 0.1 * generator.normal(size=n_rows)
    return write_table(
        {
            "a": [float(x) for x in X[:, 0]],
            "b": [float(x) for x in X[:, 1]],
            "target": [float(v) for v in y],
            "training_index": [int(row % 3 > 0) for row in range(n_rows)],
        }
    )


def without_seconds(document):
    """Return an answer without the time it took."""
    return {**document, "receipt": {**document["receipt"], "seconds": 0}}
