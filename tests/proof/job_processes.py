"""The processes that workers are: real ones that are killed with SIGKILL, or threads that reach nothing more.

What is kept in files is worked on by real processes. The emulated account is in this process's memory, so its
workers are threads; one that is killed raises through everything, and its ports are dead from then on.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Final, Protocol
from unittest.mock import patch

from tests.contract.clocks import MovableClock
from tests.proof.job_tasks import KilledError, Task, perform
from tests.proof.job_worlds import WorldPorts, aws_ports, local_ports

N_AT_ONCE: Final = 3
FIRST_NEEDED_LATE: Final = (
    "fastparquet",
    "sklearn.covariance",
    "sklearn.linear_model",
    "sklearn.tree",
    "scipy.stats",
    "whybox.domain.explanations.sklearn_trees",
)
"""What a job imports only when it needs it, and every new process would import again."""


@dataclass
class Story:
    """What workers told: words and names, in order."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def names(self, word: str) -> list[str]:
        """Return the names told with a word."""
        return [name for said, name in self.told if said == word]

    def count(self, word: str) -> Counter[str]:
        """Return how often each name was told with a word."""
        return Counter(self.names(word))


class World(Protocol):
    """Ports for whoever watches, and workers that may be killed."""

    name: str
    ports: WorldPorts
    story: Story

    def run(self, tasks: Sequence[Task]) -> list[bool]:
        """Do tasks, a few at once; whether each came to its end."""
        ...


class LocalWorld:
    """SQLite files and a folder, worked on by processes."""

    name = "SQLite and a folder; processes ended by SIGKILL"

    def __init__(self, home: Path) -> None:
        self._home = home
        self._clock = MovableClock()
        self._context = _forkserver()
        self._log = home / "told"
        self._n_read = 0
        self.ports = local_ports(home, self._clock)
        self.story = Story()

    def run(self, tasks: Sequence[Task]) -> list[bool]:
        """Do tasks, a few processes at once."""
        waiting, running = list(enumerate(tasks)), {}
        is_done = [False] * len(tasks)
        while waiting or running:
            while waiting and len(running) < N_AT_ONCE:
                number, task = waiting.pop(0)
                process = self._context.Process(
                    target=_work, args=(self._home, self._clock.ahead, task, self._log)
                )
                process.start()
                running[process.sentinel] = number, process
            for sentinel in wait(list(running)):
                number, process = running.pop(sentinel)
                process.join()
                if process.exitcode not in (0, -signal.SIGKILL):
                    self.story.told.append(("failed", f"{tasks[number].kind}: exit {process.exitcode}"))
                is_done[number] = process.exitcode == 0
                process.close()
        self._read_log()
        return is_done

    def _read_log(self) -> None:
        lines = self._log.read_text(encoding="utf-8").splitlines() if self._log.exists() else []
        for line in lines[self._n_read :]:
            word, _, name = line.partition("\t")
            self.story.told.append((word, name))
        self._n_read = len(lines)


def _forkserver() -> ForkServerContext:
    """Start the process that workers are forked from: all is imported there, once, and it has one thread."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *FIRST_NEEDED_LATE])
    paths = os.pathsep.join(filter(None, sys.path))
    with patch.dict(os.environ, {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}):
        ensure_running()  # its own idea of where to import from would be another
    return context


def _work(home: Path, ahead: timedelta, task: Task, log: Path) -> None:
    """Be a worker: do a task, and end by SIGKILL where it is to be killed."""

    def tell(word: str, name: str) -> None:
        with log.open("a", encoding="utf-8") as file:  # one write, which appends whole lines
            file.write(f"{word}\t{name.replace(chr(10), ' ')}\n")

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    try:
        perform(task, local_ports(home, MovableClock(ahead)), die=die, tell=tell)
    except Exception:  # noted for whoever reads the log, and raised on
        tell("failed", traceback.format_exc())
        raise


class AwsWorld:
    """DynamoDB, S3 and SQS of an emulated account, worked on by threads."""

    name = "DynamoDB, S3 and SQS (moto behind one lock); workers cut off from their ports"

    def __init__(self, ports: WorldPorts) -> None:
        self.ports = ports
        self.story = Story()
        self._lock = Lock()

    def run(self, tasks: Sequence[Task]) -> list[bool]:
        """Do tasks, a few threads at once."""
        with ThreadPoolExecutor(N_AT_ONCE) as pool:
            return list(pool.map(self._work, tasks))

    def _work(self, task: Task) -> bool:
        try:
            perform(task, self.ports, die=lambda: None, tell=self._tell)
        except KilledError:
            return False
        except Exception:  # noqa: BLE001 - a worker may raise anything, and it is told
            self._tell("failed", traceback.format_exc())
            return False
        return True

    def _tell(self, word: str, name: str) -> None:
        with self._lock:
            self.story.told.append((word, name))


@contextmanager
def local_world() -> Iterator[World]:
    """Yield a world in a folder that is removed afterwards."""
    with TemporaryDirectory() as home:
        yield LocalWorld(Path(home))


@contextmanager
def aws_world() -> Iterator[World]:
    """Yield a world in an emulated account."""
    with aws_ports() as ports:
        yield AwsWorld(ports)


WORLDS: Final = {"local": local_world, "aws": aws_world}
