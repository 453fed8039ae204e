"""Groups of columns that tell the same: columns that could stand in for each other when one is shuffled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["correlated_groups"]

Floats = NDArray[np.float64]


def correlated_groups(
    X: ArrayLike, threshold: float = 0.9, *, names: Sequence[str] | None = None
) -> dict[str, tuple[int, ...]]:
    """Group columns whose ranks are correlated, through any chain of such pairs.

    Parameters
    ----------
    X : (n, p) float64; NaN counts as the middle of its column
    threshold : smallest ``|Spearman's rho|`` that joins two columns, in [0, 1]
    names : (p,) column names, default "0", "1", ...

    Returns
    -------
    dict
        Name -> column numbers, every column in exactly one group, in the order of their first columns. A
        group is named after its columns, joined by " + ". What ``permute_columns(groups=...)`` takes.

    Notes
    -----
    Cost n p^2. Ties share their mean rank (Spearman 1904, doi:10.2307/1412159).

    """
    table = np.asarray(X, dtype=np.float64)
    n_columns = table.shape[1]
    labels = [str(column) for column in range(n_columns)] if names is None else list(names)
    ranks = np.column_stack([_centred_ranks(column) for column in table.T]) if n_columns else table
    is_joined = np.abs(ranks.T @ ranks) >= threshold
    groups: dict[str, tuple[int, ...]] = {}
    waiting = np.ones(n_columns, dtype=np.bool_)
    for first in range(n_columns):
        if not waiting[first]:
            continue
        members = np.zeros(n_columns, dtype=np.bool_)
        members[first] = True
        reached = members.copy()
        while reached.any():
            reached = np.any(is_joined[reached], axis=0) & ~members
            members |= reached
        waiting &= ~members
        columns = tuple(int(column) for column in np.flatnonzero(members))
        groups[" + ".join(labels[column] for column in columns)] = columns
    return groups


def _centred_ranks(values: Floats) -> Floats:
    """Return mean ranks, centred and of length 1; all 0 where the column is constant."""
    is_present = np.isfinite(values)
    ranks = np.zeros(len(values))
    _, inverse, counts = np.unique(values[is_present], return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - 0.5 * (counts + 1)
    ranks[is_present] = mean_ranks[inverse] - 0.5 * (np.count_nonzero(is_present) - 1)
    length = float(np.sqrt(ranks @ ranks))
    return ranks / length if length > 0.0 else ranks
