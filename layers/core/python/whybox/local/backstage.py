"""Everything that runs without a request, beside the gateway: queues, timers, news of the bucket, batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from whybox.local.batch_runs import BatchRuns
from whybox.local.bucket_news import BucketNews
from whybox.local.calls import Calls
from whybox.local.event_sources import EventSources
from whybox.local.queues import QueueConsumer
from whybox.local.timers import run_timer
from whybox.local.workers import Workers
from whybox.wiring import LocalPorts

logger = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""How long an end waits for work without a request; the next start goes on with what is cut off."""


class Backstage:
    """Starts every source of events of a template, and ends them all."""

    def __init__(self, events: EventSources, *, ports: LocalPorts, workers: Workers) -> None:
        calls = Calls(workers)
        self._consumers = [
            QueueConsumer(
                source,
                queue := events.queues[source.queue],
                messages=ports.queue(
                    queue.name, dead_letters=queue.dead_letters, max_receives=queue.max_receives
                ),
                calls=calls,
            )
            for source in events.queue_sources
        ]
        self._batches = (
            None if events.machine is None else BatchRuns(events.machine, batches=ports.batches, calls=calls)
        )
        self._loops: list[Callable[[], Coroutine[Any, Any, None]]] = [it.run for it in self._consumers]
        for timer in events.timers:
            self._loops.append(partial(run_timer, timer, calls=calls, clock=ports.clock))
        for notification in events.notifications:
            news = BucketNews(
                notification,
                files=ports.files,
                told_files=ports.told_files,
                queue=ports.queue(notification.queue),
                clock=ports.clock,
            )
            self._loops.append(news.run)
        if self._batches is not None:
            self._loops.append(self._batches.run)
        self._running: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start everything."""
        self._running = [asyncio.create_task(loop()) for loop in self._loops]
        for task in self._running:
            task.add_done_callback(_log_end)

    async def close(self) -> None:
        """Take nothing new, let work finish for a moment, and cut off the rest."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        ends = [consumer.close(grace_seconds=GRACE_SECONDS) for consumer in self._consumers]
        if self._batches is not None:
            ends.append(self._batches.close())
        await asyncio.gather(*ends)


def _log_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a source of events ended", exc_info=error)
