"""Rate headers: the month's quota, as the draft and as older clients read it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from whybox.http.rate_headers import rate_headers
from whybox.ports import Usage


def test_the_headers_state_limit_rest_and_the_seconds_to_the_next_month():
    usage = Usage(limit=100, used=30, period="2026-11", resets_at=datetime(2026, 12, 1, tzinfo=UTC))

    headers = rate_headers(usage, now=datetime(2026, 11, 30, 23, 59, tzinfo=UTC))

    assert headers == {
        "ratelimit-policy": '"monthly";q=100;w=2592000',
        "ratelimit": '"monthly";r=70;t=60',
        "x-ratelimit-limit": "100",
        "x-ratelimit-remaining": "70",
        "x-ratelimit-reset": "1796083200",
    }


@pytest.mark.parametrize(("month", "days"), [(1, 31), (2, 28), (4, 30), (12, 31)])
def test_the_window_is_as_long_as_the_month(month, days):
    ends_at = datetime(2026 + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    usage = Usage(limit=1, used=0, period=f"2026-{month:02}", resets_at=ends_at)

    assert f"w={days * 86400}" in rate_headers(usage, now=ends_at)["ratelimit-policy"]


def test_a_plan_that_shrank_leaves_nothing_and_not_less():
    usage = Usage(limit=5, used=8, period="2026-11", resets_at=datetime(2026, 12, 1, tzinfo=UTC))

    assert rate_headers(usage, now=datetime(2026, 11, 1, tzinfo=UTC))["x-ratelimit-remaining"] == "0"
