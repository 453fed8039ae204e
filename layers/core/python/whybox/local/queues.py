"""A queue and the function behind it: messages are received, the function is called, what it did is deleted.

    receive ─▶ event of SQS ─▶ function ─▶ delete those that are done
                                   └─▶ what failed stays, and is received again after a while, or becomes a
                                       dead letter when that has happened too often

It differs from the real thing in one way: what failed comes back sooner than the queue's visibility says. SQS
has to wait for as long as a function could still be at work; here it is known that none is.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from whybox.adapters.local.sqlite_queue import Delivery, SqliteQueue
from whybox.errors import BackingServiceError
from whybox.local.calls import Calls
from whybox.local.event_sources import Queue, QueueSource
from whybox.local.intrinsics import LOCAL_ACCOUNT, LOCAL_REGION

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5

PAUSE_SECONDS = 130
"""Longer than a worker's lease on a job (120 s), so that the next one finds the job free.

The pauses grow with each delivery: together they are longer than any function may run, so that a second
message about a job at work is not given up before that job has ended.
"""


class QueueConsumer:
    """Calls one function with the messages of one queue until it is stopped."""

    def __init__(self, source: QueueSource, queue: Queue, *, messages: SqliteQueue, calls: Calls) -> None:
        self._source = source
        self._queue = queue
        self._messages = messages
        self._calls = calls
        self._free = asyncio.Semaphore(min(source.max_concurrency or calls.n_at_once, calls.n_at_once))
        self._at_work: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Receive and deliver, for ever; a queue that is out of order is tried again."""
        while True:
            await self._free.acquire()
            deliveries: Sequence[Delivery] = ()
            try:
                deliveries = await asyncio.to_thread(
                    self._messages.receive,
                    max_messages=self._source.batch_size,
                    visibility_seconds=self._queue.visibility_seconds,
                )
            except BackingServiceError as error:
                logger.warning("queue %s: %s", self._queue.name, error.detail)
            finally:
                if not deliveries:
                    self._free.release()
            if deliveries:
                task = asyncio.create_task(self._deliver(deliveries))
                self._at_work.add(task)
                task.add_done_callback(self._ended)
            else:
                await asyncio.sleep(POLL_SECONDS)

    async def close(self, *, grace_seconds: float) -> None:
        """Let calls at work finish for a moment; what is not done then is done after the next start."""
        if not self._at_work:
            return
        _, unfinished = await asyncio.wait(self._at_work, timeout=grace_seconds)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)

    async def _deliver(self, deliveries: Sequence[Delivery]) -> None:
        try:
            failed = await self._failed(deliveries)
            for delivery in deliveries:
                await asyncio.to_thread(self._settle, delivery, is_done=delivery.message_id not in failed)
        except asyncio.CancelledError:
            for delivery in deliveries:  # its process is gone
                self._messages.take_back(delivery)
            raise
        except BackingServiceError as error:
            logger.warning("queue %s: %s", self._queue.name, error.detail)
        finally:
            self._free.release()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._at_work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("queue %s", self._queue.name, exc_info=error)

    async def _failed(self, deliveries: Sequence[Delivery]) -> frozenset[str]:
        """Call the function; return the ids of the messages that are to come back."""
        ids = frozenset(delivery.message_id for delivery in deliveries)
        try:
            answer = await self._calls(self._source.function, sqs_event(deliveries, queue=self._queue.name))
        except BackingServiceError:
            return ids
        return failed_messages(answer, ids) if self._source.is_partial else frozenset()

    def _settle(self, delivery: Delivery, *, is_done: bool) -> None:
        if is_done:
            self._messages.delete(delivery)
            return
        is_last = self._queue.dead_letters is not None and delivery.n_receives >= self._queue.max_receives
        pause = 0 if is_last else min(PAUSE_SECONDS * delivery.n_receives, self._queue.visibility_seconds)
        logger.warning(
            "queue %s: message %s failed, receive %d; again in %d s",
            self._queue.name,
            delivery.message_id,
            delivery.n_receives,
            pause,
        )
        self._messages.change_visibility(delivery, seconds=pause)


def failed_messages(answer: Any, ids: frozenset[str]) -> frozenset[str]:
    """Return the messages that a partial batch response reports, as Lambda reads it.

    No report is success; one that cannot be understood, or names a message that was not there, is a failure
    of all (Lambda developer guide, "Implementing partial batch responses").
    """
    if answer is None:
        return frozenset()
    if not isinstance(answer, Mapping):
        return ids
    reported = answer.get("batchItemFailures") or []
    if not isinstance(reported, list):
        return ids
    named = [item.get("itemIdentifier") if isinstance(item, Mapping) else None for item in reported]
    return ids.intersection(named) if ids.issuperset(named) else ids


def sqs_event(deliveries: Sequence[Delivery], *, queue: str) -> dict[str, Any]:
    """Return the event that Lambda calls a function with for messages of SQS."""
    return {"Records": [_record(delivery, queue) for delivery in deliveries]}


def _record(delivery: Delivery, queue: str) -> dict[str, Any]:
    return {
        "messageId": delivery.message_id,
        "receiptHandle": delivery.receipt,
        "body": delivery.body,
        "attributes": {
            "ApproximateReceiveCount": str(delivery.n_receives),
            "SentTimestamp": str(int(delivery.sent_at.timestamp() * 1000)),
            "SenderId": LOCAL_ACCOUNT,
            "ApproximateFirstReceiveTimestamp": str(int(delivery.first_received_at.timestamp() * 1000)),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(delivery.body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{LOCAL_REGION}:{LOCAL_ACCOUNT}:{queue}",
        "awsRegion": LOCAL_REGION,
    }
