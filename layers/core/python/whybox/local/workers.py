"""The processes behind the functions: started when first needed, kept warm, ended when they are not needed.

    Workers ──per function──▶ _Pool ──at most n_processes──▶ WorkerProcess ══pipes══▶ whybox.local.worker

A call has a process to itself, as on Lambda.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from whybox.errors import FunctionBusyError
from whybox.local.payloads import Payload
from whybox.local.processes import Surroundings, WorkerProcess
from whybox.local.templates import Function


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may wait.

    ``wait_seconds``: a request for a free process, by default as long as an HTTP API waits for a function.
    ``idle_seconds``: a process for its next call, before it is ended and gives its memory back.
    """

    wait_seconds: float = 30.0
    idle_seconds: float = 300.0


class Workers:
    """Calls functions by name, each at most ``n_processes`` at a time."""

    def __init__(
        self,
        functions: Iterable[Function],
        *,
        surroundings: Surroundings,
        n_processes: int | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.n_processes = n_slots = n_processes or os.cpu_count() or 1
        self._patience = patience or Patience()
        self._pools = {
            function.name: _Pool(
                function, surroundings, n_slots=n_slots, wait_seconds=self._patience.wait_seconds
            )
            for function in functions
        }
        self._keeper: asyncio.Task[None] | None = None

    async def call(
        self,
        function: str,
        event: Payload,
        *,
        request_id: str,
        timeout_seconds: float = math.inf,
        is_patient: bool = False,
    ) -> Payload:
        """Return the function's answer; raises a FunctionError for every way to have none.

        ``timeout_seconds`` may shorten the function's own limit, never lengthen it. ``is_patient`` is what
        nobody waits for: it takes the next free process, whenever that is.
        """
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._end_idle_workers())
        return await self._pools[function].call(event, request_id, timeout_seconds, is_patient=is_patient)

    async def close(self) -> None:
        """End every process and wait until it is gone."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    async def _end_idle_workers(self) -> None:
        while True:
            await asyncio.sleep(self._patience.idle_seconds / 10)
            for pool in self._pools.values():
                await pool.end_idle(before=time.monotonic() - self._patience.idle_seconds)


class _Pool:
    """The processes of one function; the one used last is used next, so that spare ones fall idle."""

    def __init__(
        self, function: Function, surroundings: Surroundings, *, n_slots: int, wait_seconds: float
    ) -> None:
        self._wait_seconds = wait_seconds
        self._function = function
        self._surroundings = surroundings
        self._slots = asyncio.Semaphore(n_slots)
        self._idle: list[WorkerProcess] = []

    async def call(
        self, event: Payload, request_id: str, timeout_seconds: float, *, is_patient: bool
    ) -> Payload:
        seconds = min(timeout_seconds, self._function.timeout_seconds)
        try:
            async with asyncio.timeout(None if is_patient else self._wait_seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise FunctionBusyError(self._function.name) from error
        try:
            worker = await self._take()
            try:
                return await worker.call(event, request_id, seconds)
            finally:
                if worker.is_alive:
                    self._idle.append(worker)
        finally:
            self._slots.release()

    async def _take(self) -> WorkerProcess:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
        return await WorkerProcess.start(self._function, self._surroundings)

    async def end_idle(self, *, before: float) -> None:
        """End the processes that were last used before a time of the monotonic clock."""
        over = [worker for worker in self._idle if worker.last_used < before]
        self._idle = [worker for worker in self._idle if worker not in over]
        await asyncio.gather(*(worker.end() for worker in over))

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        await asyncio.gather(*(worker.end() for worker in idle))
