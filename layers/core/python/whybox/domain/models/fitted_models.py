"""A fitted model: columns in, predictions out in a named unit, with its structure open to the explainers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.domain.models.boosted_trees import BoostedTrees
from whybox.domain.models.core_limits import one_core
from whybox.domain.models.encodings import ColumnEncoder
from whybox.domain.models.hidden_features import HiddenFeatures
from whybox.domain.models.specs import Label, ModelSpec, TaskKind, Unit
from whybox.domain.notices import Notice
from whybox.domain.tasks.targets import FLOAT32_MAX
from whybox.errors import FitFailedError, UnitUnavailableError

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """Encoder, optional hidden features and estimator, fitted together.

    user columns X (n, p) ──encode──▶ Z (n, q) ──hidden.transform──▶ F (n, f) ──estimator──▶ outputs
                                       └────────── F is Z without hidden features ──────────┘

    ``estimator`` is a scikit-learn estimator fitted on float64 F and integer class codes (its
    ``classes_`` is 0..C-1), or ``BoostedTrees``. ``feature_names`` are the p user columns, ``classes``
    the original labels in code order (empty for a regression), ``has_log_odds`` whether the score is a
    log-odds, ``notices`` what the fit had to say.
    """

    spec: ModelSpec
    feature_names: tuple[str, ...]
    classes: tuple[Label, ...]
    encoder: ColumnEncoder
    hidden: HiddenFeatures | None
    estimator: Any  # a scikit-learn estimator or BoostedTrees
    has_log_odds: bool = False
    notices: tuple[Notice, ...] = ()

    @property
    def kind(self) -> TaskKind:
        """Classification or regression."""
        return self.spec.kind

    @property
    def players(self) -> NDArray[np.int64]:
        """User column of each encoded column, int64 (q,)."""
        return self.encoder.players

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units this model answers in, its natural one first."""
        return units_of(self.kind, has_log_odds=self.has_log_odds)

    def encode(self, X: Float64s) -> Float64s:
        """Return Z (n, q), the encoder's output and nothing else (hidden features are not part of it).

        When every column is numeric and nothing was imputed this is X itself, not a copy.
        """
        return self.encoder.transform(X)

    def features(self, X: Float64s) -> Float64s:
        """Return F (n, f), what the estimator sees of user columns X (n, p): encoded, then hidden columns."""
        Z = self.encode(X)
        return Z if self.hidden is None else self.hidden.transform(Z)

    def predict_units(self, X: Float64s, unit: Unit) -> Float64s:
        """Return outputs (n, n_outputs) in ``unit`` for user columns X (n, p); see ``predict_encoded``."""
        return self.predict_encoded(self.encode(X), unit)

    def predict_encoded(self, Z: Float64s, unit: Unit) -> Float64s:
        """Return outputs (n, n_outputs) in ``unit`` for encoded columns Z (n, q).

        probability: C columns, rows add to 1. margin: 1 column for two classes (log-odds of class 1),
        C for more; only models whose score is a log-odds have it. target: 1 column, regression only.

        Raises UnitUnavailableError for a unit the model does not have, and FitFailedError where the fit went
        so wrong that an output is not finite.
        """
        if unit not in self.units:
            raise UnitUnavailableError(unit=unit, available=self.units)
        F = Z if self.hidden is None else self.hidden.transform(Z)
        try:
            with np.errstate(all="ignore"):  # what overflows is not finite, and caught below
                outputs = self._boosted(F, unit) if self._is_boosted else self._estimated(F, unit)
        except ValueError as error:
            if not np.any(np.abs(F) > FLOAT32_MAX):
                raise
            raise self._out_of_range(Z) from error  # hidden columns beyond what its trees can compare
        if not np.isfinite(outputs).all():
            raise self._out_of_range(Z)
        return outputs

    def _out_of_range(self, Z: Float64s) -> FitFailedError:
        """Return what to say of encoded rows (n, q) without a finite prediction: which column leads."""
        sizes = np.abs(Z if self.hidden is None else self.hidden.own_columns(Z))
        column = self.feature_names[self.players[np.argmax(np.nan_to_num(sizes).max(axis=0))]]
        reason = (
            f"its predictions are not finite, because of column {column!r} above all: rescale it, or remove "
        )
        reason += "the values that lie far beyond its others"
        return FitFailedError(self.spec.name, reason=reason, column=column)

    def predict(self, X: Float64s) -> NDArray[np.int64] | Float64s:
        """Return class codes int64 (n,) or target values float64 (n,) for user columns X (n, p).

        The class is the most probable one, the first of equals.
        """
        if self.kind == "regression":
            return self.predict_units(X, "target")[:, 0]
        return self.predict_units(X, "probability").argmax(axis=1)

    @property
    def _is_boosted(self) -> bool:
        return isinstance(self.estimator, BoostedTrees)

    def _boosted(self, F: Float64s, unit: Unit) -> Float64s:
        margin: Float64s = self.estimator.margin(F)
        if unit != "probability":
            return margin
        return binary_probabilities(margin[:, 0]) if margin.shape[1] == 1 else softmax(margin)

    def _estimated(self, F: Float64s, unit: Unit) -> Float64s:
        names = {"probability": "predict_proba", "margin": "decision_function", "target": "predict"}
        with one_core():
            outputs = getattr(self.estimator, names[unit])(F)
        return np.asarray(outputs, dtype=np.float64).reshape(len(F), -1)


def units_of(kind: TaskKind, *, has_log_odds: bool) -> tuple[Unit, ...]:
    """Return the units a model answers in, its natural one first; ``has_log_odds``: its score is one."""
    if kind == "regression":
        return ("target",)
    return ("probability", "margin") if has_log_odds else ("probability",)


def binary_probabilities(margin: Float64s) -> Float64s:
    """Return the probabilities of class 0 and 1, float64 (n, 2), of log-odds (n,); exact in both tails."""
    tail = np.exp(-np.abs(margin))
    smaller, larger = tail / (1 + tail), 1 / (1 + tail)
    is_positive = margin >= 0
    return np.column_stack([np.where(is_positive, smaller, larger), np.where(is_positive, larger, smaller)])


def softmax(margin: Float64s) -> Float64s:
    """Return probabilities (n, C) of unnormalised log-odds (n, C); rows add to 1."""
    powers = np.exp(margin - margin.max(axis=1, keepdims=True))
    probabilities: Float64s = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
