"""Sections of the report: a measured job as a Markdown table, and the promises it met or missed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.measure import Bar, Effort, Figures, Job, measure_job

EXACT = 1e-9
"""Mean relative error below which only rounding is left."""


@dataclass(frozen=True)
class Verdict:
    """One promise and what was reached."""

    promise: str
    reached: str
    is_met: bool


@dataclass(frozen=True)
class Section:
    """A title, a Markdown body and the verdicts on its promises."""

    title: str
    body: str
    verdicts: tuple[Verdict, ...] = ()

    def render(self) -> str:
        """Return the section as Markdown."""
        return f"### {self.title}\n\n{self.body}\n"


def run_job(job: Job, effort: Effort) -> Section:
    """Measure a job and return its section."""
    figures = measure_job(job, effort)
    by_name = {figure.name: figure for figure in figures}
    verdicts = tuple(judge(bar, by_name[bar.ours], by_name[bar.against]) for bar in job.bars)
    return Section(job.title, render_figures(job, figures), verdicts)


def judge(bar: Bar, ours: Figures, theirs: Figures) -> Verdict:
    """Hold a promise against the figures."""
    ratio = theirs.median_seconds / ours.median_seconds
    is_met = ratio >= bar.ratio
    reached = f"{ratio:.3g}x"
    if bar.error_share is not None:
        is_met = is_met and ours.mean_error <= bar.error_share * theirs.mean_error
        reached += f", error {percent(ours.mean_error)} against {percent(theirs.mean_error)}"
    if bar.largest_error is not None:
        is_met = is_met and ours.largest_difference <= bar.largest_error
        reached += f", largest difference {scientific(ours.largest_difference)}"
    return Verdict(bar.promise, reached, is_met)


def render_figures(job: Job, figures: Sequence[Figures]) -> str:
    """Return a job's note and table; the ratio is the contestant's time over that of the first."""
    first = figures[0].median_seconds
    rows = [
        (
            figure.name + ("" if figure.share == 1 else f" (scaled from {figure.share:.2%} of the rows)"),
            duration(figure.median_seconds),
            f"{figure.median_seconds / first:.3g}x",
            "–" if math.isnan(figure.peak_mb) else f"{figure.peak_mb:.0f}",
            percent(figure.mean_error),
            scientific(figure.largest_difference),
            scientific(figure.additivity_residual),
        )
        for figure in figures
    ]
    notes = [job.note] if job.note else []
    if job.reference is not None:
        own = f", its own standard error {percent(job.reference.error)}" if job.reference.error else ""
        notes.append(
            f"Held against: {job.reference.how}{own}; first {len(job.reference.values)} {job.reference.what}."
        )
    header = (
        "contestant",
        "median",
        "time ratio",
        "peak MB",
        "mean error",
        "largest error",
        "additivity residual",
    )
    return "\n\n".join([*notes, render_table(header, rows)])


def render_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, the first column left-aligned, the others right-aligned."""
    lines = ["| " + " | ".join(header) + " |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def duration(seconds: float) -> str:
    """Return seconds for people: three digits, in ms below one second."""
    if math.isnan(seconds):
        return "–"
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:,.0f} s"


def percent(share: float) -> str:
    """Return an error as a percentage, or that it is exact up to rounding."""
    if math.isnan(share):
        return "–"
    return "exact" if share <= EXACT else f"{100 * share:.2g} %"


def scientific(value: float) -> str:
    """Return a small number in scientific notation."""
    return "–" if math.isnan(value) else f"{value:.1e}"
