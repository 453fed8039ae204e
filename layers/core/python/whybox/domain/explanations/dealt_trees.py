"""Dealt trees: what a forest answers for all versions of a table in which one group of columns was dealt.

test rows ──encode──▶ Z ──▶ sums of the hidden layers ──kernel──▶ leaves of all versions ──▶ answers
                      deals of each group's cells ───────╯         64 rows a word, only trees it can change

The answers are those of the model's own predict to the bit: sums are added up in the same order, and where
the table itself is not answered alike, this way is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from whybox.domain.explanations.coalition_games import columns_of
from whybox.domain.explanations.kernel_dealt_tables import DealtTable, deal_margins
from whybox.domain.explanations.kernel_libraries import Engine, Kernel, choose_kernel
from whybox.domain.explanations.links import Floats, Link
from whybox.domain.explanations.structured_hidden import HiddenSums
from whybox.domain.explanations.tree_layouts import Ints, TreeEnsemble
from whybox.domain.explanations.tree_readers import read_trees
from whybox.domain.models.boosted_trees import BoostedTrees
from whybox.domain.models.fitted_models import binary_probabilities, softmax
from whybox.domain.models.hidden_features import HiddenFeatures

Finish = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class DealtTrees:
    """Trees on encoded and hidden columns of a table, and what makes outputs of their sums.

    own : float64 (n, q), the trees' columns that are not hidden
    players : int64 (q,), the user column each of them belongs to
    finish : from sums of leaves (k, n_margins) to outputs (k, n_outputs)
    """

    kernel: Kernel
    trees: TreeEnsemble
    own: Floats
    players: Ints
    hidden: HiddenFeatures | None
    finish: Finish

    @property
    def n_outputs(self) -> int:
        """Outputs per row."""
        return int(self.finish(np.zeros((1, self.trees.n_margins))).shape[1])

    def outputs(self, groups: Sequence[Sequence[int]], deals: Ints) -> Floats:
        """Return the outputs (groups, repeats, n, n_outputs) with the cells of user columns dealt.

        Parameters
        ----------
        groups : user columns of each group
        deals : int64 (repeats, n), whose cells each row receives
        """
        members = [columns_of(group, self.players) for group in groups]
        layers = () if self.hidden is None else self.hidden.layers
        sums, parts = np.zeros((len(self.own), 0)), np.zeros((len(groups), len(self.own), 0))
        if self.hidden is not None:
            loads = HiddenSums.of(layers, n_own=len(self.players)).loads
            sums = self.own @ loads
            parts = np.stack([self.own[:, chosen] @ loads[chosen] for chosen in members])
        table = DealtTable(self.own, members, deals, layers, sums, parts)
        found = deal_margins(self.kernel, self.trees, table)
        finished = self.finish(found.reshape(-1, self.trees.n_margins))
        return finished.reshape(*found.shape[:3], -1)


def read_dealt_trees(model: Any, rows: Floats, *, engine: Engine) -> DealtTrees | None:
    """Return a model's trees on a table of user columns (n, p), None where this way is not open.

    It is open to forests and trees of scikit-learn, bare or in a whybox model, and to a whybox model's
    boosted trees, where the compiled kernel is.
    """
    kernel = choose_kernel(engine)
    estimator, hidden = model, None
    own, players = rows, np.arange(rows.shape[1])
    if hasattr(model, "predict_units"):
        estimator, hidden = model.estimator, model.hidden
        own, players = model.encode(rows), np.asarray(model.players, dtype=np.int64)
    found = None if kernel is None else _read_sums(estimator)
    if kernel is None or found is None:
        return None
    trees, finish = found
    if trees.n_columns != len(players) + (0 if hidden is None else hidden.n_outputs - hidden.n_own):
        return None
    own = own if hidden is None else hidden.own_columns(own)
    return DealtTrees(kernel, trees, np.ascontiguousarray(own), players, hidden, finish)


def _read_sums(estimator: Any) -> tuple[TreeEnsemble, Finish] | None:
    """Return trees whose leaves add up as in the estimator's own predict, and the rest of that predict."""
    if isinstance(estimator, BoostedTrees):
        trees = read_trees(estimator)
        return None if trees is None else (trees, _finish_boosted(estimator, trees.link))
    if not type(estimator).__module__.startswith("sklearn."):
        return None
    from whybox.domain.explanations.sklearn_trees import read_votes

    trees = read_votes(estimator)
    if trees is None:
        return None
    n_trees = len(trees.roots)
    return trees, lambda votes: votes / n_trees


def _finish_boosted(estimator: BoostedTrees, link: Link) -> Finish:
    """Return what a whybox model makes of boosted leaves in its natural unit."""
    if link == "identity":
        return lambda sums: sums + estimator.base_margin
    if link == "logistic":
        return lambda sums: binary_probabilities((sums + estimator.base_margin)[:, 0])
    return lambda sums: softmax(sums + estimator.base_margin)
