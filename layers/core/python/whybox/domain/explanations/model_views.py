"""What the explainers see of a model: its answer in one unit, its encoded columns, its structure if any.

user columns X ──encode──▶ Z ──▶ trees                    sum of leaves on Z
                           ├───▶ linear                   coefficients on Z
                           └───▶ F = hidden(Z) ──▶ trees | linear      own columns first, then hidden ones
                                 (anything else: only ``predict``)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from whybox.domain.explanations.frames import FrameCoding
from whybox.domain.explanations.linear_forms import LinearForm, read_linear
from whybox.domain.explanations.links import Floats, Link, Unit
from whybox.domain.explanations.model_answers import (
    Decode,
    agree_on_columns,
    choose_unit,
    count_outputs,
    is_classifier,
    plain_predict,
)
from whybox.domain.explanations.pipeline_columns import encoder_of, find_players, split_pipeline
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble
from whybox.domain.explanations.tree_readers import read_trees
from whybox.errors import ColumnCountError, UnitUnavailableError

Predict = Callable[[Floats], Floats]


class HiddenColumns(Protocol):
    """Columns computed from the encoded columns: what the structure needs of ``HiddenFeatures``."""

    def own_columns(self, Z: Floats) -> Floats:
        """Return columns 0..q-1 of F, each a function of the same column of Z."""
        ...

    def transform(self, Z: Floats) -> Floats:
        """Return F, float64 (n, q + hidden columns)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class HiddenStructure:
    """A final estimator on F = hidden(Z); at most one of ``trees`` and ``linear`` is there, both read F."""

    hidden: HiddenColumns
    n_own: int
    trees: TreeEnsemble | None
    linear: LinearForm | None
    final: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class ModelView:
    """A model reduced to what an explanation needs.

    Attributes
    ----------
    n_columns : user columns
    n_outputs : columns of ``predict``
    unit : "probability" (one output per class), "margin" or "target"
    predict : float64 (n, n_columns) -> float64 (n, n_outputs), in ``unit``
    encode : float64 (n, n_columns) -> float64 (n, q)
    players : int64 (q,), the user column each encoded column belongs to
    trees, linear, hidden : at most one is there; its link leads to ``unit``
    answer : the model's own ``predict``, without the structure; what the structure is held against
    final : the estimator behind ``encode`` where it has none of these structures, for ``structured_games``
    """

    n_columns: int
    n_outputs: int
    unit: Unit
    predict: Predict
    encode: Predict
    players: Ints
    answer: Predict
    trees: TreeEnsemble | None = None
    linear: LinearForm | None = None
    hidden: HiddenStructure | None = None
    final: Any = None

    def without_structure(self) -> ModelView:
        """Return the same model as a mere function, for when its structure cannot be used."""
        return replace(self, predict=self.answer, trees=None, linear=None, hidden=None, final=None)


def view_model(
    model: Any, *, unit: Unit | None = None, n_columns: int | None = None, frame: FrameCoding | None = None
) -> ModelView:
    """Look at a model.

    Parameters
    ----------
    model : a whybox FittedModel, or a scikit-learn, xgboost or lightgbm estimator, Booster or Pipeline
    unit : None gives "probability" for classifiers and "target" for regressors
    n_columns : user columns; None takes the model's own count
    frame : how the model is asked where the rows came as a data frame

    Raises
    ------
    UnitUnavailableError : the model has no answer in this unit
    ColumnCountError : the model was fitted on another number of columns

    Notes
    -----
    Imports no library: a model's readers import the one it was made by.
    Where there is a structure, ``predict`` is its own float64 sum, not the library's (which may be a
    float32 sum); ``checks.structure_holds`` holds the two against each other.
    """
    if is_fitted_model(model):
        return _view_fitted_model(model, unit=unit, n_columns=n_columns)
    model = getattr(model, "best_estimator_", model)
    steps, final = split_pipeline(model)
    n_columns = agree_on_columns(model, n_columns)
    unit = choose_unit(final, unit)
    decode = _named_columns(model) if frame is None else frame.decode
    answer = plain_predict(model, unit, decode)
    view = ModelView(
        n_columns=n_columns,
        n_outputs=count_outputs(final, unit) or answer(np.zeros((1, n_columns))).shape[1],
        unit=unit,
        predict=answer,
        encode=encoder_of(steps, decode),
        players=np.arange(n_columns, dtype=np.int64),
        answer=answer,
    )
    # Codes of labels mean nothing to a model's structure unless its own transformers read the labels first.
    is_readable = bool(steps) or frame is None or frame.is_numeric
    players = find_players(steps, n_columns) if is_readable else None
    return view if players is None else _with_structure(replace(view, players=players), final)


