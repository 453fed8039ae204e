"""Notices: what whybox did to a table or saw in a fit that its owner should know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """One warning of an answer: a stable code, a plain sentence, and the column it is about, if one.

    ``detail`` never repeats a cell's content.
    """

    code: str
    detail: str
    column: str | None = None
