"""Walks as the compiled kernel reads them; the structures are drawn in layers/core/kernel/walks.h."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from whybox.domain.explanations.head_walks import HeadWalk
from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.kernel_trees import KernelLeaves, laid_out
from whybox.domain.explanations.links import Floats, Link
from whybox.domain.explanations.row_blocks import share_out
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble
from whybox.domain.models.hidden_features import HiddenLayer

LEAST_CELLS = 50_000
"""Numbers that pairs give, below which walking takes no longer than starting threads does."""

LINKS: dict[Link, int] = {"logistic": 0, "softmax": 1, "exponential": 2, "identity": 3}
_LAYER_ARRAYS = ("direction", "weights", "cluster_rows", "bias_rows", "means", "scales")
_GAME_COUNTS = ("n_own", "n_players", "n_layers", "n_sums", "n_rows", "n_background")
_HEAD_COUNTS = (
    *("n_players", "n_layers", "n_sums", "n_outputs", "n_rows", "n_background"),
    *("n_own_sums", "link"),
)
_HEAD_ARRAYS = ("row_parts", "background_parts", "offset", "of_clusters", "of_units", "of_before")
_GAME_ARRAYS = ("rows", "background", "row_parts", "background_parts")


class _Layer(ctypes.Structure):
    """``wb_layer``, field by field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("n_hidden", "n_before")),
        ("threshold", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in _LAYER_ARRAYS),
    ]


class _HiddenGame(ctypes.Structure):
    """``wb_hidden_game``, field by field."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("leaves", "layers")),
        *((name, ctypes.c_int64) for name in _GAME_COUNTS),
        *((name, ctypes.c_void_p) for name in _GAME_ARRAYS),
    ]


class _Walks(ctypes.Structure):
    """``wb_walks``, field by field."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("n_groups", "n_shared", "n_walks")),
        *((name, ctypes.c_void_p) for name in ("rows", "backgrounds", "orders")),
    ]


class Kept:
    """Arrays by their addresses; they live as long as this object does."""

    def __init__(self) -> None:
        self._arrays: list[NDArray[Any]] = []

    def place(self, array: NDArray[Any], kind: DTypeLike) -> int:
        """Lay an array out as the kernel reads it, and return where it lies."""
        self._arrays.append(laid_out(array, kind))
        return int(self._arrays[-1].ctypes.data)


def place_layers(layers: tuple[HiddenLayer, ...], n_own: int, kept: Kept) -> Any:
    """Return hidden layers behind ``n_own`` own columns as an array of ``wb_layer``."""
    placed = []
    for layer in layers:
        arrays = (
            *(layer.direction[n_own:], layer.weights[n_own:], layer.cluster_rows),
            *(layer.bias_rows, layer.hidden_means, layer.hidden_scales),
        )
        addresses = [kept.place(array, np.float64) for array in arrays]
        counts = (layer.n_hidden, layer.n_inputs - n_own)
        placed.append(_Layer(*counts, layer.threshold, *addresses))
    return (_Layer * len(layers))(*placed)


class _Head(ctypes.Structure):
    """``wb_head``, field by field."""

    _fields_ = [
        ("layers", ctypes.c_void_p),
        *((name, ctypes.c_int64) for name in _HEAD_COUNTS),
        *((name, ctypes.c_void_p) for name in _HEAD_ARRAYS),
    ]


