"""The answers of the four compatible endpoints: their keys and shapes, cut out of a result document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Document = dict[str, Any]

_NUMBERS: Final = {"type": "array", "items": {"type": "number"}}
_SCORES: Final = {
    "type": "object",
    "required": ["precision", "recall", "f1-score", "support"],
    "properties": {
        "precision": {"type": "number"},
        "recall": {"type": "number"},
        "f1-score": {"type": "number"},
        "support": {"type": "number"},
    },
}
_WARNINGS: Final = {
    "type": "array",
    "description": "What was changed or noticed in the table.",
    "items": {
        "type": "object",
        "required": ["code", "detail"],
        "properties": {
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "column": {"type": "string"},
        },
    },
}
_RECEIPT: Final = {
    "type": "object",
    "description": "Hashes of data and model, seed, versions and seconds: what it takes to compute it again.",
    "required": ["data_sha256", "model_sha256", "seed", "versions", "seconds", "route"],
}
_INTERPRETABILITY: Final = {
    "type": "object",
    "description": "Only when asked for. Permutation: importances_mean, importances_std. SHAP: values of the "
    "test rows, rows x columns x classes, or rows x columns for a regression, in `unit`.",
    "required": ["method", "feature_names", "unit", "algorithm"],
    "properties": {
        "method": {"enum": ["permutation", "shap"]},
        "feature_names": {"type": "array", "items": {"type": "string"}},
        "importances_mean": _NUMBERS,
        "importances_std": _NUMBERS,
        "values": {"type": "array", "items": {"type": "array"}},
        "unit": {"type": "string"},
        "algorithm": {"type": "string"},
    },
}
_SHARED: Final = {"interpretability": _INTERPRETABILITY, "warnings": _WARNINGS, "receipt": _RECEIPT}

CLASSIFICATION_SCHEMA: Final[Document] = {
    "type": "object",
    "description": "Every class is a key of its own, beside these, with its scores.",
    "required": ["y_true", "y_pred", "accuracy", "macro avg", "weighted avg", "warnings", "receipt"],
    "properties": {
        "y_true": {"type": "array", "description": "The test rows in file order."},
        "y_pred": {"type": "array"},
        "accuracy": {"type": "number"},
        "macro avg": _SCORES,
        "weighted avg": _SCORES,
        "proba": {"type": "array", "items": _NUMBERS, "description": "Rows x classes."},
        **_SHARED,
    },
    "additionalProperties": _SCORES,
}
REGRESSION_SCHEMA: Final[Document] = {
    "type": "object",
    "required": ["y_true", "y_pred", "Score", "warnings", "receipt"],
    "properties": {
        "y_true": {**_NUMBERS, "description": "The test rows in file order."},
        "y_pred": _NUMBERS,
        "pi_lower": _NUMBERS,
        "pi_upper": _NUMBERS,
        "pi_coverage": {"type": "number", "description": "Test rows inside their interval, in percent."},
        "Score": {"type": "object", "additionalProperties": {"type": "number"}},
        **_SHARED,
    },
    "additionalProperties": False,
}


def classification_answer(result: Mapping[str, Any], *, has_proba: bool) -> Document:
    """Return the answer of a classification; class labels are top-level keys."""
    predictions = result["predictions"]
    answer = {"y_true": predictions["y_true"], "y_pred": predictions["y_pred"], **result["metrics"]}
    if has_proba:
        answer["proba"] = predictions["proba"]
    return _with_shared(answer, result)


def regression_answer(result: Mapping[str, Any]) -> Document:
    """Return the answer of a regression, with intervals where the result has them."""
    predictions = result["predictions"]
    answer = {"y_true": predictions["y_true"], "y_pred": predictions["y_pred"]}
    if "pi_lower" in predictions:
        answer |= {name: predictions[name] for name in ("pi_lower", "pi_upper", "pi_coverage")}
    answer["Score"] = result["metrics"]
    return _with_shared(answer, result)


def _with_shared(answer: Document, result: Mapping[str, Any]) -> Document:
    if result["explanation"] is not None:
        answer["interpretability"] = result["explanation"]
    answer["warnings"] = result["warnings"]
    answer["receipt"] = result["receipt"]
    return answer
