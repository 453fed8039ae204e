"""Read how much of the month's quota a tenant has used."""

from __future__ import annotations

from whybox.ports import Clock, Usage, UsageLedger


def read_usage(tenant: str, *, usage: UsageLedger, clock: Clock) -> Usage:
    """Return the tenant's usage of this month, by the server's clock; free of charge."""
    return usage.read(tenant, now=clock.now())
