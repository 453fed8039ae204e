"""Permutation designs: which permutations are walked against which background rows.

background much larger than the sample    a balanced sample of it per row, one pair per background row
otherwise                                 passes over the whole background, two pairs per background row
"""

from __future__ import annotations

import numpy as np

from whybox.domain.explanations.links import Floats
from whybox.domain.explanations.tree_layouts import Ints

N_CANDIDATES = 256
"""Background samples drawn once per round; the rows share the better balanced quarter of them."""

N_KEPT = 64

LARGE_BACKGROUND = 4096
"""Background rows above which a sample is drawn with replacement: a row twice is rare, shuffling costs."""


def draw_orders(generator: np.random.Generator, shape: tuple[int, ...], *, n_players: int) -> Ints:
    """Return independent uniform permutations: int64 (*shape, n_players)."""
    orders = np.broadcast_to(np.arange(n_players), (*shape, n_players))
    return generator.permuted(orders, axis=-1)


def draw_balanced_samples(
    generator: np.random.Generator, outputs: Floats, weights: Floats, size: int
) -> Ints:
    """Return samples of background rows whose mean answer is close to that of the whole background.

    Rejective sampling (Fuller 2009, doi:10.1093/biomet/asp042): of many random samples those are kept whose
    mean answers are nearest to the base values, counted in standard deviations of the sample. Every output
    that varies over the background varies in every sample, so that each sample can be calibrated.

    Parameters
    ----------
    generator : random numbers
    outputs : float64 (m, n_outputs), the answers of the background rows
    weights : float64 (m,), shares of the rows; a sample of unequal weights is drawn with replacement
    size : rows per sample, less than m

    Returns
    -------
    int64 (N_KEPT, size)
    """
    n_background = len(weights)
    is_fair = bool(np.all(weights == weights[0]))
    if is_fair and n_background > LARGE_BACKGROUND:
        samples = generator.integers(n_background, size=(N_CANDIDATES, size))
    elif is_fair:
        samples = _draw_sets(generator, n_background, size)
    else:
        samples = generator.choice(n_background, size=(N_CANDIDATES, size), p=weights)
    _include_rare_answers(samples, outputs)
    base = weights @ outputs
    drawn = outputs[samples]
    spread = drawn.std(axis=1)
    distance = np.abs(drawn.mean(axis=1) - base)
    imbalance = np.divide(distance, spread, out=np.zeros_like(distance), where=spread > 0.0).max(axis=1)
    return samples[np.argsort(imbalance, kind="stable")[:N_KEPT]]


def _draw_sets(generator: np.random.Generator, n_rows: int, size: int) -> Ints:
    """Return ``N_CANDIDATES`` sets of ``size`` out of ``n_rows`` rows, each as likely as any other.

    A row's number stands in the last bits of its random key: whole keys are sorted three times as fast as
    their positions are.
    """
    last_bits = np.uint64((1 << n_rows.bit_length()) - 1)
    keys = generator.integers(0, 2**64, size=(N_CANDIDATES, n_rows), dtype=np.uint64)
    keys &= ~last_bits
    keys |= np.arange(n_rows, dtype=np.uint64)
    keys.partition(size, axis=1)
    return (keys[:, :size] & last_bits).astype(np.int64)


def _include_rare_answers(samples: Ints, outputs: Floats) -> None:
    """Put a row with another answer into each sample in which an output that varies does not vary."""
    for output in np.flatnonzero((outputs != outputs[0]).any(axis=0)):
        answers = outputs[:, output]
        drawn = answers[samples]
        stuck = np.flatnonzero((drawn == drawn[:, :1]).all(axis=1))
        if not len(stuck):
            continue
        common = answers[samples[stuck, 0]]
        samples[stuck, output % samples.shape[1]] = np.abs(answers - common[:, None]).argmax(axis=1)
