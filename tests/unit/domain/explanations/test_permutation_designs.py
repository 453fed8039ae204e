"""Designs: permutations are uniform, samples of the background are balanced and can be calibrated."""

from __future__ import annotations

from collections import Counter

import numpy as np

from whybox.domain.explanations.permutation_designs import (
    N_KEPT,
    draw_balanced_samples,
    draw_orders,
)


def test_every_permutation_is_as_likely_as_any_other():
    orders = draw_orders(np.random.default_rng(0), (40, 60), n_players=3)

    counts = Counter(map(tuple, orders.reshape(-1, 3).tolist()))

    assert len(counts) == 6
    assert max(abs(count - 400) for count in counts.values()) < 80  # 4.4 standard deviations


def test_every_set_of_equal_rows_is_as_likely_as_any_other():
    generator, shares, n_draws = np.random.default_rng(5), np.full(5, 0.2), 100

    samples = [draw_balanced_samples(generator, np.ones((5, 1)), shares, 2) for _ in range(n_draws)]

    sets = Counter(tuple(sorted(sample)) for sample in np.concatenate(samples).tolist())
    assert len(sets) == 10
    assert max(abs(count - n_draws * N_KEPT / 10) for count in sets.values()) < 107  # 4.4 standard deviations


def test_a_balanced_sample_misses_the_base_value_by_less_than_a_random_one():
    generator = np.random.default_rng(1)
    outputs = generator.exponential(size=(100, 2))
    shares = np.full(100, 0.01)

    samples = draw_balanced_samples(generator, outputs, shares, 10)

    random = np.array([generator.permutation(100)[:10] for _ in range(N_KEPT)])
    missed, missed_at_random = (
        np.abs(outputs[chosen].mean(axis=1) - shares @ outputs).mean() for chosen in (samples, random)
    )
    assert samples.shape == (N_KEPT, 10)
    assert missed < 0.5 * missed_at_random
    assert all(len(set(sample)) == 10 for sample in samples.tolist())


def test_every_background_row_is_drawn():
    generator = np.random.default_rng(2)

    samples = draw_balanced_samples(generator, generator.normal(size=(50, 1)), np.full(50, 0.02), 10)

    assert set(samples.ravel()) == set(range(50))


def test_an_output_that_varies_over_the_background_varies_in_every_sample():
    generator = np.random.default_rng(3)
    outputs = np.zeros((400, 3))
    outputs[7, 0], outputs[300, 1] = 1.0, -2.0
    outputs[:, 2] = generator.normal(size=400)

    samples = draw_balanced_samples(generator, outputs, np.full(400, 1 / 400), 12)

    assert np.all(np.ptp(outputs[samples], axis=1) > 0.0)


def test_unequal_shares_are_drawn_in_proportion():
    generator = np.random.default_rng(4)
    shares = np.array([0.7, 0.1, 0.1, 0.1])

    samples = draw_balanced_samples(generator, np.zeros((4, 1)), shares, 40)

    assert abs(np.mean(samples == 0) - 0.7) < 0.05
