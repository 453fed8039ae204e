"""Giving back what a lost call had reserved: its process was ended before it could do so itself."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from whybox.errors import BackingServiceError
from whybox.ports import Clock, UsageLedger

logger = logging.getLogger(__name__)

LONGEST_LEASE = timedelta(hours=1)
"""Longer than any reservation is leased for: no function runs longer than 15 minutes."""

_SWEEP_SECONDS = 2.0


def refund_all(usage: UsageLedger, *, clock: Clock) -> int:
    """Refund every open reservation, for a moment when no function can be at work; return how many."""
    return usage.refund_abandoned(now=clock.now() + LONGEST_LEASE)


class LostCalls:
    """Sweeps for reservations whose lease is over, for a while after each lost call and never otherwise."""

    def __init__(self, usage: UsageLedger, *, clock: Clock, watch_seconds: float) -> None:
        self._usage = usage
        self._clock = clock
        self._watch_seconds = watch_seconds
        self._watch_until = 0.0
        self._sweep: asyncio.Task[None] | None = None

    def note(self) -> None:
        """A call was lost just now."""
        loop = asyncio.get_running_loop()
        self._watch_until = loop.time() + self._watch_seconds
        if self._sweep is None or self._sweep.done():
            self._sweep = loop.create_task(self._sweep_for_a_while())

    async def close(self) -> None:
        """Stop sweeping."""
        if self._sweep is not None:
            self._sweep.cancel()
            await asyncio.gather(self._sweep, return_exceptions=True)

    async def _sweep_for_a_while(self) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < self._watch_until:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                n_refunded = await asyncio.to_thread(self._usage.refund_abandoned, now=self._clock.now())
            except BackingServiceError as error:
                logger.warning("refunds wait: %s", error.detail)
            else:
                if n_refunded:
                    logger.info("refunded %d reservations of lost calls", n_refunded)
