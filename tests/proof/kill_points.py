"""Where a worker is killed: between any two things it does that leave a trace, at a point drawn beforehand.

Every port a worker is given is fused: each call has a point before and one after it. Once a fuse has burned,
nothing of that worker reaches a port any more, as if its process were gone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from tests.proof.job_worlds import WorldPorts

COMPUTING: Final = "computing"
RECEIVED: Final = "received, before anything"

POINTS: Final[Mapping[str, int]] = {
    RECEIVED: 1,
    "before jobs.claim": 1,
    "after jobs.claim": 1,
    "before usage.reserve": 1,
    "after usage.reserve": 1,
    "before objects.get": 1,
    "after objects.get": 1,
    COMPUTING: 2,
    "before objects.put": 4,
    "after objects.put": 4,
    "before jobs.create": 1,
    "after jobs.create": 1,
    "before explain_queue.send": 1,
    "after explain_queue.send": 1,
    "before jobs.finish": 1,
    "after jobs.finish": 1,
    "before usage.commit": 1,
    "after usage.commit": 1,
    "before usage.refund": 1,
    "after usage.refund": 1,
    "before jobs.release": 1,
    "before explain_queue.delete": 1,
    "before batch_queue.delete": 1,
}
"""Each with how often it may be passed before it kills: a result has several files."""


class KilledError(BaseException):
    """The worker is gone; no handler of errors may make anything of it."""


Die = Callable[[str], None]


class Fuse:
    """Kills once, at its point; what comes after is nobody's doing any more.

    Where it is not fatal, ``die`` is what happens while the worker is paused.
    """

    def __init__(self, die: Die, *, is_fatal: bool = True) -> None:
        self._die = die
        self._is_fatal = is_fatal
        self._point: str | None = None
        self._n_left = 0
        self._is_dead = False

    def arm(self, drawn: tuple[str, int] | None) -> None:
        """Let it burn when the point is passed for so many times; never without one."""
        self._point, self._n_left = drawn or (None, 0)

    def burn(self, point: str) -> None:
        """Pass a point; raises KilledError where the worker is gone."""
        if self._is_dead:
            raise KilledError
        if point != self._point:
            return
        self._n_left -= 1
        if self._n_left == 0:
            self._is_dead = self._is_fatal
            self._die(point)
            if self._is_fatal:
                raise KilledError


@dataclass(frozen=True, slots=True)
class Kills:
    """Which deliveries are killed, and where: drawn from a seed, a job, and how often it was delivered.

    A message is killed three times at most, so that its fifth and last receive finds a chance; a job of
    ``crashing`` is killed every time it is computed.
    """

    seed: int
    share: float
    crashing: frozenset[str] = frozenset()

    def draw(self, name: str, n_receives: int) -> tuple[str, int] | None:
        """Return a point and how often it is passed, or None."""
        if name in self.crashing:
            return COMPUTING, 1
        generator = random.Random(f"{self.seed} {name} {n_receives}")  # noqa: S311 - where to kill
        if n_receives > 3 or generator.random() >= self.share:
            return None
        point = generator.choice(list(POINTS))
        return point, generator.randint(1, POINTS[point])


class _Fused:
    """A port whose every call passes two points."""

    def __init__(self, name: str, port: Any, fuse: Fuse) -> None:
        self._name = name
        self._port = port
        self._fuse = fuse

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._port, method)

        def fused(*arguments: Any, **options: Any) -> Any:
            self._fuse.burn(f"before {self._name}.{method}")
            answer = call(*arguments, **options)
            self._fuse.burn(f"after {self._name}.{method}")
            return answer

        return fused


def fused(ports: WorldPorts, fuse: Fuse) -> WorldPorts:
    """Return the ports, every call of which passes two points, but for those that are only read."""
    unfused = ("clock", "accounts", "count_messages")
    names = [field.name for field in fields(ports) if field.name not in unfused]
    return replace(ports, **{name: _Fused(name, getattr(ports, name), fuse) for name in names})
