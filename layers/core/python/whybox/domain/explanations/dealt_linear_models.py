"""Dealt linear models: their answers for all versions of a table in which one group of columns was dealt.

    own columns ──▶ margin (n,)              - the group's part + its dealt part ──┐
        ╰─ hidden layers' sums (n, h)        - the group's part + its dealt part ──┴─▶ link ──▶ outputs

A version costs h + 1 additions a row instead of a prediction. The sums are added up in another order than in
the model's own predict, so that answers differ from it by rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whybox.domain.explanations.coalition_games import columns_of
from whybox.domain.explanations.head_walks import HiddenHead
from whybox.domain.explanations.linear_forms import LinearForm, read_linear
from whybox.domain.explanations.links import Floats, apply_link
from whybox.domain.explanations.structured_hidden import HiddenSums
from whybox.domain.explanations.tree_layouts import Ints


@dataclass(frozen=True, slots=True, eq=False)
class DealtLinear:
    """A linear model on encoded and hidden columns of a table.

    own : float64 (n, q), its columns that are not hidden
    players : int64 (q,), the user column each of them belongs to
    form : coefficients of the own columns, then of the hidden ones
    hidden : the hidden columns as sums, and what the model makes of them, where there are any
    """

    own: Floats
    players: Ints
    form: LinearForm
    hidden: tuple[HiddenSums, HiddenHead] | None

    @property
    def n_outputs(self) -> int:
        """Outputs per row."""
        return self.form.n_outputs

    def outputs(self, groups: Sequence[Sequence[int]], deals: Ints) -> Floats:
        """Return the outputs of all versions; see ``DealtTrees.outputs``."""
        members = [columns_of(group, self.players) for group in groups]
        margins = self._deal(self.form.coefficients[: len(self.players)], members, deals)
        margins += self.form.intercept[:, None, None, None]
        if self.hidden is not None:
            sums, head = self.hidden
            dealt = self._deal(sums.loads, members, deals)
            margins += sums.weigh(head, dealt.reshape(len(dealt), -1)).reshape(margins.shape)
        return apply_link(np.moveaxis(margins, 0, -1), self.form.link)

    def _deal(self, loads: Floats, members: Sequence[Ints], deals: Ints) -> Floats:
        """Return the sums ``own @ loads`` of all versions: float64 (h, groups, repeats, n)."""
        sums = loads.T @ self.own.T
        parts = np.stack([loads[chosen].T @ self.own[:, chosen].T for chosen in members], axis=1)
        dealt = parts[:, :, deals]
        dealt += (sums[:, None] - parts)[:, :, None]
        return dealt


def read_dealt_linear(model: Any, rows: Floats) -> DealtLinear | None:
    """Return a whybox model's linear form on a table of user columns (n, p), None where it has none.

    Links whose answers may overflow are left to the model's own predict, which says so.
    """
    if not hasattr(model, "predict_units"):
        return None
    form = read_linear(model.estimator, unit="target" if model.kind == "regression" else "probability")
    if form is None or form.link == "exponential":
        return None
    hidden, players = model.hidden, np.asarray(model.players, dtype=np.int64)
    n_hidden = 0 if hidden is None else hidden.n_outputs - hidden.n_own
    if len(form.coefficients) != len(players) + n_hidden:
        return None
    own = model.encode(rows)
    if hidden is None:
        return DealtLinear(own, players, form, None)
    sums = HiddenSums.of(hidden.layers, n_own=len(players))
    head = sums.head(np.ascontiguousarray(form.coefficients[len(players) :].T))
    return DealtLinear(hidden.own_columns(own), players, form, (sums, head))
