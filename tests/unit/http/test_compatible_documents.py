"""An answer read back gives the document it was cut out of."""

from __future__ import annotations

from whybox.http.compatible_documents import document_of_answer

SCORES = {"precision": 0.5, "recall": 0.5, "f1-score": 0.5, "support": 2.0}
SHARED = {
    "warnings": [{"code": "c", "detail": "d"}],
    "receipt": {"seed": 42},
    "interpretability": {"method": "shap", "feature_names": ["a"]},
}


def test_the_classes_of_a_classification_are_its_labels_in_their_order():
    answer = {
        "y_true": ["yes", "no"],
        "y_pred": ["no", "no"],
        "no": SCORES,
        "yes": SCORES,
        "accuracy": 0.5,
        "macro avg": SCORES,
        "weighted avg": SCORES,
        "proba": [[0.9, 0.1], [0.6, 0.4]],
        **SHARED,
    }

    document = document_of_answer(answer, feature_values=[[1.0], [2.0]])

    assert document["predictions"]["classes"] == ["no", "yes"]
    assert document["predictions"]["proba"] == answer["proba"]
    assert list(document["metrics"]) == ["accuracy", "no", "yes", "macro avg", "weighted avg"]
    assert document["explanation"] == {**SHARED["interpretability"], "feature_values": [[1.0], [2.0]]}
    assert document["receipt"] == {"seed": 42}


def test_a_regression_has_scores_and_intervals_and_no_classes():
    answer = {"y_true": [1.0], "y_pred": [1.5], "pi_lower": [0.0], "pi_upper": [3.0], "pi_coverage": 100.0}

    document = document_of_answer({**answer, "Score": {"R² Score": 0.4}, **SHARED})

    assert document["predictions"] == answer
    assert document["metrics"] == {"R² Score": 0.4}
    assert "feature_values" not in document["explanation"]


def test_an_answer_nobody_asked_to_explain_has_no_explanation():
    assert document_of_answer({"y_true": [], "y_pred": [], "Score": {}})["explanation"] is None
