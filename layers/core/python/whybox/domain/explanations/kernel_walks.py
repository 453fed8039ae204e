"""Coalition walks as the compiled kernel reads them; the structures are drawn in layers/core/kernel/hidden.h."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from whybox.domain.explanations.kernel_libraries import Kernel
from whybox.domain.explanations.kernel_trees import KernelTrees, laid_out
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble
from whybox.domain.models.hidden_features import HiddenLayer


class _Layer(ctypes.Structure):
    """``wb_layer``."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("n_hidden", "n_before")),
        ("threshold", ctypes.c_double),
        *(
            (name, ctypes.c_void_p)
            for name in ("direction", "weights", "cluster_rows", "bias_rows", "means", "scales")
        ),
    ]


class _HiddenGame(ctypes.Structure):
    """``wb_hidden_game``."""

    _fields_ = [
        ("trees", ctypes.c_void_p),
        *(
            (name, ctypes.c_int64)
            for name in ("n_own", "n_players", "n_layers", "n_sums", "n_rows", "n_background")
        ),
        *(
            (name, ctypes.c_void_p)
            for name in (
                "own_players",
                "rows",
                "background",
                "row_parts",
                "background_parts",
                "row_margins",
                "background_margins",
                "layers",
                "is_narrow",
            )
        ),
    ]


class _Walks(ctypes.Structure):
    """``wb_walks``."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("n_groups", "n_shared", "n_walks")),
        *((name, ctypes.c_void_p) for name in ("rows", "backgrounds", "orders")),
    ]


class Kept:
    """Arrays by their addresses, kept alive as long as this object is."""

    def __init__(self) -> None:
        self._arrays: list[NDArray[Any]] = []

    def address(self, array: NDArray[Any], kind: DTypeLike) -> int:
        """Return the address of an array laid out as the kernel reads it."""
        self._arrays.append(laid_out(array, kind))
        return int(self._arrays[-1].ctypes.data)


class KernelHiddenGame:
    """Trees behind hidden columns between rows and background rows, for ``wb_hidden_walks``."""

    def __init__(
        self,
        trees: TreeEnsemble,
        layers: tuple[HiddenLayer, ...],
        own_players: Ints,
        *,
        n_players: int,
        tables: tuple[Floats, Floats],
        parts: tuple[Floats, Floats],
        margins: tuple[Floats, Floats],
    ) -> None:
        self._kept = Kept()
        self._trees = KernelTrees(trees)
        n_own = len(own_players)
        self._layers = (_Layer * len(layers))(*(self._layer(layer, n_own) for layer in layers))
        address = self._kept.address
        self._struct = _HiddenGame(
            trees=ctypes.addressof(self._trees._struct),
            n_own=n_own,
            n_players=n_players,
            n_layers=len(layers),
            n_sums=parts[0].shape[1],
            n_rows=len(tables[0]),
            n_background=len(tables[1]),
            own_players=address(own_players, np.int64),
            rows=address(tables[0], np.float64),
            background=address(tables[1], np.float64),
            row_parts=address(parts[0], np.float64),
            background_parts=address(parts[1], np.float64),
            row_margins=address(margins[0], np.float64),
            background_margins=address(margins[1], np.float64),
            layers=ctypes.addressof(self._layers),
            is_narrow=address(trees.rules.narrow[n_own:], np.uint8),
        )
        self._shape = (n_players, trees.n_margins)

    def _layer(self, layer: HiddenLayer, n_own: int) -> _Layer:
        address = self._kept.address
        return _Layer(
            n_hidden=layer.n_hidden,
            n_before=layer.n_inputs - n_own,
            threshold=layer.threshold,
            direction=address(layer.direction[n_own:], np.float64),
            weights=address(layer.weights[n_own:], np.float64),
            cluster_rows=address(layer.cluster_rows, np.float64),
            bias_rows=address(layer.bias_rows, np.float64),
            means=address(layer.hidden_means, np.float64),
            scales=address(layer.hidden_scales, np.float64),
        )

    def walk(self, kernel: Kernel, rows: Ints, backgrounds: Ints, orders: Ints) -> Floats:
        kept = Kept()
        walks = _Walks(
            n_groups=rows.shape[0],
            n_shared=rows.shape[1],
            n_walks=backgrounds.shape[1],
            rows=kept.address(rows, np.int64),
            backgrounds=kept.address(backgrounds, np.int64),
            orders=kept.address(orders, np.int64),
        )
        pairs = np.empty((rows.size, backgrounds.shape[1], *self._shape))
        kernel.call(
            "wb_hidden_walks",
            ctypes.byref(self._struct),
            ctypes.byref(walks),
            ctypes.c_void_p(pairs.ctypes.data),
        )
        return pairs
