"""Dealt tables as the compiled kernel reads them; the layout is drawn in layers/core/kernel/dealt.h."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.kernel_trees import KernelTrees, address
from whybox.domain.explanations.kernel_walks import Kept, place_layers
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble
from whybox.domain.models.hidden_features import HiddenLayer

_COUNTS = ("n_rows", "n_own", "n_groups", "n_repeats", "n_layers", "n_sums")
_ARRAYS = ("rows", "deals", "first_member", "members", "sums", "parts")


class _Dealt(ctypes.Structure):
    """``wb_dealt``, field by field."""

    _fields_ = [
        ("layers", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in _COUNTS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    ]


@dataclass(frozen=True, slots=True, eq=False)
class DealtTable:
    """A table, and the groups of its columns whose cells are dealt to other rows.

    rows : float64 (n, n_own)
    members : int64 columns of each group
    deals : int64 (repeats, n)
    layers : of hidden columns behind the own ones
    sums, parts : float64 (n, n_sums), the layers' sums over own columns, and what each group adds to them
        (groups, n, n_sums)
    """

    rows: Floats
    members: Sequence[Ints]
    deals: Ints
    layers: tuple[HiddenLayer, ...]
    sums: Floats
    parts: Floats


def deal_margins(kernel: Kernel, trees: TreeEnsemble, table: DealtTable) -> Floats:
    """Return the leaves' sums, without the base, of all versions: float64 (groups, repeats, n, n_margins)."""
    kept, flat = Kept(), KernelTrees(trees)
    n_rows, n_own = table.rows.shape
    layers = place_layers(table.layers, n_own, kept)
    sizes = [len(group) for group in table.members]
    struct = _Dealt(
        layers=ctypes.addressof(layers),
        n_rows=n_rows,
        n_own=n_own,
        n_groups=len(sizes),
        n_repeats=len(table.deals),
        n_layers=len(table.layers),
        n_sums=table.sums.shape[1],
        rows=kept.place(table.rows, np.float64),
        deals=kept.place(table.deals, np.int64),
        first_member=kept.place(np.concatenate([[0], np.cumsum(sizes)]), np.int64),
        members=kept.place(np.concatenate([np.zeros(0, dtype=np.int64), *table.members]), np.int64),
        sums=kept.place(table.sums, np.float64),
        parts=kept.place(table.parts, np.float64),
    )
    margins = np.empty((len(sizes), len(table.deals), n_rows, trees.n_margins))
    kernel.call("wb_dealt_margins", flat.reference, ctypes.byref(struct), address(margins))
    return margins
