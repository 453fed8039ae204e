"""Every error whybox raises on purpose.

WhyboxError
├── RequestError            the caller can fix it; nothing is charged
│   ├── InputError          the table, the parameters or the body
│   ├── AuthenticationError who are you?            (one answer for every cause)
│   ├── AccessError         you may not do that
│   └── QuotaError          you may, but not now
├── ComputationError        our own numbers failed our own check; never delivered, never charged
└── BackingServiceError     something we stand on failed; try again

Each class has a stable ``code``; ``http/problems.py`` pairs codes with HTTP statuses and nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One place in the caller's input that is wrong.

    ``row`` counts from 1 as an editor does (the header is row 1); ``column`` is a column name or a
    parameter name; ``detail`` never repeats a cell's content.
    """

    detail: str
    code: str
    row: int | None = None
    column: str | None = None


class WhyboxError(Exception):
    """The root: a stable code, one plain sentence, and the facts as attributes."""

    code: ClassVar[str] = "internal"

    def __init__(
        self,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        limit: int | None = None,
        actual: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.faults = tuple(faults)
        self.limit = limit
        self.actual = actual


class RequestError(WhyboxError):
    """The caller can fix it."""


class InputError(RequestError):
    """The table, the parameters or the body cannot be used as they are."""


class AuthenticationError(RequestError):
    """No valid token. ``cause`` is for the log only: every cause gets the same answer."""

    code = "unauthenticated"

    def __init__(self, cause: str) -> None:
        super().__init__("The request carries no valid access token.")
        self.cause = cause


class ComputationError(WhyboxError):
    """Our own numbers failed our own check."""


class BackingServiceError(WhyboxError):
    """Something we stand on failed; the same request may work later."""

    retry_after_seconds: ClassVar[int] = 5
