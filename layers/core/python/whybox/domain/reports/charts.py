"""The pictures of a report as SVG text: each fills one table cell and leaves the words to the table.

Horizontal positions are percentages (or a stretched 0 to 1000 box for dots), so that a picture is as wide as
the page allows while strokes and letters keep their size. Every row of a chart uses the same ``Scale``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whybox.domain.pages.numerals import format_number, with_minus

N_SHADES = 5  # steps of the low-to-high palette v0 ... v4 of the style sheet
UNKNOWN_SHADE = 9  # a missing value, or a column without an order
_BOX = 1000  # width of the stretched box that dots are placed in
_SWARM_HEIGHT = 40  # height of that box; a row of the swarm is about as many pixels high
_DOT_STEP = 4.0  # vertical distance of dots at one place, box units
_DOT_SPAN = 7  # horizontal distance below which dots share a place, box units: a 5 px dot on 700 px
_MARGIN = 3.0  # above and below a swarm, so that no dot is cut

LARGEST, SMALLEST = 1e300, 1e-290
"""Numbers on an axis: so that its room and its steps are numbers too."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scale:
    """The common horizontal axis of a chart: the values at its two edges and those marked between."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def fraction(self, value: float) -> float:
        """Return where ``value`` lies between the edges, 0 to 1; beyond them it stays at the edge."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def percent(self, value: float) -> str:
        """Return the position of ``value`` as SVG writes it."""
        return f"{100 * self.fraction(value):.2f}%"


def fit_scale(low: float, high: float, *, n_ticks: int = 5) -> Scale:
    """Return a scale over ``low`` to ``high`` with a little room, marked at steps of 1, 2, 2.5 or 5.

    Numbers beyond ``LARGEST`` stand at its ends, and a range that has no room for steps is widened.
    """
    low, high = max(low, -LARGEST), min(high, LARGEST)
    if not high - low > max(SMALLEST, 1e-12 * max(abs(low), abs(high))):
        spread = max(abs(low), abs(high))
        spread = spread if spread > SMALLEST else 1.0
        low, high = low - spread / 2, high + spread / 2
    step = _round_step((high - low) / n_ticks)
    room = 0.03 * (high - low)
    # An axis that starts at zero starts exactly there: bars stand on its edge.
    low, high = (low if low == 0 else low - room), (high if high == 0 else high + room)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = 12 - math.floor(math.log10(step))  # of the step: 0.1 * 3 is 0.3, and 3e-15 is not 0
    return Scale(low, high, tuple(round(index * step, digits) for index in range(first, last + 1)))


def axis_svg(scale: Scale) -> str:
    """Return the tick labels of a chart for a cell of its header; a phone shows every other one."""
    labels = []
    step = _step(scale)
    for tick, text in zip(scale.ticks, _tick_texts(scale), strict=True):
        at, anchor = scale.fraction(tick), "middle"
        if at < 0.02 or at > 0.98:
            anchor = "start" if at < 0.02 else "end"
        minor = ' class="minor"' if round(tick / step) % 2 else ""  # never zero
        labels.append(f'<text x="{scale.percent(tick)}" y="82%" text-anchor="{anchor}"{minor}>{text}</text>')
    return f'<svg class="axis" aria-hidden="true">{"".join(labels)}</svg>'


def bar_svg(scale: Scale, value: float, error: float, *, noise_floor: float | None = None) -> str:
    """Return one bar from zero to ``value`` with a whisker of one ``error`` each way."""
    parts = [_grid(scale), _bar(scale, 0.0, value, kind="bar", height=12)]
    if noise_floor is not None:
        parts.append(_upright("noise", scale.percent(noise_floor)))
    if error > 0:
        parts.append(_whisker(scale, value - error, value + error))
    return f'<svg aria-hidden="true">{"".join(parts)}</svg>'


