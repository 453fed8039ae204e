"""Visits of linked games as the compiled kernel reads them; see layers/core/kernel/walks.h."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np

from whybox.domain.explanations.kernel_trees import KernelLeaves, address
from whybox.domain.explanations.kernel_walks import LINKS, Kept
from whybox.domain.explanations.links import Floats, Link
from whybox.domain.explanations.row_blocks import share_out

if TYPE_CHECKING:
    from whybox.domain.explanations.linked_games import Visits

LEAST_MEETINGS = 2_000
"""Of a row and a background row, about a microsecond each: for fewer, a thread is more work than it saves."""

_N_SUMS = 6
_COUNTS = ("n_players", "n_rows", "n_background", "n_outputs", "link")
_ARRAYS = (
    *("rows", "background", "background_margins", "background_outputs"),
    *("row_gains", "background_gains", "starts", "control", "weights"),
)


class _Game(ctypes.Structure):
    """``wb_linked_game``, field by field."""

    _fields_ = [
        ("leaves", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in _COUNTS),
        *((name, ctypes.c_void_p) for name in _ARRAYS),
    ]


class _Visits(ctypes.Structure):
    """``wb_visits``, field by field."""

    _fields_ = [
        ("n_groups", ctypes.c_int64),
        *(
            (name, ctypes.c_void_p)
            for name in ("first_row", "rows", "first_visit", "backgrounds", "weights", "spreads", "orders")
        ),
    ]


class KernelLinkedGame:
    """Trees behind a link between rows and background rows, by addresses.

    Parameters
    ----------
    leaves : of the trees, by player
    link : from margins to answers
    tables : encoded rows (n, q) and background rows (m, q)
    margins, outputs : of the background rows, (m, n_margins) and (m, o)
    control : gains (n, o, p) and (m, o, p), starts (m, o) and coefficients (o, 6) of the control
    weights : shares of the background rows (m,)
    n_threads : groups of rows that visit at the same time; not a bit depends on it
    """

    def __init__(
        self,
        leaves: KernelLeaves,
        link: Link,
        *,
        tables: tuple[Floats, Floats],
        margins: Floats,
        outputs: Floats,
        control: tuple[Floats, Floats, Floats, Floats],
        weights: Floats,
        n_threads: int,
    ) -> None:
        self._n_threads = n_threads
        self._leaves, self._kept = leaves, Kept()
        arrays = (*tables, margins, outputs, *control, weights)
        self._struct = _Game(
            leaves=leaves.handle,
            n_players=leaves.n_players,
            n_rows=len(tables[0]),
            n_background=len(tables[1]),
            n_outputs=outputs.shape[1],
            link=LINKS[link],
            **{
                name: self._kept.place(array, np.float64) for name, array in zip(_ARRAYS, arrays, strict=True)
            },
        )
        self._n_rows = len(tables[0])
        self._shape = (leaves.n_players, outputs.shape[1])

    def visit(self, visits: Visits) -> Floats:
        """Return the sums of visits; see ``LinkedGame.visit``."""
        sums = np.empty((len(visits.rows), _N_SUMS, *self._shape))

        def visit(groups: slice) -> None:
            part = visits.of(groups)
            start = visits.first_row[groups.start]
            self._visit(part, sums[start : start + len(part.rows)])

        n_groups = len(visits.first_row) - 1
        is_long = len(visits.rows) * len(visits.backgrounds) >= LEAST_MEETINGS * n_groups
        share_out(visit, n_groups, n_threads=self._n_threads if is_long else 1)
        return sums

    def _visit(self, visits: Visits, sums: Floats) -> None:
        """Write the sums of visits."""
        kept = Kept()
        struct = _Visits(
            n_groups=len(visits.first_row) - 1,
            first_row=kept.place(visits.first_row, np.int64),
            rows=kept.place(visits.rows, np.int64),
            first_visit=kept.place(visits.first_visit, np.int64),
            backgrounds=kept.place(visits.backgrounds, np.int64),
            weights=kept.place(visits.weights, np.float64),
            spreads=kept.place(visits.spreads, np.float64),
            orders=kept.place(visits.orders, np.int64),
        )
        self._leaves.kernel.call(
            "wb_linked_walks", ctypes.byref(self._struct), ctypes.byref(struct), address(sums)
        )

    def shares(self) -> Floats:
        """Return the Shapley values of the control, float64 (n, p, o)."""
        shares = np.empty((self._n_rows, *self._shape))
        self._leaves.kernel.call("wb_control_shares", ctypes.byref(self._struct), address(shares))
        return shares
