"""Trees and leaves as the compiled kernel reads them: arrays by their addresses.

TreeEnsemble ──KernelTrees──▶ wb_trees ──trace──▶ KernelLeaves (wb_leaves, the kernel's own memory)

The layouts are drawn in layers/core/kernel/kernel.h.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import ColumnRules, Ints, TreeEnsemble

_COUNTS = ("n_nodes", "n_trees", "n_sources", "n_columns", "n_margins", "n_members")
_ARRAYS = (
    *("roots", "left", "right", "column", "threshold", "missing_left", "cover", "values", "base"),
    *("source", "rules", "member_first", "members"),
)
_NARROW, _NAN_IS_ZERO, _ZERO_IS_MISSING, _CATEGORIES, _MEMBERS_LEFT = 1, 2, 4, 8, 16


class _Trees(ctypes.Structure):
    """``wb_trees`` in kernel.h, field by field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in _COUNTS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    ]


class KernelTrees:
    """An ensemble by addresses; it keeps the arrays alive that the kernel reads."""

    def __init__(self, trees: TreeEnsemble) -> None:
        self._arrays = {
            "roots": laid_out(trees.roots, np.int64),
            "left": laid_out(trees.left, np.int64),
            "right": laid_out(trees.right, np.int64),
            "column": laid_out(trees.feature, np.int64),
            "threshold": laid_out(trees.threshold, np.float64),
            "missing_left": laid_out(trees.missing_left, np.uint8),
            "cover": laid_out(trees.cover, np.float64),
            "values": laid_out(trees.values, np.float64),
            "base": laid_out(trees.base, np.float64),
            **_lay_out_rules(trees.rules),
        }
        addresses = {name: array.ctypes.data for name, array in self._arrays.items()}
        self._struct = _Trees(
            n_nodes=len(trees.left),
            n_trees=len(trees.roots),
            n_sources=trees.n_columns,
            n_columns=len(trees.rules.source),
            n_margins=trees.n_margins,
            n_members=len(self._arrays["members"]),
            **addresses,
        )

    @property
    def reference(self) -> Any:
        """The address of the structure, for a call."""
        return ctypes.byref(self._struct)


class KernelLeaves:
    """The leaves of an ensemble in the kernel's own memory, which goes when this object goes.

    ``keeps_mirror``: both margins are there also where one mirrors the other, for walks that need their sums.
    """

    def __init__(
        self,
        kernel: Kernel,
        trees: TreeEnsemble,
        players: Ints,
        *,
        n_players: int,
        keeps_mirror: bool = False,
    ) -> None:
        self.kernel = kernel
        self.n_players = n_players
        self.n_margins = trees.n_margins
        # The two classes of a forest: what the second gains the first loses, so the second is computed.
        is_mirror = trees.n_margins == 2 and np.array_equal(trees.values[:, 0], -trees.values[:, 1])
        self.is_mirrored = is_mirror and not keeps_mirror
        if self.is_mirrored:
            trees = replace(trees, values=trees.values[:, 1:], base=trees.base[1:])
        flat, handle = KernelTrees(trees), ctypes.c_void_p()
        of_columns = laid_out(players[trees.rules.source], np.int64)
        status = kernel.library.wb_trace(
            flat.reference, address(of_columns), ctypes.c_int64(n_players), ctypes.byref(handle)
        )
        kernel.check("wb_trace", status)
        self.handle = handle
        self._counts = ctypes.cast(handle, ctypes.POINTER(ctypes.c_int64))
        weakref.finalize(self, kernel.library.wb_release, handle)

    @property
    def n_leaves(self) -> int:
        """The leaves with a value and a condition; the first field of ``wb_leaves``."""
        return int(self._counts[0])

    @property
    def n_conditions(self) -> int:
        """The conditions of all of them; the second field."""
        return int(self._counts[1])

    @property
    def max_conditions(self) -> int:
        """The largest number of conditions of a leaf; the eleventh field."""
        return int(self._counts[10])

    def list_pairs(self) -> Ints:
        """Return the pairs of players that stand together on a leaf, int64 (n_pairs, 2), first < second."""
        marks = np.zeros((self.n_players, self.n_players), dtype=np.bool_)
        self.kernel.library.wb_mark_pairs(self.handle, address(marks))
        return np.argwhere(marks)

    def mean_margins(self) -> Floats:
        """Return the mean of the leaves under the training weight, float64 (n_margins,)."""
        means = np.empty(self.n_margins)
        with self.filled(means) as computed:
            self.kernel.library.wb_cover_means(self.handle, address(computed))
        return means

    @contextmanager
    def filled(self, answer: Floats) -> Iterator[Floats]:
        """Give what the kernel shall fill, and spread it into ``answer`` (..., n_margins) afterwards."""
        if not self.is_mirrored:
            yield answer
            return
        computed = np.empty(answer.shape[:-1])
        yield computed
        answer[..., 1] = computed
        np.negative(computed, out=answer[..., 0])


