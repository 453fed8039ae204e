"""Reading the usage: free, and by the server's clock."""

from __future__ import annotations

from datetime import UTC, datetime

from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.services.read_usage import read_usage


class NoonClock:
    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_reading_the_usage_costs_nothing(tmp_path):
    ledger = SqliteUsage(tmp_path / "usage", default_limit=5)
    ledger.reserve("t", receipt_id="a", lease_seconds=60, now=NoonClock().now())

    readings = [read_usage("t", usage=ledger, clock=NoonClock()) for _ in range(3)]

    assert [(usage.used, usage.remaining, usage.period) for usage in readings] == [(1, 4, "2026-11")] * 3
