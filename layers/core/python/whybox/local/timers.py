"""A timer of the template: a function that is called soon after the start, and again after each while."""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import datetime
from typing import Any

from whybox.errors import BackingServiceError
from whybox.local.calls import Calls
from whybox.local.event_sources import Timer
from whybox.local.intrinsics import LOCAL_ACCOUNT, LOCAL_REGION
from whybox.ports import Clock

logger = logging.getLogger(__name__)

FIRST_SECONDS = 5.0
"""After a start, which first has requests to answer."""


async def run_timer(timer: Timer, *, calls: Calls, clock: Clock) -> None:
    """Call the function of a timer, for ever; one call has ended before the next begins."""
    await asyncio.sleep(FIRST_SECONDS)
    while True:
        event = scheduled_event(timer.name, now=clock.now()) if timer.event is None else timer.event
        try:
            await calls(timer.function, event)
        except BackingServiceError as error:
            logger.warning("timer %s: %s", timer.name, error.detail)
        await asyncio.sleep(timer.interval.total_seconds())


def scheduled_event(rule: str, *, now: datetime) -> dict[str, Any]:
    """Return the event that EventBridge calls a function with when a rule is due."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": LOCAL_ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": LOCAL_REGION,
        "resources": [f"arn:aws:events:{LOCAL_REGION}:{LOCAL_ACCOUNT}:rule/{rule}"],
        "detail": {},
    }
