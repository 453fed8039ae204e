"""Head walks: additive forms whose heads the compiled kernel evaluates; see layers/core/kernel/walks.h.

sums of a form ──places──▶ own sums                     ──┬─▶ margins ──link──▶ answers
                       ╰─▶ per layer its side and units ──╯
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.links import Floats, Link
from whybox.domain.explanations.tree_layouts import Ints
from whybox.domain.models.hidden_features import HiddenLayer

NOWHERE = -1
"""The place of a sum that is always 0: a layer of a network has no clusters to be told apart."""


@dataclass(frozen=True, slots=True, eq=False)
class HiddenHead:
    """A linear model on hidden columns; the last layer's standardisation is in its coefficients.

    Attributes
    ----------
    of_clusters : float64 (o, 2), what the last layer's cluster 0 or 1 adds, constants included
    of_units : float64 (o, h), of its rectified units
    of_before : float64 (o, n_before), of the columns of the layers before it
    """

    of_clusters: Floats
    of_units: Floats
    of_before: Floats

    @classmethod
    def of_nothing(cls, n_outputs: int) -> HiddenHead:
        """Return the head where there are no layers."""
        return cls(np.zeros((n_outputs, 2)), np.zeros((n_outputs, 0)), np.zeros((n_outputs, 0)))


@dataclass(frozen=True, slots=True, eq=False)
class HeadWalk:
    """What the kernel knows of a form's head.

    Attributes
    ----------
    link : of the logistic one there is one margin
    places : int64 (n_sums,), where the form holds the own sums, and then those of the layers, or ``NOWHERE``
    offset : float64, of the own sums; (0,) where there are none
    head : of the layers
    layers : behind ``n_own`` own columns; none where the own sums are the margins
    """

    link: Link
    places: Ints
    offset: Floats
    head: HiddenHead
    layers: tuple[HiddenLayer, ...] = ()
    n_own: int = 0

    def arrange(self, parts: Floats) -> Floats:
        """Return what each player adds to the form's sums (width, n, p) as (n, n_sums, p)."""
        is_there = self.places != NOWHERE
        arranged = np.zeros((parts.shape[1], len(self.places), parts.shape[2]))
        arranged[:, is_there] = parts[self.places[is_there]].transpose(1, 0, 2)
        return arranged


@dataclass(frozen=True, slots=True, eq=False)
class RectifiedUnits:
    """A network of one layer of rectified units.

    Attributes
    ----------
    weights, bias : float64 (q, h) and (h,), from the columns to the units
    of_units, offset : float64 (o, h) and (o,), from the units to the margins
    link : from the margins to the answers
    """

    weights: Floats
    bias: Floats
    of_units: Floats
    offset: Floats
    link: Link

    def layer(self) -> HiddenLayer:
        """Return the units as a layer of one cluster, whose columns nobody reads."""
        n_columns, n_units = self.weights.shape
        return HiddenLayer(
            centres=np.zeros((2, n_columns)),
            direction=np.zeros(n_columns),
            threshold=np.inf,
            cluster_rows=np.zeros((2, 2)),
            weights=self.weights,
            bias_rows=np.stack([self.bias, self.bias]),
            hidden_means=np.zeros(n_units),
            hidden_scales=np.ones(n_units),
        )

    def walk(self, layers: tuple[HiddenLayer, ...] = (), *, n_own: int) -> HeadWalk:
        """Return the walk behind some layers: the form holds the units' sums first, then theirs."""
        n_units, n_outputs = self.weights.shape[1], len(self.offset)
        n_before = sum(1 + layer.n_hidden for layer in layers)
        units = np.concatenate([[NOWHERE], np.arange(n_units)])
        return HeadWalk(
            link=self.link,
            places=np.concatenate([n_units + np.arange(n_before), units]),
            offset=np.zeros(0),
            head=HiddenHead(
                of_clusters=np.stack([self.offset, self.offset], axis=1),
                of_units=self.of_units,
                of_before=np.zeros((n_outputs, len(self.weights) - n_own)),
            ),
            layers=(*layers, self.layer()),
            n_own=n_own,
        )
