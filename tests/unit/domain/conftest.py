"""Result documents for tests of what is made of them: the report, the answer in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Document = dict[str, Any]
MakeDocument = Callable[..., Document]

RECEIPT = {"data_sha256": "d" * 64, "seed": 42, "versions": {"numpy": "2.4.0"}, "seconds": 0.25}


@pytest.fixture
def attribution_document() -> MakeDocument:
    """Make a document of SHAP values that add up: rows x columns x outputs random numbers around a base."""

    def make(
        names: list[str] | None = None, *, classes: tuple[Any, ...] = (0, 1), n_rows: int = 6, seed: int = 0
    ) -> Document:
        names = names or ["age", "dose", "site", "year"]
        generator = np.random.default_rng(seed)
        n_outputs = max(1, len(classes))
        # Attributions of all classes of a row and column add up to nothing, as those of probabilities do.
        values = generator.normal(scale=0.03, size=(n_rows, len(names), n_outputs))
        values -= values.mean(axis=2, keepdims=True) if classes else 0.0
        base = np.full(n_outputs, 1.0 / n_outputs) if classes else np.array([150.0])
        answers = base + values.sum(axis=1)
        truth = generator.integers(0, n_outputs, n_rows)
        predictions: Document
        if classes:
            predictions = {
                "y_true": [classes[code] for code in truth],
                "y_pred": [classes[code] for code in answers.argmax(axis=1)],
                "proba": answers.tolist(),
                "classes": list(classes),
            }
        else:
            predictions = {"y_true": (answers[:, 0] + 2.5).tolist(), "y_pred": answers[:, 0].tolist()}
        return {
            "predictions": predictions,
            "metrics": {"accuracy": 0.75} if classes else {"R² Score": 0.44},
            "explanation": {
                "method": "shap",
                "algorithm": "exact tree",
                "unit": "probability" if classes else "target",
                "feature_names": names,
                "background": {"size": 100, "sha256": "b" * 64},
                "base_values": base.tolist(),
                "values": values.tolist(),
                "std_error": np.zeros_like(values).tolist(),
                "additivity_residual": 1.2e-16,
            },
            "warnings": [],
            "receipt": RECEIPT,
        }

    return make


@pytest.fixture
def permutation_document() -> Document:
    """Three columns of which one stands out of the noise, one does not and one looks harmful."""
    return {
        "predictions": {"y_true": [0, 1, 1, 0], "y_pred": [0, 1, 0, 0], "classes": [0, 1]},
        "metrics": {"accuracy": 0.75},
        "explanation": {
            "method": "permutation",
            "algorithm": "batched",
            "unit": "accuracy",
            "scoring": "accuracy",
            "feature_names": ["noise", "dose", "harm"],
            "importances_mean": [0.01, 0.2, -0.02],
            "importances_std": [0.012, 0.03, 0.006],
            "n_repeats": 10,
            "noise_floor": 0.05,
        },
        "warnings": [{"code": "split-made", "detail": "The rows were split 70/30.", "column": "dose"}],
        "receipt": RECEIPT,
    }
