"""Pictures put every value where its axis says."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.domain.reports.charts import (
    UNKNOWN_SHADE,
    axis_svg,
    bar_svg,
    fit_scale,
    level_svg,
    scatter_svg,
    shade_by_rank,
    step_svg,
    swarm_svg,
)


def attribute(svg: str, kind: str, name: str) -> float:
    (element,) = re.findall(rf'<\w+ class="{kind}"[^>]*>', svg)
    (value,) = re.findall(rf' {name}="([\d.]+)%?"', element)
    return float(value)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.0, 0.0816),
        (-0.21, 0.11),
        (130.0, 155.0),
        (0.0, 3e-9),
        (-2e6, 5e7),
        (7.0, 7.0),
        (0, 0),
        (-1e-15, 3e-14),
        (0.0, 2e-290),
        (-1e299, 1e299),
        (1e15, 1e15 + 8),
        (5e-324, 1e-323),
    ],
)
def test_a_scale_holds_its_ends_and_marks_them_at_even_round_steps(low, high):
    scale = fit_scale(low, high)

    assert scale.low <= low <= high <= scale.high
    assert 2 <= len(scale.ticks) <= 8
    assert len(axis_svg(scale).split("<text")) == 1 + len(scale.ticks)
    steps = np.diff(scale.ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-6)
    assert float(f"{steps[0]:.1e}"[:3]) in (1.0, 2.0, 2.5, 5.0)


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_any_two_numbers_have_an_axis_between_them(one, other):
    scale = fit_scale(min(one, other), max(one, other))

    assert np.isfinite([scale.low, scale.high, *scale.ticks]).all()
    assert scale.low < scale.high
    assert len(set(scale.ticks)) == len(scale.ticks) >= 2
    assert axis_svg(scale)
    assert 0.0 <= scale.fraction(one) <= 1.0


def test_an_axis_from_zero_starts_at_zero():
    assert fit_scale(0.0, 0.08).low == 0.0


def test_ticks_are_labelled_with_the_decimals_of_their_step():
    texts = re.findall(r">([^<]+)</text>", axis_svg(fit_scale(-0.21, 0.11)))

    assert texts == ["−0.2", "−0.1", "0.0", "0.1"]


def test_a_bar_reaches_from_zero_to_its_value():
    scale = fit_scale(-1.0, 3.0)

    svg = bar_svg(scale, -0.5, 0.0)

    assert attribute(svg, "bar", "x") == pytest.approx(100 * scale.fraction(-0.5), abs=0.01)
    assert attribute(svg, "bar", "width") == pytest.approx(100 * 0.5 / (scale.high - scale.low), abs=0.01)


def test_a_whisker_spans_one_error_each_way_and_a_number_without_error_has_none():
    scale = fit_scale(0.0, 2.0)

    svg = bar_svg(scale, 1.0, 0.25, noise_floor=0.5)

    assert attribute(svg, "whisker", "x1") == pytest.approx(100 * scale.fraction(0.75), abs=0.01)
    assert attribute(svg, "whisker", "x2") == pytest.approx(100 * scale.fraction(1.25), abs=0.01)
    assert attribute(svg, "noise", "x1") == pytest.approx(100 * scale.fraction(0.5), abs=0.01)
    assert "whisker" not in bar_svg(scale, 1.0, 0.0)


def test_a_step_down_is_drawn_in_the_colour_of_lowering():
    scale = fit_scale(0.0, 1.0)

    assert 'class="down"' in step_svg(scale, 0.6, 0.4)
    assert 'class="up"' in step_svg(scale, 0.4, 0.6)
    assert attribute(level_svg(scale, 0.5, is_first=True), "level", "cx") == pytest.approx(
        100 * scale.fraction(0.5), abs=0.01
    )


def test_a_swarm_draws_every_row_once_at_its_value():
    scale = fit_scale(0.0, 1.0)
    values = np.array([0.5, 0.5, 0.5, 0.1])

    svg = swarm_svg(scale, values, np.array([0, 4, 0, 9]), title="t", description="d")
    dots = [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", svg)]

    assert len(dots) == len(values)
    assert sorted(x for x, _ in dots) == pytest.approx(
        sorted(1000 * scale.fraction(v) for v in values), abs=0.5
    )
    assert len(set(dots)) == len(values), "dots at one value cover each other"
    assert all(0 < y < 40 for _, y in dots)


def test_a_crowded_swarm_stays_inside_its_row():
    svg = swarm_svg(fit_scale(0, 1), np.zeros(400), np.zeros(400, dtype=np.int64), title="t", description="d")

    assert all(0 < float(y) < 40 for y in re.findall(r"M[\d.]+ ([\d.]+)h0", svg))


def test_shades_follow_ranks_so_that_one_outlier_does_not_paint_the_rest_alike():
    shades = shade_by_rank(np.array([1.0, 2.0, 3.0, 4.0, 1e9]))

    assert shades.tolist() == [0, 1, 2, 3, 4]


def test_shades_keep_ties_together_and_leave_the_unknown_out():
    shades = shade_by_rank(np.array([0.0, 1.0, 0.0, np.nan, 1.0]))

    assert shades.tolist() == [0, 4, 0, UNKNOWN_SHADE, 4]
    assert set(shade_by_rank(np.array([5.0, 5.0])).tolist()) == {UNKNOWN_SHADE}


def test_a_right_prediction_lies_on_the_slanted_line():
    scale = fit_scale(0.0, 10.0)

    svg = scatter_svg(scale, np.array([4.0]), np.array([4.0]), title="t", spans=[(2.0, 6.0)])
    (x, y), *_ = [(float(a), float(b)) for a, b in re.findall(r"M([\d.]+) ([\d.]+)h0", svg)]

    assert x == pytest.approx(1000 - y, abs=0.5)
    low, high = map(float, re.findall(r"M\d+ (\d+)V(\d+)", svg)[0])
    assert high < y < low
