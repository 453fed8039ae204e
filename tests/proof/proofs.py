"""Proofs: what a claim is, how it was tried, and what was found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one proof found: a sentence with counts, whether the bar was met, and a table or lines to show."""

    n_cases: int
    found: str
    is_met: bool
    details: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """One claim and how it is tried; ``run`` takes whether a small count will do."""

    claim: str
    bar: str
    run: Callable[[bool], Finding]


def list_violations(violations: tuple[str, ...], *, shown: int = 20) -> str:
    """Return the first violations as a Markdown list."""
    lines = [f"- {violation[:1000]}" for violation in violations[:shown]]
    return "\n".join([*lines, f"- and {len(violations) - shown} more"] if len(violations) > shown else lines)
