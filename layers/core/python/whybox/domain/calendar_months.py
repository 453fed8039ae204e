"""Calendar months in UTC: the period a quota is counted in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self


@dataclass(frozen=True, slots=True)
class CalendarMonth:
    """One month, by name ("2026-11"), and the moment the next one starts."""

    name: str
    ends_at: datetime

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """Return the month a moment lies in, by the UTC calendar whatever zone the moment is written in."""
        if moment.tzinfo is None:
            raise ValueError("a moment without a time zone lies in no calendar month")
        utc = moment.astimezone(UTC)
        year, month = (utc.year + 1, 1) if utc.month == 12 else (utc.year, utc.month + 1)
        return cls(name=f"{utc:%Y-%m}", ends_at=datetime(year, month, 1, tzinfo=UTC))

    @property
    def starts_at(self) -> datetime:
        """The moment the month starts."""
        year, month = map(int, self.name.split("-"))
        return datetime(year, month, 1, tzinfo=UTC)
