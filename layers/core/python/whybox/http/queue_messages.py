"""Messages of a queue: each is handled by itself, and why one has to come back is said in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from whybox.errors import WhyboxError
from whybox.http.app import trace_of

logger = logging.getLogger(__name__)


class QueueMessage(Protocol):
    """What is needed of a record of SQS."""

    @property
    def message_id(self) -> str:
        """The message's name, the same in every delivery."""

    @property
    def body(self) -> str:
        """What was sent."""


def logging_failures(handle: Callable[[str], object]) -> Callable[[QueueMessage], None]:
    """Return a handler of messages that logs what ``handle`` raises, without a word of any caller's.

    It is called as Powertools calls one: with ``record`` by name.
    """

    def handle_record(record: QueueMessage) -> None:
        facts = {"message_id": record.message_id}
        try:
            handle(record.body)
        except WhyboxError as error:
            logger.warning("the message stays: %s", error.code, extra=facts)
            raise
        except Exception as error:
            facts["trace"] = "; ".join(trace_of(error))  # no traceback: its messages may hold a caller's cell
            logger.log(logging.ERROR, "the message stays", extra=facts)
            raise

    return handle_record
