"""Checks: numbers leave the explanations only when they are whole, finite and add up."""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.attributions import Attributions
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import ModelView
from whybox.errors import ExplanationCheckError

ADDITIVITY_TOLERANCE = 1e-9
"""Of the largest margin or answer in sight: float64 sums over a few million leaves stay below 1e-11."""

STRUCTURE_TOLERANCE = 1e-5
"""Between our float64 sum and the library's own answer, relative to the largest answer: xgboost adds float32
leaf values in float32 (6e-8 each), so a thousand trees may differ by a few 1e-6; a row in a wrong leaf
differs by more."""

N_STRUCTURE_ROWS = 16
"""Background rows on which structure and library are compared: every request pays for them."""


def structure_holds(view: ModelView, rows: Floats) -> bool:
    """Tell whether a model's structure answers like the model itself.

    Guards against library versions and options no reader knows of: where it fails, the model is explained as
    a function. A model that answers for itself has nothing to be compared with.
    """
    if view.predict is view.answer:
        return True
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), N_STRUCTURE_ROWS)).astype(np.int64)]
    own, answer = view.predict(some), view.answer(some)
    if own.shape != answer.shape or not np.isfinite(answer).all():
        return False
    return bool(np.abs(own - answer).max() <= STRUCTURE_TOLERANCE * max(1.0, float(np.abs(answer).max())))


def check_attributions(attributions: Attributions, *, n_rows: int, n_players: int) -> None:
    """Raise ExplanationCheckError unless shapes agree, all is finite and values add up.

    ``additivity_residual`` is compared with ``ADDITIVITY_TOLERANCE`` times the largest answer: sums of large
    numbers round in proportion to them.
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
    scale = 1.0
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