def step_svg(scale: Scale, start: float, end: float) -> str:
    """Return one step of a waterfall: a bar from ``start`` to ``end``, tied to the rows above and below."""
    above = _upright("link", scale.percent(start), from_y="0", to_y="50%")
    below = _upright("link", scale.percent(end), from_y="50%", to_y="100%")
    bar = _bar(scale, start, end, kind="up" if end > start else "down", height=14)
    return f'<svg aria-hidden="true">{_grid(scale)}{above}{below}{bar}</svg>'


def level_svg(scale: Scale, value: float, *, is_first: bool) -> str:
    """Return the first or the last row of a waterfall: a dot at the base value or at the prediction."""
    place = scale.percent(value)
    link = _upright("link", place, from_y="50%" if is_first else "0", to_y="100%" if is_first else "50%")
    dot = f'<circle class="level" cx="{place}" cy="50%" r="5"/>'
    return f'<svg aria-hidden="true">{_grid(scale)}{link}{dot}</svg>'


def swarm_svg(scale: Scale, values: Floats, shades: Integers, *, title: str, description: str) -> str:
    """Return one dot per row, at its value, moved up or down where dots would cover each other.

    Parameters
    ----------
    scale : the axis shared by all swarms of the chart
    values : (n,) attributions, finite
    shades : (n,) palette steps 0 ... 4, or 9 for a row without one
    title, description : what the picture shows, escaped

    """
    places = np.array([_BOX * scale.fraction(value) for value in values.tolist()])
    heights = _stack(places)
    paths = []
    for shade in np.unique(shades).tolist():
        chosen = shades == shade
        paths.append(f'<path class="v{shade}" d="{_dots(places[chosen], heights[chosen])}"/>')
    words = f"<title>{title}</title><desc>{description}</desc>"
    return (
        f'<svg aria-hidden="true">{_grid(scale)}</svg>'
        f'<svg class="dots" viewBox="0 0 {_BOX} {_SWARM_HEIGHT}" preserveAspectRatio="none" role="img">'
        f"{words}{''.join(paths)}</svg>"
    )


def scatter_svg(
    scale: Scale, truth: Floats, predicted: Floats, *, title: str, spans: Sequence[tuple[float, float]] = ()
) -> str:
    """Return predicted (upwards) against true values on one scale, with a (low, high) span for each dot."""

    def across(values: Sequence[float]) -> Floats:
        return np.array([_BOX * scale.fraction(value) for value in values])

    x, y = across(truth.tolist()), _BOX - across(predicted.tolist())
    lows, highs = (_BOX - across([span[edge] for span in spans]) for edge in (0, 1))
    intervals = "".join(
        f"M{at:.0f} {low:.0f}V{high:.0f}" for at, low, high in zip(x, lows, highs, strict=bool(spans))
    )
    words = f"<title>{title}</title>"
    diagonal = '<line class="zero" x1="0" y1="100%" x2="100%" y2="0"/>'
    return (
        f'<svg class="axis" aria-hidden="true">{_square_grid(scale)}{diagonal}</svg>'
        f'<svg class="dots" viewBox="0 0 {_BOX} {_BOX}" preserveAspectRatio="none" role="img">'
        f'{words}<path class="span" d="{intervals}"/><path class="v1" d="{_dots(x, y)}"/></svg>'
    )


def shade_by_rank(values: Floats) -> Integers:
    """Return (n,) palette steps 0 ... 4 of (n,) numbers by their rank (ties share one); 9 where NaN.

    Ranks, not sizes, so that one outlier does not paint all other rows in the same colour. The smallest and
    the largest always get the two ends; a column of one value has no low and high and gets 9.
    """
    shades = np.full(len(values), UNKNOWN_SHADE, dtype=np.int64)
    known = np.isfinite(values)
    different, places = np.unique(values[known], return_inverse=True)
    if len(different) < 2:
        return shades
    counts = np.bincount(places)
    middles = (np.cumsum(counts) - counts / 2) / counts.sum()
    steps = np.minimum((N_SHADES * middles).astype(np.int64), N_SHADES - 1)
    steps[0], steps[-1] = 0, N_SHADES - 1
    shades[known] = steps[places]
    return shades


