"""An answer of a compatible endpoint read back into a result document, as a report wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

Document = dict[str, Any]

_AVERAGES: Final = ("macro avg", "weighted avg")
_PREDICTIONS: Final = ("y_true", "y_pred", "proba", "pi_lower", "pi_upper", "pi_coverage")


def document_of_answer(
    answer: Mapping[str, Any], *, feature_values: Sequence[Sequence[Any]] = ()
) -> Document:
    """Return the result document behind an answer.

    ``feature_values`` are the test rows' cells, in the order of the answer's ``feature_names``: the answer
    does not repeat them, and whoever sent the table has them.
    """
    predictions = {name: answer[name] for name in _PREDICTIONS if name in answer}
    if "Score" in answer:
        metrics = dict(answer["Score"])
    else:
        # What is left of a classification's keys are its labels, in the order of the classes.
        labels = [name for name, part in answer.items() if _is_scores(part) and name not in _AVERAGES]
        predictions["classes"] = labels
        metrics = {name: answer[name] for name in ("accuracy", *labels, *_AVERAGES) if name in answer}
    explanation = answer.get("interpretability")
    if explanation is not None and feature_values:
        explanation = {**explanation, "feature_values": feature_values}
    return {
        "predictions": predictions,
        "metrics": metrics,
        "explanation": explanation,
        "warnings": answer.get("warnings", []),
        "receipt": answer.get("receipt", {}),
    }


def _is_scores(part: Any) -> bool:
    return isinstance(part, Mapping) and "precision" in part and "recall" in part
