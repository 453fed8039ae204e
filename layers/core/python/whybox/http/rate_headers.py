"""Rate headers: how much of the month's quota is left, in the IETF draft's form and the older one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from whybox.domain.calendar_months import CalendarMonth
from whybox.ports import Usage

POLICY: Final = "monthly"


def rate_headers(usage: Usage, *, now: datetime) -> dict[str, str]:
    """Return the headers of a month's usage.

    ``RateLimit-Policy`` and ``RateLimit`` are structured fields after draft-ietf-httpapi-ratelimit-headers:
    q units in w seconds, r left, t seconds until the next month. ``X-RateLimit-Reset`` is a Unix time.
    """
    month = CalendarMonth.of(usage.resets_at - timedelta(seconds=1))
    window = int((month.ends_at - month.starts_at).total_seconds())
    seconds_left = max(0, int((usage.resets_at - now).total_seconds()))
    return {
        "ratelimit-policy": f'"{POLICY}";q={usage.limit};w={window}',
        "ratelimit": f'"{POLICY}";r={usage.remaining};t={seconds_left}',
        "x-ratelimit-limit": str(usage.limit),
        "x-ratelimit-remaining": str(usage.remaining),
        "x-ratelimit-reset": str(int(usage.resets_at.timestamp())),
    }
