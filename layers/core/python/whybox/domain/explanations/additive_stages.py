"""Additive stages: models read as ``head(offset + sum over columns of a term)``, whatever their kind.

                  term of a column z              head
linear            coefficient * z                 link
distance kernel   (z - vector)^2 or |z - vector|  kernel function, dual coefficients, link
product kernel    z * vector                      kernel function, dual coefficients, link
neural network    first-layer weight * z          the other layers
naive Bayes       log density per class           softmax
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from whybox.domain.explanations.additive_games import AdditiveForm, Head
from whybox.domain.explanations.head_walks import HeadWalk, HiddenHead, RectifiedUnits
from whybox.domain.explanations.links import Floats, Link, apply_link
from whybox.domain.explanations.tree_layouts import Ints

Terms = Callable[[Floats, Ints], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class AdditiveStage:
    """A model on q columns, before it is known which of them are explained together.

    ``terms`` takes some of the columns (n, k) and their positions (k,) to (width, n, k); ``totals`` takes
    them as (k, n) to the sums of these over the columns, (width, n), without holding the terms. ``head``
    takes sums (width, n) to answers (n_outputs, n) and may overwrite them.

    Of heads that the compiled kernel knows: ``link`` where the sums are the margins, with ``coefficients``
    (q, width) where they are linear in the columns; ``units`` where the sums are those of rectified units.
    """

    width: int
    offset: Floats
    terms: Terms
    totals: Terms
    head: Head
    link: Link | None = None
    coefficients: Floats | None = None
    units: RectifiedUnits | None = None

    def then(self, function: Head) -> AdditiveStage:
        """Return the stage of ``function`` applied to this model's answers."""
        inner = self.head
        return replace(
            self, head=lambda sums: function(inner(sums)), link=None, coefficients=None, units=None
        )


def link_head(link: Link) -> Head:
    """Return a link as a head: margins (n_margins, n) to answers (n_outputs, n)."""
    return lambda margins: apply_link(margins.T, link).T


def linear_stage(coefficients: Floats, intercept: Floats, link: Link) -> AdditiveStage:
    """Return the stage of a linear model behind its link; coefficients (q, n_margins)."""
    stage = product_stage(coefficients, intercept, link_head(link))
    return replace(stage, link=link, coefficients=coefficients)


def product_stage(weights: Floats, offset: Floats, head: Head) -> AdditiveStage:
    """Return the stage whose sums are ``Z @ weights + offset``; weights (q, width)."""
    return AdditiveStage(
        width=weights.shape[1],
        offset=offset,
        terms=lambda Z, columns: weights[columns].T[:, None, :] * Z,
        totals=lambda Z, columns: weights[columns].T @ Z,
        head=head,
    )


def distance_stage(vectors: Floats, head: Head, *, is_squared: bool = True) -> AdditiveStage:
    """Return the stage whose sums are the distances to ``vectors`` (width, q), squared or city-block."""

    def terms(Z: Floats, columns: Ints) -> Floats:
        gaps = Z - vectors[:, None, columns]
        return np.square(gaps, out=gaps) if is_squared else np.abs(gaps, out=gaps)

    def totals(Z: Floats, columns: Ints) -> Floats:
        chosen = vectors[:, columns]
        if not is_squared:
            return np.asarray(sum(np.abs(z - v[:, None]) for z, v in zip(Z, chosen.T, strict=True)))
        sums = chosen @ (-2.0 * Z)
        sums += np.einsum("kn,kn->n", Z, Z)
        sums += np.einsum("hk,hk->h", chosen, chosen)[:, None]
        return np.asarray(sums)

    return AdditiveStage(
        width=len(vectors), offset=np.zeros(len(vectors)), terms=terms, totals=totals, head=head
    )


def sum_by_player(terms: Floats, players: Ints, *, n_players: int) -> Floats:
    """Return terms (..., k) summed over the columns of each player: (..., n_players)."""
    if np.array_equal(players, np.arange(n_players)):
        return terms
    sums = np.zeros((*terms.shape[:-1], n_players))
    for position, player in enumerate(players):
        sums[..., player] += terms[..., position]
    return sums


def play_by_player(stage: AdditiveStage, players: Ints, *, n_players: int) -> AdditiveForm:
    """Return the stage as a form over players (q,), the player of each of its columns."""
    columns = np.arange(len(players))
    return AdditiveForm(
        n_players=n_players,
        width=stage.width,
        offset=stage.offset,
        split=lambda Z: sum_by_player(stage.terms(Z, columns), players, n_players=n_players),
        head=stage.head,
        walk=_walk_alone(stage, n_own=len(players)),
    )


def _walk_alone(stage: AdditiveStage, *, n_own: int) -> HeadWalk | None:
    """Return how the kernel walks a model on its own columns, None where it does not know it."""
    if stage.units is not None:
        return stage.units.walk(n_own=n_own)
    if stage.link is None:
        return None
    head = HiddenHead.of_nothing(stage.width)
    return HeadWalk(link=stage.link, places=np.arange(stage.width), offset=stage.offset, head=head)
