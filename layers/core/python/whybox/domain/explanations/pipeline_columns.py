"""Which user column each column behind a scikit-learn Pipeline comes from, where that is one column each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_answers import Decode, library_of

Ints = NDArray[np.int64]

# One output column per input column, in the same order.
_COLUMNWISE = (
    "StandardScaler",
    "MinMaxScaler",
    "MaxAbsScaler",
    "RobustScaler",
    "PowerTransformer",
    "QuantileTransformer",
    "OrdinalEncoder",
    "Binarizer",
)


def split_pipeline(model: Any) -> tuple[list[Any], Any]:
    """Return a Pipeline's transformers and its final estimator; any other model is final itself."""
    if library_of(model) != "sklearn" or type(model).__name__ != "Pipeline":
        return [], model
    steps = [step for _, step in model.steps if step is not None and step != "passthrough"]
    inner, final = split_pipeline(steps[-1])
    return [*steps[:-1], *inner], final


def encoder_of(steps: list[Any], decode: Decode) -> Callable[[Floats], Floats]:
    """Return the transformers as one function float64 (n, p) -> float64 (n, q)."""
    if not steps:
        return lambda X: np.asarray(X, dtype=np.float64)

    def encode(X: Floats) -> Floats:
        columns = decode(X)
        for step in steps:
            columns = step.transform(columns)
        dense = columns.toarray() if hasattr(columns, "toarray") else columns
        return np.asarray(dense, dtype=np.float64)

    return encode


def find_players(steps: list[Any], n_columns: int) -> Ints | None:
    """Return the user column of every encoded column.

    Parameters
    ----------
    steps : fitted transformers, in order
    n_columns : user columns

    Returns
    -------
    int64 (q,), or None where a transformer mixes columns or is not known here (the pipeline is then
    explained as a function).
    """
    players: Ints | None = np.arange(n_columns, dtype=np.int64)
    for step in steps:
        sources = _sources(step, len(players)) if players is not None else None
        if players is None or sources is None:
            return None
        players = players[sources]
    return players


def _sources(step: Any, n_inputs: int) -> Ints | None:
    """Return for each output column of one transformer the input column it comes from."""
    name = type(step).__name__
    if library_of(step) != "sklearn":
        return None
    if name in _COLUMNWISE:
        return np.arange(n_inputs, dtype=np.int64)
    if name == "SimpleImputer":
        is_kept = ~_is_missing(step.statistics_) | bool(step.keep_empty_features)
        return np.flatnonzero(is_kept) if not step.add_indicator else None
    if name == "OneHotEncoder":
        return np.repeat(np.arange(n_inputs), _one_hot_widths(step)).astype(np.int64)
    if name == "ColumnTransformer":
        return _column_transformer_sources(step)
    if name == "Pipeline":
        return find_players([s for _, s in step.steps if s is not None and s != "passthrough"], n_inputs)
    if hasattr(step, "get_support"):
        return np.flatnonzero(step.get_support()).astype(np.int64)
    return None


def _is_missing(values: Any) -> NDArray[np.bool_]:
    """Return where an imputer has no value to fill in (NaN, the only value unlike itself)."""
    return np.asarray([value != value for value in values], dtype=np.bool_)


def _one_hot_widths(step: Any) -> list[int]:
    """Return how many output columns each input column of a OneHotEncoder has."""
    dropped = step.drop_idx_ if step.drop_idx_ is not None else [None] * len(step.categories_)
    widths = []
    for column, categories in enumerate(step.categories_):
        infrequent = getattr(step, "infrequent_categories_", None)
        rare = infrequent[column] if infrequent is not None else None
        width = len(categories) - (len(rare) - 1 if rare is not None and len(rare) else 0)
        widths.append(width - (dropped[column] is not None))
    return widths


def _column_transformer_sources(step: Any) -> Ints | None:
    """Return the input column of each output column of a fitted ColumnTransformer, in its output order."""
    names = list(getattr(step, "feature_names_in_", range(step.n_features_in_)))
    width = sum(part.stop - part.start for part in step.output_indices_.values())
    sources = np.full(width, -1, dtype=np.int64)
    for name, transformer, chosen in step.transformers_:
        place = step.output_indices_[name]
        if place.stop == place.start:
            continue
        columns = _chosen_columns(chosen, names)
        if transformer == "passthrough" or type(transformer).__name__ == "FunctionTransformer":
            inner = np.arange(len(columns)) if _is_identity(transformer) else None
        else:
            inner = _sources(transformer, len(columns))
        if inner is None or len(inner) != place.stop - place.start:
            return None
        sources[place] = columns[inner]
    return sources


def _is_identity(transformer: Any) -> bool:
    """Tell whether a passthrough (a FunctionTransformer without function once fitted) changes nothing."""
    return isinstance(transformer, str) or transformer.func is None


def _chosen_columns(chosen: Any, names: list[Any]) -> Ints:
    """Return positions for a column choice given as names, positions, a slice or a mask."""
    if isinstance(chosen, slice):
        return np.arange(len(names), dtype=np.int64)[chosen]
    flat = np.atleast_1d(np.asarray(chosen))
    if flat.dtype == np.bool_:
        return np.flatnonzero(flat)
    if flat.dtype.kind in "iu":
        return flat.astype(np.int64)
    return np.asarray([names.index(name) for name in flat], dtype=np.int64)
