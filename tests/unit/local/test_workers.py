import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from whybox.errors import FunctionBusyError
from whybox.local.payloads import Payload
from whybox.local.processes import Surroundings
from whybox.local.templates import Function
from whybox.local.workers import Patience, Workers

HANDLER = """
import os, time

def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return os.getpid()
"""


@pytest.fixture
def with_workers(tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function on the workers of one function, and close them."""
    (tmp_path / "handler.py").write_text(HANDLER)
    function = Function(
        "F", tmp_path, "handler.handler", timeout_seconds=5, memory_megabytes=256, environment={}
    )

    def run(
        act: Callable[[Workers], Coroutine[Any, Any, None]], *, n_processes: int, patience: Patience
    ) -> None:
        async def main() -> None:
            workers = Workers(
                [function], surroundings=Surroundings(), n_processes=n_processes, patience=patience
            )
            try:
                await act(workers)
            finally:
                await workers.close()

        asyncio.run(main())

    return run


async def call(workers: Workers, *, seconds: float = 0) -> int:
    """Return the id of the process that answered."""
    answered: int = (await workers.call("F", Payload.of({"seconds": seconds}), request_id="r")).value()
    return answered


def test_a_request_that_finds_no_free_process_in_time_is_turned_away(
    with_workers: Callable[..., None],
) -> None:
    async def act(workers: Workers) -> None:
        await call(workers)
        first = asyncio.create_task(call(workers, seconds=1))
        await asyncio.sleep(0.1)
        with pytest.raises(FunctionBusyError):
            await call(workers)
        await first
        await call(workers)

    with_workers(act, n_processes=1, patience=Patience(wait_seconds=0.2))


def test_there_are_never_more_processes_than_allowed(with_workers: Callable[..., None]) -> None:
    async def act(workers: Workers) -> None:
        pids = await asyncio.gather(*(call(workers, seconds=0.05) for _ in range(12)))
        assert len(set(pids)) == 2

    with_workers(act, n_processes=2, patience=Patience())


def test_a_process_that_nobody_needs_is_ended_and_a_new_one_takes_its_place(
    with_workers: Callable[..., None],
) -> None:
    async def act(workers: Workers) -> None:
        pid = await call(workers)
        for _ in range(100):
            await asyncio.sleep(0.05)
            if not psutil.pid_exists(pid):
                break
        assert not psutil.pid_exists(pid)
        assert await call(workers) != pid

    with_workers(act, n_processes=1, patience=Patience(idle_seconds=0.3))


def test_a_process_that_was_killed_while_idle_costs_no_answer(with_workers: Callable[..., None]) -> None:
    async def act(workers: Workers) -> None:
        pid = await call(workers)
        os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        assert await call(workers) != pid

    with_workers(act, n_processes=1, patience=Patience())


def test_closing_ends_every_process(with_workers: Callable[..., None]) -> None:
    pids: list[int] = []

    async def act(workers: Workers) -> None:
        pids.extend(await asyncio.gather(*(call(workers, seconds=0.2) for _ in range(2))))

    with_workers(act, n_processes=2, patience=Patience())

    assert len(set(pids)) == 2
    assert not any(psutil.pid_exists(pid) for pid in pids)
