"""Tables that tests of explaining share, and the shortest way to a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from whybox.domain.jobs.explanation_requests import ExplanationRequest, ModelChoice
from whybox.services.finish_explanation import ExplanationResult, compute_explanation
from whybox.services.prepare_explanation import prepare_explanation

RIDGE = ModelChoice("sklearn", "Ridge")
TREE = ModelChoice("sklearn", "DecisionTreeClassifier")
LOGISTIC = ModelChoice("sklearn", "LogisticRegression")
XGBOOST = ModelChoice("xgboost", None, parameters={"n_estimators": 10})


def write_table(n_rows: int = 90, *, n_train: int | None = None, seed: int = 0) -> bytes:
    """Return rows of three numbers and a word; ``label`` and ``amount`` follow from them.

    The first ``n_train`` rows train, two thirds of all unless told otherwise.
    """
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(n_rows, 3)).round(6)
    shops = generator.choice(["east", "west"], n_rows)
    amounts = numbers[:, 0] + 0.5 * numbers[:, 1] + (shops == "east") + 0.1 * generator.normal(size=n_rows)
    n_train = 2 * n_rows // 3 if n_train is None else n_train
    lines = ["a,b,c,shop,label,amount,training_index"]
    for row in range(n_rows):
        cells = ",".join(map(str, numbers[row].tolist()))
        label = "big" if amounts[row] > 0.5 else "small"
        lines.append(f"{cells},{shops[row]},{label},{amounts[row]:.6f},{int(row < n_train)}")
    return ("\n".join(lines) + "\n").encode()


def write_one_sided_table() -> bytes:
    """Return a table all of whose test rows are of one class, which leaves scores undefined after the fit."""
    lines = write_table().splitlines(keepends=True)
    return b"".join([*lines[:61], *(line.replace(b",small,", b",big,") for line in lines[61:])])


UNDEFINED: dict[str, Any] = {"method": "permutation", "scoring": "roc_auc"}
"""What to ask of such a table."""


def classify(**changes: Any) -> ExplanationRequest:
    """Return a request to explain ``label``."""
    request: dict[str, Any] = {
        "kind": "classification",
        "model": LOGISTIC,
        "method": "shap",
        "target": "label",
    }
    return ExplanationRequest(**request | changes)


def regress(**changes: Any) -> ExplanationRequest:
    """Return a request to explain ``amount``."""
    request: dict[str, Any] = {"kind": "regression", "model": RIDGE, "method": "shap", "target": "amount"}
    return ExplanationRequest(**request | changes)


def explain(
    request: ExplanationRequest, table: bytes | None = None, *, on_rows: Callable[[int], None] | None = None
) -> ExplanationResult:
    """Compute an explanation, of the small table unless told otherwise."""
    return compute_explanation(prepare_explanation(table or write_table(), request), on_rows=on_rows)