def _stack(places: Floats) -> Floats:
    """Return (n,) heights so that dots at (n,) ``places`` stack away from the middle line."""
    bins = np.round(places / _DOT_SPAN).astype(np.int64)
    heights = np.full(len(places), _SWARM_HEIGHT / 2.0)
    for index in np.unique(bins):
        members = np.flatnonzero(bins == index)
        step = min(_DOT_STEP, (_SWARM_HEIGHT - 2 * _MARGIN) / max(1, len(members) - 1))
        turns = np.arange(len(members))
        heights[members] += step * ((turns + 1) // 2) * np.where(turns % 2 == 0, 1, -1)
    return heights


def _dots(x: Floats, y: Floats) -> str:
    """Return a path of strokes without length, which round caps make dots: a tenth of the size of circles."""
    return "".join(f"M{across:.0f} {down:.1f}h0" for across, down in zip(x.tolist(), y.tolist(), strict=True))


def _round_step(step: float) -> float:
    magnitude = 10.0 ** math.floor(math.log10(step))
    enough = step * (1 - 1e-9)
    return magnitude * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= enough)


def _step(scale: Scale) -> float:
    return scale.ticks[1] - scale.ticks[0] if len(scale.ticks) > 1 else abs(scale.ticks[0]) or 1.0


def _tick_texts(scale: Scale) -> list[str]:
    """Return the ticks with the decimals that their step needs."""
    step = _step(scale)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    scaled = step * 10**decimals
    decimals += 0 if math.isclose(scaled, round(scaled)) else 1  # a step of 2.5
    is_long = decimals > 6 or max(map(abs, scale.ticks)) >= 1e6
    return [with_minus(format_number(tick) if is_long else f"{tick:.{decimals}f}") for tick in scale.ticks]


def _grid(scale: Scale) -> str:
    return "".join(_upright("zero" if tick == 0 else "tick", scale.percent(tick)) for tick in scale.ticks)


def _square_grid(scale: Scale) -> str:
    parts = []
    for tick, text in zip(scale.ticks, _tick_texts(scale), strict=True):
        across, down = scale.percent(tick), f"{100 - 100 * scale.fraction(tick):.2f}%"
        parts += [
            _upright("tick", across),
            f'<line class="tick" x1="0" x2="100%" y1="{down}" y2="{down}"/>',
            f'<text x="{across}" y="100%" dy="1.4em" text-anchor="middle">{text}</text>',
            f'<text x="0" dx="-.6em" y="{down}" dy=".35em" text-anchor="end">{text}</text>',
        ]
    return "".join(parts)


def _upright(kind: str, place: str, *, from_y: str = "0", to_y: str = "100%") -> str:
    return f'<line class="{kind}" x1="{place}" x2="{place}" y1="{from_y}" y2="{to_y}"/>'


def _bar(scale: Scale, start: float, end: float, *, kind: str, height: int) -> str:
    low, high = sorted((start, end))
    width = 100 * (scale.fraction(high) - scale.fraction(low))
    return (
        f'<rect class="{kind}" x="{scale.percent(low)}" y="50%" width="{width:.2f}%" height="{height}" '
        f'transform="translate(0 {-height // 2})"/>'
    )


def _whisker(scale: Scale, low: float, high: float) -> str:
    left, right = scale.percent(low), scale.percent(high)
    caps = "".join(
        f'<rect class="cap" x="{place}" y="50%" width="1.25" height="7" transform="translate(-.6 -3.5)"/>'
        for place in (left, right)
    )
    return f'<line class="whisker" x1="{left}" x2="{right}" y1="50%" y2="50%"/>{caps}'
