"""The peers: shap's explainers and xgboost's own contributions, with answers in the shape of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shap
import xgboost
from tests.benchmarks.measure import Answer, Contestant, Floats

Predict = Callable[[Floats], Floats]

DEFAULT_L1 = "num_features(10)"
"""What KernelExplainer does when nobody asks: ten columns per row survive, all others are set to 0."""


def kernel_explainer(
    name: str,
    predict: Predict,
    rows: Floats,
    background: Any,
    *,
    n_rows: int,
    l1_reg: str | float = DEFAULT_L1,
) -> Contestant:
    """Return shap's KernelExplainer on the first ``n_rows`` rows; ``background`` an array or shap.kmeans."""

    def run() -> Answer:
        np.random.seed(0)  # noqa: NPY002 - shap draws from numpy's global generator
        explainer = shap.KernelExplainer(predict, background)
        values = explainer.shap_values(rows[:n_rows], l1_reg=l1_reg, silent=True)
        return _answer(values, explainer.expected_value, predict(rows[:n_rows]))

    return Contestant(name, run, share=n_rows / len(rows))


def permutation_explainer(
    name: str, predict: Predict, rows: Floats, background: Floats, *, n_rows: int, max_evals: int = 500
) -> Contestant:
    """Return shap's PermutationExplainer on the first ``n_rows`` rows."""

    def run() -> Answer:
        masker = _whole(background)
        explainer = shap.PermutationExplainer(predict, masker, seed=0)
        found = explainer(rows[:n_rows], max_evals=max_evals, silent=True)
        return _answer(found.values, found.base_values[0], predict(rows[:n_rows]))

    return Contestant(name, run, share=n_rows / len(rows))


def tree_explainer(
    name: str,
    model: Any,
    rows: Floats,
    background: Floats | None,
    *,
    predict: Predict,
    n_rows: int | None = None,
) -> Contestant:
    """Return shap's TreeExplainer, interventional where there is a background, else path-dependent."""
    count = len(rows) if n_rows is None else n_rows

    def run() -> Answer:
        how = "tree_path_dependent" if background is None else "interventional"
        masker = None if background is None else _whole(background)
        explainer = shap.TreeExplainer(model, data=masker, feature_perturbation=how)
        values = explainer.shap_values(rows[:count], check_additivity=False)
        return _answer(values, explainer.expected_value, predict(rows[:count]))

    return Contestant(name, run, share=count / len(rows))


def rescaled_probabilities(name: str, model: Any, rows: Floats, background: Floats) -> Contestant:
    """Return shap's TreeExplainer with model_output="probability", of a model of two classes."""

    def run() -> Answer:
        explainer = shap.TreeExplainer(model, data=_whole(background), model_output="probability")
        values = np.asarray(explainer.shap_values(rows, check_additivity=False))[:, :, None]
        base = float(explainer.expected_value)
        both = np.concatenate([-values, values], axis=2)
        return _answer(both, [1.0 - base, base], model.predict_proba(rows))

    return Contestant(name, run)


def linear_explainer(
    name: str, model: Any, rows: Floats, background: Floats, *, predict: Predict
) -> Contestant:
    """Return shap's LinearExplainer."""

    def run() -> Answer:
        masker = _whole(background)
        explainer = shap.LinearExplainer(model, masker)
        return _answer(explainer.shap_values(rows), explainer.expected_value, predict(rows))

    return Contestant(name, run)


def pred_contribs(name: str, booster: Any, rows: Floats, *, n_rows: int | None = None) -> Contestant:
    """Return xgboost's own path-dependent contributions in margin units."""
    count = len(rows) if n_rows is None else n_rows

    def run() -> Answer:
        matrix = xgboost.DMatrix(rows[:count], nthread=1)
        found = booster.predict(matrix, pred_contribs=True)
        margins = booster.predict(matrix, output_margin=True)
        return _answer(found[:, :-1], found[0, -1], margins)

    return Contestant(name, run, share=count / len(rows))


def _whole(background: Floats) -> Any:
    """Return a masker of all background rows; given as an array, more than 100 would be cut to 100."""
    return shap.maskers.Independent(background, max_samples=len(background))


def _answer(values: Any, base_values: Any, predictions: Any) -> Answer:
    """Return attributions as float64 (n, p, outputs) and how far they are from adding up."""
    attributions = np.asarray(values, dtype=np.float64)
    attributions = attributions.reshape(*attributions.shape[:2], -1)
    n_outputs = attributions.shape[2]
    base = np.asarray(base_values, dtype=np.float64).reshape(-1)[-n_outputs:]
    answers = np.asarray(predictions, dtype=np.float64).reshape(len(attributions), -1)[:, -n_outputs:]
    residual = np.abs(base + attributions.sum(axis=1) - answers).max()
    return Answer(attributions, float(residual))