def is_fitted_model(model: Any) -> bool:
    """Tell whether a model is whybox's own FittedModel, without importing it."""
    return type(model).__module__ == "whybox.domain.models.fitted_models"


def _view_fitted_model(model: Any, *, unit: Unit | None, n_columns: int | None) -> ModelView:
    """Look at whybox's own model: encoder, hidden columns and final estimator are already apart."""
    fitted = len(model.feature_names)
    if n_columns not in (None, fitted):
        raise ColumnCountError(expected=fitted, actual=int(n_columns or 0))
    used: Unit = unit or ("probability" if model.kind == "classification" else "target")

    def answer(X: Floats) -> Floats:
        return np.asarray(model.predict_units(X, used), dtype=np.float64).reshape(len(X), -1)

    n_classes = len(model.classes)
    n_margins = 1 if n_classes <= 2 else n_classes
    view = ModelView(
        n_columns=fitted,
        n_outputs={"probability": n_classes, "margin": n_margins, "target": 1}[used],
        unit=used,
        predict=answer,
        encode=model.encode,
        players=np.asarray(model.players, dtype=np.int64),
        answer=answer,
    )
    if model.hidden is None:
        return _with_structure(view, model.estimator)
    trees = _trees_in_unit(read_trees(model.estimator), model.estimator, used)
    linear = None if trees is not None else read_linear(model.estimator, unit=used)
    hidden = HiddenStructure(
        hidden=model.hidden,
        n_own=len(view.players),
        trees=trees,
        linear=linear,
        final=model.estimator,
    )
    return replace(view, hidden=hidden)


def _with_structure(view: ModelView, final: Any) -> ModelView:
    """Add the structure of the final estimator, and answer with it."""
    shape = (len(view.players), view.n_outputs)
    trees = _trees_in_unit(read_trees(final), final, view.unit)
    if trees is not None and (trees.n_columns, trees.n_outputs) == shape:
        return replace(view, trees=trees, predict=lambda X: trees.predict(view.encode(X)))
    linear = read_linear(final, unit=view.unit)
    if linear is not None and (len(linear.coefficients), linear.n_outputs) == shape:
        return replace(view, linear=linear, predict=lambda X: linear.predict(view.encode(X)))
    return replace(view, final=final)


def _trees_in_unit(trees: TreeEnsemble | None, model: Any, unit: Unit) -> TreeEnsemble | None:
    """Return the trees with the link that leads to ``unit``."""
    if trees is None:
        return None
    link = _link_in_unit(trees.link, unit, is_vote=is_classifier(model) and trees.link == "identity")
    return replace(trees, link=link)


def _link_in_unit(link: Link, unit: Unit, *, is_vote: bool) -> Link:
    """Return the link from the margin to ``unit``.

    Raises
    ------
    UnitUnavailableError : trees that vote (a forest) add up probabilities; they have no margin.
    """
    if unit != "margin":
        return link
    if is_vote:
        raise UnitUnavailableError(unit="margin", available=("probability",))
    return "identity"


def _named_columns(model: Any) -> Decode:
    """Return how a model is asked with an array: under its column names where it was fitted with names."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return lambda X: X

    def decode(X: Floats) -> Any:
        from pandas import DataFrame

        return DataFrame(X, columns=names)

    return decode
