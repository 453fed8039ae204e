"""Checks: numbers leave the explanations only when they are whole, finite and add up."""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.attributions import Attributions, additivity_residual
from whybox.domain.explanations.estimates import Estimate
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import ModelView
from whybox.errors import ExplanationCheckError

ADDITIVITY_TOLERANCE = 1e-9
"""Of the largest number in sight: float64 sums over a few million leaves stay below 1e-11."""

ANSWER_TOLERANCE = 1e-6
"""Of the largest number in sight, between attributions and the very answers that are delivered with them: a
library may add up in another order than its structure is read, or in float32."""

STRUCTURE_TOLERANCE = 1e-5
"""Between our float64 sum and the library's own answer, relative to the largest answer: xgboost adds float32
leaf values in float32 (6e-8 each), so a thousand trees may differ by a few 1e-6; a row in a wrong leaf
differs by more."""

N_STRUCTURE_ROWS = 16
"""Rows on which structure and library are compared: every request pays for them."""


def structure_holds(view: ModelView, rows: Floats, answers: Floats | None = None) -> bool:
    """Tell whether a model's structure answers like the model itself, for rows whose answers may be known.

    Guards against library versions and options no reader knows of: where it fails, the model is explained as
    a function. A model that answers for itself has nothing to be compared with.
    """
    if view.predict is view.answer:
        return True
    some = np.linspace(0, len(rows) - 1, min(len(rows), N_STRUCTURE_ROWS)).astype(np.int64)
    own = view.predict(rows[some])
    answer = view.answer(rows[some]) if answers is None else answers[some]
    if own.shape != answer.shape or not np.isfinite(answer).all():
        return False
    return bool(np.abs(own - answer).max() <= STRUCTURE_TOLERANCE * largest_number(answer))


def largest_number(*arrays: Floats) -> float:
    """Return the largest size of a number in sight, to measure rounding by; never 0.

    A sum rounds in proportion to the largest number in it: where a base value of 1e15 and an attribution of
    -1e15 leave a prediction of 1, no float64 sum comes nearer to it than 0.1.
    """
    return max(np.finfo(np.float64).tiny, *(float(np.abs(array).max(initial=0.0)) for array in arrays))


def adds_up(estimate: Estimate, answers: Floats | None) -> bool:
    """Tell whether an estimate is finite and adds up, to its own predictions and to the answers delivered.

    Where it does not, the structure it was found by rounds otherwise than the model itself: columns near 1e15
    that differ by units, or a threshold of a hidden column that falls to the other side.
    """
    values, base_values, predictions = estimate.values, estimate.base_values, estimate.predictions
    if not all(np.isfinite(array).all() for array in (values, base_values, predictions)):
        return False
    scale = largest_number(values, base_values, predictions)
    if additivity_residual(values, base_values, predictions) > ADDITIVITY_TOLERANCE * scale:
        return False
    if answers is None:
        return True
    return additivity_residual(values, base_values, answers) <= ANSWER_TOLERANCE * scale


def check_attributions(attributions: Attributions, *, n_rows: int, n_players: int) -> None:
    """Raise ExplanationCheckError unless shapes agree, all is finite and values add up.

    ``additivity_residual`` is compared with ``ADDITIVITY_TOLERANCE`` times the ``largest_number``.
    """
    n_outputs = len(attributions.base_values)
    expected = (n_rows, n_players, n_outputs)
    for name, array, shape in (
        ("values shape", attributions.values, expected),
        ("std_error shape", attributions.std_error, expected),
        ("predictions shape", attributions.predictions, (n_rows, n_outputs)),
    ):
        if array.shape != shape:
            raise ExplanationCheckError(name, found=float(array.size), tolerance=float(np.prod(shape)))
    scale = float(np.finfo(np.float64).tiny)
    for name in ("values", "std_error", "predictions", "base_values"):
        array = getattr(attributions, name)
        low, high = float(array.min(initial=0.0)), float(array.max(initial=0.0))
        if not np.isfinite([low, high]).all():  # NaN is the minimum and the maximum of all it stands among
            raise ExplanationCheckError(
                f"{name} finite", found=float(np.count_nonzero(~np.isfinite(array))), tolerance=0.0
            )
        scale = scale if name == "std_error" else max(scale, -low, high)
    if attributions.additivity_residual > ADDITIVITY_TOLERANCE * scale:
        raise ExplanationCheckError(
            "additivity",
            found=attributions.additivity_residual,
            tolerance=ADDITIVITY_TOLERANCE * scale,
        )