class KernelHiddenGame:
    """Trees behind hidden columns between rows and background rows, by addresses.

    Parameters
    ----------
    kernel : the loaded library
    trees : on own columns, then the hidden columns of ``layers``
    layers : what makes the hidden columns
    players : int64 (n_own,), the player of each own column
    n_players : players of own columns
    rows, background : two float64 arrays each: own columns (n, n_own), and what each player adds to the
        layers' sums (n, n_sums, n_players)
    n_threads : groups of rows that are walked at the same time; not a bit depends on it
    """

    def __init__(
        self,
        kernel: Kernel,
        trees: TreeEnsemble,
        layers: tuple[HiddenLayer, ...],
        players: Ints,
        *,
        n_players: int,
        rows: tuple[Floats, Floats],
        background: tuple[Floats, Floats],
        n_threads: int,
    ) -> None:
        self._kernel, self._kept = kernel, Kept()
        n_own = len(players)
        n_hidden = trees.n_columns - n_own
        everyone = np.concatenate([players, n_players + np.arange(n_hidden)])
        self._leaves = KernelLeaves(
            kernel, trees, everyone, n_players=n_players + n_hidden, keeps_mirror=True
        )
        self._layers = place_layers(layers, n_own, self._kept)
        place = self._kept.place
        self._struct = _HiddenGame(
            leaves=self._leaves.handle,
            layers=ctypes.addressof(self._layers),
            n_own=n_own,
            n_players=n_players,
            n_layers=len(layers),
            n_sums=rows[1].shape[1],
            n_rows=len(rows[0]),
            n_background=len(background[0]),
            **{
                name: place(array, np.float64)
                for ours, names in ((rows, _GAME_ARRAYS[::2]), (background, _GAME_ARRAYS[1::2]))
                for name, array in zip(names, ours, strict=True)
            },
        )
        self._shape = (n_players, trees.n_margins)
        self._n_threads = n_threads

    @property
    def max_conditions(self) -> int:
        """The largest number of conditions of a leaf."""
        return self._leaves.max_conditions

    def pairs(self, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        """Return what antithetic pairs give; see ``permutation_samplers.walk_pairs``."""
        walks = (rows, backgrounds, orders)
        return _walk(
            self._kernel, "wb_hidden_walks", self._struct, walks, shape=self._shape, n_threads=self._n_threads
        )


class KernelHead:
    """An additive form's head against background rows, by addresses.

    Parameters
    ----------
    kernel : the loaded library
    walk : what the kernel knows of the head
    background_parts : what each player adds to the walk's sums, float64 (m, n_sums, n_players)
    n_threads : groups of rows that are walked at the same time; not a bit depends on it
    """

    def __init__(self, kernel: Kernel, walk: HeadWalk, *, background_parts: Floats, n_threads: int) -> None:
        self._kernel, self._kept = kernel, Kept()
        head, place = walk.head, self._kept.place
        self._layers = place_layers(walk.layers, walk.n_own, self._kept)
        n_background, n_sums, n_players = background_parts.shape
        self._struct = _Head(
            layers=ctypes.addressof(self._layers),
            n_players=n_players,
            n_layers=len(walk.layers),
            n_sums=n_sums,
            n_outputs=len(head.of_clusters),
            n_background=n_background,
            n_own_sums=len(walk.offset),
            link=LINKS[walk.link],
            background_parts=place(background_parts, np.float64),
            offset=place(walk.offset, np.float64),
            of_clusters=place(head.of_clusters, np.float64),
            of_units=place(head.of_units, np.float64),
            of_before=place(head.of_before, np.float64),
        )
        self._shape = (n_players, len(head.of_clusters))
        self._n_threads = n_threads

    def pairs(self, row_parts: Floats, n_shared: int, backgrounds: Ints, orders: Ints) -> Floats:
        """Return what antithetic pairs give; see ``permutation_samplers.walk_pairs``.

        The rows' parts are float64 (g x r, n_sums, n_players), with ``n_shared`` rows r in each of g groups.
        """
        kept, n_rows = Kept(), len(row_parts)
        self._struct.n_rows, self._struct.row_parts = n_rows, kept.place(row_parts, np.float64)
        walks = (np.arange(n_rows).reshape(-1, n_shared), backgrounds, orders)
        return _walk(
            self._kernel, "wb_heads", self._struct, walks, shape=self._shape, n_threads=self._n_threads
        )


def _walk(
    kernel: Kernel,
    primitive: str,
    game: ctypes.Structure,
    walks: tuple[Ints, Ints, Ints],
    *,
    shape: tuple[int, int],
    n_threads: int,
) -> Floats:
    """Have a primitive walk rows (g, r) against background rows (g, c) along orders (g, c, p), by groups.

    Returns pairs (g x r, c, *shape).
    """
    rows, backgrounds, _ = walks
    found = np.empty((*rows.shape, backgrounds.shape[1], *shape))

    def walk(groups: slice) -> None:
        kept, part = Kept(), found[groups]
        struct = _Walks(
            *(len(part), rows.shape[1], backgrounds.shape[1]),
            *(kept.place(array[groups], np.int64) for array in walks),
        )
        kernel.call(primitive, ctypes.byref(game), ctypes.byref(struct), ctypes.c_void_p(part.ctypes.data))

    share_out(walk, len(rows), n_threads=n_threads if found.size >= LEAST_CELLS else 1)
    return found.reshape(-1, *found.shape[2:])
