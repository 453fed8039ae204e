"""Linear models: attributions in closed form where the answer is the margin itself, no sampling."""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.additive_stages import sum_by_player
from whybox.domain.explanations.coalition_games import count_players
from whybox.domain.explanations.estimates import Estimate
from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.model_views import ModelView
from whybox.domain.explanations.tree_layouts import Ints

ALGORITHM = "exact_linear"


def attribute_linear(
    view: ModelView,
    rows: Floats,
    background: Floats,
    weights: Floats,
    *,
    groups: Ints | None = None,
) -> Estimate:
    """Return the interventional Shapley values of a linear model with the identity link.

    A column's value is the sum over its encoded columns of ``coefficient * (z - mean z of the background)``
    (Lundberg and Lee 2017, corollary 1, arXiv:1705.07874). Exact; cost n x q.

    Parameters
    ----------
    view : ``view.linear`` is there and its link is "identity"
    rows : float64 (n, p), user columns
    background : float64 (m, p)
    weights : float64 (m,), shares of the background rows, sum 1
    groups : int64 (p,), the player of each user column where columns are explained together

    Returns
    -------
    Estimate
        Values (n, n_players, n_outputs) in the unit of the view, standard errors 0. NaN that the encoder
        leaves in place gives NaN values, as it does in the model's own answer.
    """
    if view.linear is None or view.linear.link != "identity":
        raise ValueError("the closed form needs a linear model whose answer is its margin")
    Z = view.encode(rows)
    centre = weights @ view.encode(background)
    columns = np.arange(view.n_columns) if groups is None else groups
    players = columns[view.players]
    terms = view.linear.coefficients.T * (Z - centre)[:, None, :]
    values = sum_by_player(terms, players, n_players=count_players(columns)).transpose(0, 2, 1)
    return Estimate(
        values=values,
        std_error=np.zeros_like(values),
        base_values=view.linear.margins(centre[None])[0],
        predictions=view.linear.margins(Z),
        algorithm=ALGORITHM,
    )
