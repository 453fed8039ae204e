"""Models behind random hidden columns: every hidden layer is walked by its sums over the own columns.

own columns S ──┬─ terms of the final model          (stage.width sums)  ┐
                └─ S @ [direction, weights] per layer (1 + h sums each)  ┘ change by one addition per player
per layer:        cluster and rectified units from these sums, and from the layers before
head:             final model's sums + totals of the hidden columns ──▶ answer
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.additive_games import AdditiveForm
from whybox.domain.explanations.additive_stages import AdditiveStage, sum_by_player
from whybox.domain.explanations.head_walks import HeadWalk, HiddenHead
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Bools, Ints
from whybox.domain.models.hidden_features import HiddenFeatures, HiddenLayer


@dataclass(frozen=True, slots=True, eq=False)
class HiddenSums:
    """The hidden columns as a function of the own columns' sums.

    Attributes
    ----------
    loads : float64 (n_own, n_sums), sums = own columns @ loads; per layer its direction, then its weights
    layers : the layers, in order
    """

    loads: Floats
    layers: tuple[HiddenLayer, ...]

    @classmethod
    def of(cls, layers: Sequence[HiddenLayer], *, n_own: int) -> HiddenSums:
        """Read the layers of fitted hidden columns."""
        loads = [np.column_stack([layer.direction[:n_own], layer.weights[:n_own]]) for layer in layers]
        return cls(loads=np.hstack(loads), layers=tuple(layers))

    @property
    def n_sums(self) -> int:
        """Sums over the own columns that all layers need together."""
        return int(self.loads.shape[1])

    def columns(self, sums: Floats) -> Floats:
        """Return the hidden columns (n_hidden, n) of sums (n_sums, n); the first layer's come first."""
        return self._write(sums, self.layers)

    def head(self, coefficients: Floats) -> HiddenHead:
        """Return coefficients (o, n_hidden) of ``columns`` as a head."""
        layer = self.layers[-1]
        n_before = coefficients.shape[1] - 2 - layer.n_hidden
        of_before, of_cluster, of_units = np.split(coefficients, [n_before, n_before + 2], axis=1)
        of_units = of_units / layer.hidden_scales
        by_cluster = of_cluster @ layer.cluster_rows.T - (of_units @ layer.hidden_means)[:, None]
        return HiddenHead(of_clusters=by_cluster, of_units=of_units, of_before=of_before)

    def weigh(self, head: HiddenHead, sums: Floats) -> Floats:
        """Return the answers of a head for sums (n_sums, n), float64 (o, n); overwrites ``sums``.

        The last layer's columns are never written.
        """
        before = self._write(sums, self.layers[:-1])
        layer = self.layers[-1]
        own = sums[-1 - layer.n_hidden :]
        is_second = self._rectify(layer, own, before, out=own[1:])
        total = head.of_units @ own[1:]
        total += np.where(is_second, head.of_clusters[:, 1:], head.of_clusters[:, :1])
        if len(before):
            total += head.of_before @ before
        return np.asarray(total)

    def _write(self, sums: Floats, layers: Sequence[HiddenLayer]) -> Floats:
        """Return the columns of the first layers, standardised."""
        columns = np.empty((sum(2 + layer.n_hidden for layer in layers), sums.shape[1]))
        first, n_done = 0, 0
        for layer in layers:
            own = sums[first : first + 1 + layer.n_hidden]
            out = columns[n_done : n_done + 2 + layer.n_hidden]
            is_second = self._rectify(layer, own, columns[:n_done], out=out[2:])
            out[:2] = np.where(is_second, layer.cluster_rows[1][:, None], layer.cluster_rows[0][:, None])
            out[2:] -= layer.hidden_means[:, None]
            out[2:] /= layer.hidden_scales[:, None]
            first += len(own)
            n_done += len(out)
        return columns

    def _rectify(self, layer: HiddenLayer, own: Floats, before: Floats, *, out: Floats) -> Bools:
        """Write a layer's rectified units (h, n) into ``out``; return which columns are in cluster 1.

        ``own`` (1 + h, n) are its sums over own columns, ``before`` the columns of the layers before it.
        """
        n_own = len(self.loads)
        side = own[0]
        if len(before):
            side = side + layer.direction[n_own:] @ before
        is_second = side > layer.threshold
        np.add(
            own[1:], np.where(is_second, layer.bias_rows[1][:, None], layer.bias_rows[0][:, None]), out=out
        )
        if len(before):
            out += layer.weights[n_own:].T @ before
        np.maximum(out, 0.0, out=out)
        return np.asarray(is_second)


def play_behind_hidden(
    stage: AdditiveStage, hidden: HiddenFeatures, players: Ints, *, n_players: int
) -> AdditiveForm:
    """Return a final model on hidden columns as an additive form over the players of the own columns.

    Parameters
    ----------
    stage : the final model, on the own columns followed by the hidden ones
    hidden : what makes the hidden columns
    players : int64 (n_own,), the player of each encoded column
    n_players : players, including those without an encoded column
    """
    n_own = len(players)
    sums_of = HiddenSums.of(hidden.layers, n_own=n_own)
    own = np.arange(n_own)

    def split(Z: Floats) -> Floats:
        S = hidden.own_columns(Z)
        terms = np.concatenate([stage.terms(S, own), sums_of.loads.T[:, None, :] * S])
        return sum_by_player(terms, players, n_players=n_players)

    def head(sums: Floats) -> Floats:
        columns = sums_of.columns(sums[stage.width :])
        totals = stage.totals(columns, np.arange(n_own, n_own + len(columns)))
        totals += sums[: stage.width]
        return stage.head(totals)

    return AdditiveForm(
        n_players=n_players,
        width=stage.width + sums_of.n_sums,
        offset=np.concatenate([stage.offset, np.zeros(sums_of.n_sums)]),
        split=split,
        head=head,
        walk=_walk_behind(stage, sums_of, n_own=n_own),
    )


def _walk_behind(stage: AdditiveStage, sums_of: HiddenSums, *, n_own: int) -> HeadWalk | None:
    """Return how the kernel walks a final model on hidden columns, None where it does not know it."""
    if stage.units is not None:
        return stage.units.walk(sums_of.layers, n_own=n_own)
    if stage.link is None or stage.coefficients is None:
        return None
    return HeadWalk(
        link=stage.link,
        places=np.arange(stage.width + sums_of.n_sums),
        offset=stage.offset,
        head=sums_of.head(np.ascontiguousarray(stage.coefficients[n_own:].T)),
        layers=sums_of.layers,
        n_own=n_own,
    )
