"""Linked controls: polynomials of an additive function of the players, with Shapley values in closed form.

    T(S) = start of a background row + sum over S of (gain of the row - gain of the background row)
    s(S) = c0 + c1 T + .. + c5 T^5,  fitted to answers behind the link, at the ends and on random coalitions

What the trees' interactions do to the answers is left in v - s, which is all that is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whybox.domain.explanations.links import Floats, Link
from whybox.domain.explanations.tree_layouts import Bools

DEGREE = 5

N_PILOTS = 240
"""Random coalitions a polynomial is fitted to, forty for each coefficient; a hundred for each made the errors
half a percent smaller (measured)."""


@dataclass(frozen=True, slots=True, eq=False)
class LinkedControl:
    """A control for every output.

    Attributes
    ----------
    row_gains, background_gains : float64 (n, o, p) and (m, o, p)
    starts : float64 (m, o), T of nobody against each background row
    coefficients : float64 (o, 6), of the powers of T
    """

    row_gains: Floats
    background_gains: Floats
    starts: Floats
    coefficients: Floats

    def answer(self, totals: Floats) -> Floats:
        """Return s for T (..., o)."""
        answers = np.broadcast_to(self.coefficients[:, DEGREE], totals.shape)
        for power in range(DEGREE - 1, -1, -1):
            answers = self.coefficients[:, power] + totals * answers
        return answers

    def total(self, weights: Floats) -> Floats:
        """Return what all players together add to s against a weighted background (m,): float64 (n, o)."""
        own, other = self.row_gains.sum(axis=2), self.background_gains.sum(axis=2)
        ends = self.answer(self.starts + (own[:, None] - other))
        return np.asarray(np.einsum("nmo,m->no", ends - self.answer(self.starts), weights), dtype=np.float64)

    def shares(self, weights: Floats) -> Floats:
        """Return the Shapley values of s against a weighted background (m,): float64 (n, p, o).

        The others of a player join with a chance q each, q uniform between 0 and 1 (the multilinear
        extension, Owen 1972, doi:10.1287/mnsc.18.5.64). With A = start + their gains, the share is the
        integral over q of E[P(A + g) - P(A)], g its own gain. The integrals of E[A^r] are polynomials of the
        start and of the power sums of the others' gains, which are those of all gains less powers of g: the
        share is a polynomial of g whose coefficients all players have in common.
        """
        n_rows, n_outputs, n_players = self.row_gains.shape
        shares = np.zeros((n_rows, n_outputs, n_players))
        c = np.moveaxis(self.coefficients, 1, 0)[:, None, :, None]
        for weight, gains, start in zip(weights, self.background_gains, self.starts, strict=True):
            g = self.row_gains - gains
            shares += weight * _share(c, start[None, :, None], g)
        return shares.transpose(0, 2, 1)


def _share(c: Floats, m: Floats, g: Floats) -> Floats:
    """Return shares (n, o, p) of one background row: coefficients (6, 1, o, 1), start m, gains g."""
    p1, p2, p3, p4 = (np.sum(g**k, axis=2, keepdims=True) for k in range(1, 5))
    of3 = 3 * m * (m + p1) + p1**2 + p2 / 2
    of4 = (2 * m + p1) * (2 * m * (m + p1) + p1**2 + p2)
    of5 = 5 * m * (m + p1) * (m * (m + p1) + p1**2 + p2) + p1**2 * (p1**2 + 1.5 * p2)
    of5 = of5 + p2**2 / 2 - p1 * p3 / 3 - p4 / 6
    a0 = c[1] + c[2] * (2 * m + p1) + c[3] * of3 + c[4] * of4 + c[5] * of5
    a1 = c[3] * p1 / 2 + c[4] * p1 * (2 * m + p1)
    a1 = -a1 - c[5] * (p1 * (5 * m * (m + p1) + 1.5 * p1**2 + p2 / 2) - p3 / 3)
    a2, a3 = c[5] * (p1**2 - p2) / 3, c[5] * p1 / 6
    return np.asarray(g * (a0 + g * (a1 + g * (a2 + g * a3))), dtype=np.float64)


def additive_margins(margins: Floats, link: Link) -> Floats:
    """Return which sums of margins T is: float64 (o, M), for margins (n, M) of rows and background rows.

    Behind softmax T is the margin of a class less those of the others by their mean shares. As a sum of
    margins it ends where the row is, whatever background row it starts from, and so do the answers sampled.
    """
    n_margins = margins.shape[1]
    if link != "softmax":
        return np.eye(n_margins)
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    others = powers.sum(axis=1, keepdims=True) - powers
    shares = powers[:, None, :] / others[:, :, None]
    shares[:, np.arange(n_margins), np.arange(n_margins)] = 0.0
    return np.asarray(np.eye(n_margins) - shares.mean(axis=0), dtype=np.float64)


def fit_control(
    row_gains: Floats, background_gains: Floats, starts: Floats, *, totals: Floats, answers: Floats
) -> LinkedControl:
    """Fit the polynomial of each output by least squares on T and answers (k, o).

    Any numbers are right: they decide how much the control helps, not what is estimated. T is moved and
    scaled so that it lies between -1 and 1 where it was seen, or powers of it would lose all their digits.
    """
    low, high = totals.min(axis=0), totals.max(axis=0)
    centre = (low + high) / 2.0
    scale = np.maximum((high - low) / 2.0, 1e-12 + 1e-9 * np.abs(centre))
    coefficients = np.zeros((len(scale), DEGREE + 1))
    for output, (T, v) in enumerate(zip(((totals - centre) / scale).T, answers.T, strict=True)):
        powers = np.vander(T, DEGREE + 1, increasing=True)
        coefficients[output] = np.linalg.lstsq(powers, v, rcond=1e-10)[0]
    return LinkedControl(
        row_gains=row_gains / scale[:, None],
        background_gains=background_gains / scale[:, None],
        starts=(starts - centre) / scale,
        coefficients=coefficients,
    )


def draw_coalitions(
    generator: np.random.Generator, n_rows: int, n_background: int, n_players: int
) -> tuple[np.ndarray, np.ndarray, Bools]:
    """Return ``N_PILOTS`` random rows, background rows and coalitions (N_PILOTS, p) of random size."""
    rows = generator.integers(n_rows, size=N_PILOTS)
    backgrounds = generator.integers(n_background, size=N_PILOTS)
    share = generator.random((N_PILOTS, 1))
    return rows, backgrounds, generator.random((N_PILOTS, n_players)) < share