class KernelBackground:
    """Background rows (m, n_columns) with their weights (m,), cut into the cells of some leaves."""

    def __init__(self, leaves: KernelLeaves, background: Floats, weights: Floats) -> None:
        self.leaves = leaves
        library, handle = leaves.kernel.library, ctypes.c_void_p()
        rows, shares = laid_out(background, np.float64), laid_out(weights, np.float64)
        status = library.wb_open_background(
            leaves.handle, address(rows), address(shares), ctypes.c_int64(len(rows)), ctypes.byref(handle)
        )
        leaves.kernel.check("wb_open_background", status)
        self.handle = handle
        weakref.finalize(self, library.wb_close_background, handle)


def laid_out(array: NDArray[Any], kind: DTypeLike) -> NDArray[Any]:
    """Return an array as the kernel reads it: of the given kind, row after row, without gaps."""
    return np.ascontiguousarray(array, dtype=kind)


def address(array: NDArray[Any]) -> ctypes.c_void_p:
    """Return where an array lies, for a call; the array must outlive it."""
    return ctypes.c_void_p(array.ctypes.data)


def add_up_leaves(kernel: Kernel, trees: KernelTrees, Z: Floats, margins: Floats) -> None:
    """Write the margins of rows into float64 (n, n_margins); the twin of ``TreeEnsemble.margins``.

    Parameters
    ----------
    Z : float64 (n, n_columns), NaN = missing
    """
    rows = laid_out(Z, np.float64)
    status = kernel.library.wb_margins(
        trees.reference, address(rows), ctypes.c_int64(len(rows)), address(margins)
    )
    kernel.check("wb_margins", status)


def explain_leaves_by_cover(leaves: KernelLeaves, Z: Floats, values: Floats) -> None:
    """Write path-dependent values into float64 (n, n_players, n_margins); see ``explain_path_dependent``."""
    rows = laid_out(Z, np.float64)
    with leaves.filled(values) as computed:
        leaves.kernel.call(
            "wb_path_dependent", leaves.handle, address(rows), ctypes.c_int64(len(rows)), address(computed)
        )


def explain_leaves_against(background: KernelBackground, Z: Floats, values: Floats, *, n_asked: int) -> None:
    """Write interventional values into float64 (n, n_players, n_margins); see ``explain_interventional``.

    ``n_asked`` is the number of rows of the whole question, of which these may be a block.
    """
    rows, leaves = laid_out(Z, np.float64), background.leaves
    with leaves.filled(values) as computed:
        leaves.kernel.call(
            "wb_interventional",
            leaves.handle,
            background.handle,
            address(rows),
            ctypes.c_int64(len(rows)),
            ctypes.c_int64(n_asked),
            address(computed),
        )


def explain_leaf_pairs(background: KernelBackground, Z: Floats, pairs: Ints, *, n_asked: int) -> Floats:
    """Return interaction values, float64 (n_pairs, n, n_margins); see ``tree_interactions.explain_pairs``."""
    rows, asked, leaves = laid_out(Z, np.float64), laid_out(pairs, np.int64), background.leaves
    values = np.empty((len(asked), len(rows), leaves.n_margins))
    with leaves.filled(values) as computed:
        leaves.kernel.call(
            "wb_interactions",
            leaves.handle,
            background.handle,
            address(asked),
            ctypes.c_int64(len(asked)),
            address(rows),
            ctypes.c_int64(len(rows)),
            ctypes.c_int64(n_asked),
            address(computed),
        )
    return values


def _lay_out_rules(rules: ColumnRules) -> dict[str, NDArray[Any]]:
    """Return how columns are read, with the members of all categories one after the other."""
    flags = (
        _NARROW * rules.narrow + _NAN_IS_ZERO * rules.nan_is_zero + _ZERO_IS_MISSING * rules.zero_is_missing
    )
    sizes = np.zeros(len(rules.source), dtype=np.int64)
    members = [np.zeros(0, dtype=np.int64)]
    for column, chosen in sorted(rules.categories.items()):
        flags[column] |= _CATEGORIES | _MEMBERS_LEFT * chosen.members_left
        members.append(np.unique(chosen.members))
        sizes[column] = len(members[-1])
    return {
        "source": laid_out(rules.source, np.int64),
        "rules": laid_out(flags, np.uint8),
        "member_first": np.concatenate([[0], np.cumsum(sizes)]),
        "members": laid_out(np.concatenate(members), np.int64),
    }
