"""Trees as the compiled kernel reads them: the arrays of a TreeEnsemble by their addresses.

The layout is drawn in layers/core/kernel/kernel.h.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import TreeEnsemble

_ARRAYS = ("roots", "left", "right", "column", "threshold", "missing_left", "cover", "values", "base")


class _Trees(ctypes.Structure):
    """``wb_trees`` in kernel.h, field by field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("n_nodes", "n_trees", "n_columns", "n_margins")),
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
        }
        addresses = {name: array.ctypes.data for name, array in self._arrays.items()}
        self._struct = _Trees(
            n_nodes=len(trees.left),
            n_trees=len(trees.roots),
            n_columns=len(trees.rules.source),
            n_margins=trees.n_margins,
            **addresses,
        )

    @property
    def reference(self) -> Any:
        """The address of the structure, for a call."""
        return ctypes.byref(self._struct)


def laid_out(array: NDArray[Any], kind: DTypeLike) -> NDArray[Any]:
    """Return an array as the kernel reads it: of the given kind, row after row, without gaps."""
    return np.ascontiguousarray(array, dtype=kind)


def add_up_leaves(kernel: Kernel, trees: TreeEnsemble, prepared: Floats) -> Floats:
    """Return the margins of prepared rows, float64 (n, n_margins); the twin of ``TreeEnsemble.margins``.

    Parameters
    ----------
    prepared : float64 (n, n_prepared), NaN = missing
    """
    rows = laid_out(prepared, np.float64)
    margins = np.empty((len(rows), trees.n_margins))
    flat = KernelTrees(trees)  # by name: what it points to lives as long as it does
    kernel.call(
        "wb_margins",
        flat.reference,
        ctypes.c_void_p(rows.ctypes.data),
        ctypes.c_int64(len(rows)),
        ctypes.c_void_p(margins.ctypes.data),
    )
    return margins
