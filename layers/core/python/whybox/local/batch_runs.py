"""The batches that were asked for, each run through the template's state machine until it ends."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from whybox.adapters.local.sqlite_batches import SqliteBatches
from whybox.errors import (
    BackingServiceError,
    FunctionFailedError,
    FunctionMemoryError,
    FunctionTimeoutError,
)
from whybox.local.calls import Calls
from whybox.local.event_sources import Machine
from whybox.local.state_machines import StateFailedError, StateMachine

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0


class BatchRuns:
    """Runs every open batch, side by side; one that was cut off is run from its beginning again."""

    def __init__(self, machine: Machine, *, batches: SqliteBatches, calls: Calls) -> None:
        self._batches = batches
        self._calls = calls
        self._machine = StateMachine(machine.definition, invoke=self._invoke, max_concurrency=calls.n_at_once)
        self._at_work: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Look for open batches and run them, for ever."""
        while True:
            try:
                for name, payload in await asyncio.to_thread(self._batches.open_batches):
                    if name not in self._at_work:
                        task = self._at_work[name] = asyncio.create_task(self._run_one(name, payload))
                        task.add_done_callback(_log_error)
            except BackingServiceError as error:
                logger.warning("batches: %s", error.detail)
            await asyncio.sleep(POLL_SECONDS)

    async def close(self) -> None:
        """End the runs; they stay open for the next start."""
        for task in self._at_work.values():
            task.cancel()
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    async def _run_one(self, name: str, payload: str) -> None:
        try:
            await self._machine.run(json.loads(payload))
        except StateFailedError as error:
            logger.warning("batch %s failed: %s", name, error)
        try:
            await asyncio.to_thread(self._batches.end, name)
        except BackingServiceError as error:  # it is run again, and finds its work done
            logger.warning("batches: %s", error.detail)
        del self._at_work[name]

    async def _invoke(self, function: str, event: Any, timeout_seconds: float) -> Any:
        try:
            return await self._calls(function, event, timeout_seconds=timeout_seconds)
        except BackingServiceError as error:
            raise StateFailedError(_name(error), error.detail) from error


def _log_error(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("batches", exc_info=error)


def _name(error: BackingServiceError) -> str:
    """Return what Step Functions calls the failure of a function."""
    if isinstance(error, FunctionTimeoutError):
        return "Sandbox.Timedout"
    if isinstance(error, FunctionMemoryError):
        return "Runtime.OutOfMemory"
    if isinstance(error, FunctionFailedError):
        return error.raised or "Runtime.ExitError"
    return type(error).__name__
