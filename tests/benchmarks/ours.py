"""whybox as a contestant: models fitted by whybox, and its answers in the same shape as the peers'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.benchmarks.datasets import Split
from tests.benchmarks.measure import Answer, Contestant, Floats, Reference, compare

from whybox.domain.explanations import attribute_rows
from whybox.domain.models.catalogue import choose_model, fit_model
from whybox.domain.models.fitted_models import FittedModel
from whybox.domain.models.specs import TaskKind
from whybox.domain.tables import read_table
from whybox.domain.tasks import frame_task

BUDGETS = tuple(0.001 * 1.5**step for step in range(22))
"""Nominal seconds of sampling to try, 1 ms to 5 s."""

TARGET_OUT_OF_REACH = 1e-12
"""An error nobody can reach makes it spend the whole budget."""

Ask = Callable[..., Contestant]
"""``whybox_rows`` with model, rows and background filled in."""


def fit(split: Split, kind: TaskKind, *, family: str, name: str | None = None, **choices: Any) -> FittedModel:
    """Fit a model on the training rows of a table, from its file on."""
    task = frame_task(read_table(split.csv), kind=kind)
    return fit_model(choose_model(kind, family=family, name=name, **choices), task)


def whybox_rows(
    model: Any, rows: Floats, background: Floats, *, name: str = "whybox", **options: Any
) -> Contestant:
    """Return whybox's attributions of the rows, as its entry point computes them."""

    def run() -> Answer:
        found = attribute_rows(model, rows, background=background, **options)
        return Answer(found.values, found.additivity_residual)

    return Contestant(name, run)


def whybox_paths(model: Any, rows: Floats, *, name: str = "whybox", unit: str | None = None) -> Contestant:
    """Return whybox's path-dependent attributions; the background only says how many columns there are."""
    return whybox_rows(model, rows, rows[:1], name=name, unit=unit, method="path_dependent")


def whybox_as_precise(name: str, error: float, reference: Reference, ask: Ask) -> Contestant:
    """Return whybox with the smallest budget whose error against the reference is at most ``error``."""
    for budget in BUDGETS:
        ours = ask(name=name, budget_seconds=budget, target_error=TARGET_OUT_OF_REACH)
        if compare(ours.run().values, reference.values)[0] <= error:
            break
    return replace(ours, name=f"{name} (nominal budget {1000 * budget:.3g} ms)")


def whybox_beside(peers: Sequence[Contestant], reference: Reference, ask: Ask) -> list[Contestant]:
    """Return whybox as it is unasked, then once at the error of each peer."""
    contestants = [ask()]
    for peer in peers:
        error, _ = compare(peer.run().values, reference.values)
        contestants.append(whybox_as_precise(f"whybox, error of {peer.name}", error, reference, ask))
    return contestants
