"""Calling functions without a request: for queues, timers and the state machine."""

from __future__ import annotations

import logging
import math
import uuid
from typing import Any

from whybox.errors import FunctionError, FunctionFailedError
from whybox.local.payloads import Payload
from whybox.local.workers import Workers

logger = logging.getLogger(__name__)


class Calls:
    """Functions as something other than a request calls them: with any event, and with all patience."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    @property
    def n_at_once(self) -> int:
        """How many calls of one function run at once at most."""
        return self._workers.n_processes

    async def __call__(self, function: str, event: Any, *, timeout_seconds: float = math.inf) -> Any:
        """Return what the function answers; raises a BackingServiceError where it gives no answer."""
        request_id = str(uuid.uuid4())
        try:
            answer = await self._workers.call(
                function,
                Payload.of(event),
                request_id=request_id,
                timeout_seconds=timeout_seconds,
                is_patient=True,
            )
        except FunctionError as error:
            cause = error.cause if isinstance(error, FunctionFailedError) else error.detail
            logger.error("function %s, call %s: %s", function, request_id, cause)  # noqa: TRY400 - told above
            raise
        return answer.value()
