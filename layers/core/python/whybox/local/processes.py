"""One process behind a function: started with its surroundings, called within its limits, ended for good.

The call's time and the process's memory are watched from outside, and a process that breaks either limit is
killed, not asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import psutil

import whybox
from whybox.errors import (
    AnswerTooLargeError,
    BackingServiceError,
    DependencyUnavailableError,
    FunctionError,
    FunctionFailedError,
    FunctionMemoryError,
    FunctionTimeoutError,
    KeysUnavailableError,
)
from whybox.local.intrinsics import LOCAL_ACCOUNT, LOCAL_REGION
from whybox.local.payloads import Payload
from whybox.local.templates import Function
from whybox.local.worker import HEAD_BYTES, RAISED, TOO_LARGE, frame, frame_length

MAX_ANSWER_BYTES = 6 * 1024 * 1024
"""What a synchronous Lambda call may answer."""

START_LIMIT_SECONDS = 60.0
"""Lambda gives a start 10 s; a laptop that imports the numeric stack from a cold disk needs more."""

_MEMORY_CHECK_SECONDS = 0.05
_END_LIMIT_SECONDS = 2.0


@dataclass(frozen=True)
class Surroundings:
    """What every worker gets beside its function: variables, a log, descriptors to keep open.

    The gateway's lock on its home is one of the descriptors: it stays locked until the last worker is gone.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    log: IO[bytes] | None = None
    descriptors: tuple[int, ...] = ()


class WorkerProcess:
    """One process; after a broken limit or a lost pipe it is gone and ``is_alive`` says so."""

    def __init__(self, function: Function, process: asyncio.subprocess.Process) -> None:
        self._function = function
        self._process = process
        self._to_process = cast("asyncio.StreamWriter", process.stdin)  # pipes, because start() asks for them
        self._from_process = cast("asyncio.StreamReader", process.stdout)
        self._memory_found = 0
        self._is_over = False
        self.last_used = time.monotonic()

    @property
    def is_alive(self) -> bool:
        """Whether it can be called; one that died unasked while it was idle cannot."""
        return not (self._is_over or self._memory_found or self._from_process.at_eof())

    @classmethod
    async def start(cls, function: Function, surroundings: Surroundings) -> WorkerProcess:
        """Start the process and wait until it has loaded its handler."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the folder the gateway was started in is no place to import from
            "-m",
            "whybox.local.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=surroundings.log,
            env=_environment(function, surroundings),
            pass_fds=surroundings.descriptors,
            start_new_session=True,  # Ctrl-C is for the gateway, which lets calls finish
            limit=1024 * 1024,
        )
        worker = cls(function, process)
        spec = {
            "name": function.name,
            "arn": f"arn:aws:lambda:{LOCAL_REGION}:{LOCAL_ACCOUNT}:function:{function.name}",
            "code_dir": str(function.code_dir),
            "handler": function.handler,
            "memory_megabytes": function.memory_megabytes,
            "answer_limit": MAX_ANSWER_BYTES,
        }
        await worker._exchange(json.dumps(spec).encode(), seconds=START_LIMIT_SECONDS)
        return worker

    async def call(self, event: Payload, request_id: str, seconds: float) -> Payload:
        """Send an event, return the answer."""
        call = json.dumps({"request_id": request_id, "timeout_seconds": seconds}).encode()
        reply = await self._exchange(call, event.head, event.body, seconds=seconds)
        kind, rest = reply[:1], reply[1:]
        if kind == TOO_LARGE:
            raise AnswerTooLargeError(self._function.name, limit=MAX_ANSWER_BYTES, actual=int(rest))
        if kind == RAISED:
            raise self._raised(json.loads(rest))
        return Payload.of_answer(rest)

    def _raised(self, raised: Mapping[str, Any]) -> BackingServiceError:
        if raised["code"] == KeysUnavailableError.code:
            return KeysUnavailableError()
        if raised["code"] == DependencyUnavailableError.code:
            return DependencyUnavailableError("store behind this route")
        return FunctionFailedError(
            self._function.name, cause="it raised; the log above has the traceback", raised=raised["type"]
        )

    async def end(self) -> None:
        """Let the process end by itself, which an idle one does at once; kill it where it does not."""
        self._is_over = True
        self._to_process.close()
        await self._await_end()

    async def _exchange(self, *frames: bytes, seconds: float) -> bytes:
        """Send frames and read one back, within a time and within the function's memory."""
        self.last_used = time.monotonic()
        watch = asyncio.create_task(self._watch_memory())
        try:
            async with asyncio.timeout(seconds):
                self._to_process.writelines([frame(body) for body in frames])
                await self._to_process.drain()
                head = await self._from_process.readexactly(HEAD_BYTES)
                return await self._from_process.readexactly(frame_length(head))
        except TimeoutError as error:
            await self._kill()
            raise FunctionTimeoutError(self._function.name, timeout_seconds=seconds) from error
        except (EOFError, ConnectionError) as error:
            await self._await_end()
            raise self._death() from error
        except asyncio.CancelledError:
            await self._kill()
            raise
        finally:
            watch.cancel()

    async def _watch_memory(self) -> None:
        limit = self._memory_limit
        with suppress(psutil.NoSuchProcess):
            await asyncio.sleep(_MEMORY_CHECK_SECONDS)
            process = psutil.Process(self._process.pid)  # reads files: not for a call already over
            while True:
                found = process.memory_info().rss
                if found > limit:
                    self._memory_found = found
                    self._process.kill()
                    return
                await asyncio.sleep(_MEMORY_CHECK_SECONDS)

    @property
    def _memory_limit(self) -> int:
        return self._function.memory_megabytes * 1024 * 1024

    def _death(self) -> FunctionError:
        if self._memory_found:
            return FunctionMemoryError(
                self._function.name, limit=self._memory_limit, actual=self._memory_found
            )
        return FunctionFailedError(
            self._function.name, cause=f"its process ended with status {self._process.returncode}"
        )

    async def _await_end(self) -> None:
        """Give a process that is about to end the time to do so, for its true status; then kill it."""
        self._is_over = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_LIMIT_SECONDS):
                await self._process.wait()
        await self._kill()

    async def _kill(self) -> None:
        """Kill the process and whatever it started, and wait until it is gone."""
        self._is_over = True
        with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a process just gone
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()


def _environment(function: Function, surroundings: Surroundings) -> dict[str, str]:
    """Build a worker's variables: the person's without AWS credentials, the template's, the gateway's."""
    package_root = str(Path(whybox.__file__).resolve().parents[1])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    search_path = [package_root, *filter(None, [inherited.get("PYTHONPATH")])]
    return {
        "POWERTOOLS_SERVICE_NAME": function.name,
        **inherited,
        **function.environment,
        **surroundings.environment,
        "PYTHONPATH": os.pathsep.join(search_path),
        "PYTHONUNBUFFERED": "1",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "AWS_REGION": LOCAL_REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_megabytes),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
    }
