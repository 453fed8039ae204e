"""Data frames as float64 matrices, and back to what a model was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from whybox.domain.explanations.links import Floats


@dataclass(frozen=True, slots=True, eq=False)
class FrameCoding:
    """How a data frame's columns become numbers.

    ``names`` are the column names, ``kinds`` their pandas types; ``labels[column]`` are the values of a
    column that is not numeric, a cell's code is its position there. A missing cell is NaN either way.
    """

    names: tuple[Any, ...]
    kinds: tuple[Any, ...]
    labels: dict[int, Any]

    @property
    def is_numeric(self) -> bool:
        """Whether every column keeps its own numbers."""
        return not self.labels

    def encode(self, frame: Any) -> Floats:
        """Return float64 (n, p) of a frame that has these columns."""
        coded = np.empty((len(frame), len(self.names)))
        for place, name in enumerate(self.names):
            column = frame[name]
            if place not in self.labels:
                coded[:, place] = column.to_numpy(dtype=np.float64, na_value=np.nan)
                continue
            codes = self.labels[place].get_indexer(column)
            coded[:, place] = np.where(column.isna(), np.nan, codes)
        return coded

    def decode(self, X: Floats) -> Any:
        """Return the frame of a matrix float64 (n, p): the same names, types and labels."""
        from pandas import DataFrame, Series

        columns = {}
        for place, name in enumerate(self.names):
            values = X[:, place]
            if place not in self.labels:
                columns[name] = Series(values)
                continue
            is_missing = np.isnan(values)
            taken = Series(self.labels[place].take(np.where(is_missing, 0, values).astype(np.int64)))
            columns[name] = taken.mask(is_missing).astype(self.kinds[place])
        return DataFrame(columns)


def is_frame(rows: Any) -> bool:
    """Tell a pandas data frame from an array, without importing pandas."""
    return hasattr(rows, "iloc") and hasattr(rows, "columns")


def code_frames(rows: Any, background: Any) -> FrameCoding:
    """Return the coding of two frames with the same columns: labels are those that occur in either."""
    from pandas import Index, concat
    from pandas.api.types import is_numeric_dtype

    labels: dict[int, Any] = {}
    for place, name in enumerate(rows.columns):
        if not is_numeric_dtype(rows[name].dtype):
            both = concat([rows[name], background[name]], ignore_index=True).dropna()
            labels[place] = Index(both.unique())
    return FrameCoding(names=tuple(rows.columns), kinds=tuple(rows.dtypes), labels=labels)
