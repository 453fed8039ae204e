"""The folder a gateway keeps its state in: one gateway at a time, and a log."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil

from whybox.errors import GatewayRunningError

LOCK_NAME = "gateway.lock"
LOG_NAME = "gateway.log"

_MAX_LOG_BYTES = 10_000_000
_WAIT_SECONDS = 10.0
_POLL_SECONDS = 0.05


@contextmanager
def locked_home(home: Path) -> Iterator[int]:
    """Hold the only lock on ``home`` and yield its descriptor; raises GatewayRunningError.

    The lock lives as long as any process has the descriptor open. Workers are given it, so a lock that can be
    taken proves that neither a gateway nor one of its workers is left, however they ended.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(home / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, home)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, home: Path) -> None:
    """Take the lock; wait only for workers whose gateway is already gone, they end by themselves."""
    patience_ends = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace")
            is_running = holder.isdecimal() and psutil.pid_exists(int(holder))
            if is_running or time.monotonic() > patience_ends:
                raise GatewayRunningError(
                    str(home), holder=f"process {holder}" if is_running else ""
                ) from error
            time.sleep(_POLL_SECONDS)
        else:
            return


@contextmanager
def opened_log(home: Path) -> Iterator[IO[bytes]]:
    """Open the log for appending; one that grew large is put aside first, in place of the one before."""
    path = home / LOG_NAME
    if path.exists() and path.stat().st_size > _MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    with path.open("ab", buffering=0) as log:
        yield log
