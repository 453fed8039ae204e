"""The issuer's keys, fetched over HTTPS, kept for a while, and asked for again no more often than is polite.

    find(kid) ──fresh, known──────────────────────────────────▶ key              no lock, no fetch
        │     ──fresh, unknown, asked less than 30 s ago──────▶ None
        ╰─ one thread fetches, the others wait ─▶ key or None
              │ the fetch fails
              ├─ what was fetched is at most an hour old ─▶ served all the same
              ╰─ KeysUnavailableError

A set that holds no usable key is an answer, not a failure: the keys before it are gone, and nobody's token
can be checked.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from whybox.adapters.https.documents import FetchError
from whybox.adapters.https.key_sets import read_key_set
from whybox.errors import KeysUnavailableError
from whybox.ports import VerificationKey

logger = logging.getLogger(__name__)

FRESH_SECONDS: Final = 600.0
"""A key the issuer takes out of its set is refused at most this long afterwards, while the issuer answers."""

STALE_SECONDS: Final = 3600.0
"""The age up to which keys serve while the issuer does not answer."""

COOLDOWN_SECONDS: Final = 30.0
"""Between two fetches, whoever asks for whatever key."""

EMPTY_PAUSE_SECONDS: Final = float(KeysUnavailableError.retry_after_seconds)
"""Between two fetches while there is no key to serve: callers come back after this time."""


@dataclass(frozen=True, slots=True)
class _KeySet:
    """Keys, and the time of the monotonic clock when their fetch began."""

    keys: Mapping[str, VerificationKey]
    fetched_at: float


_NOTHING: Final = _KeySet({}, -math.inf)


@dataclass(slots=True)
class JwksKeys:
    """TokenKeys of an issuer, for many threads; ``fetch`` returns the document or raises FetchError."""

    fetch: Callable[[], bytes]
    monotonic: Callable[[], float] = time.monotonic
    _held: _KeySet = _NOTHING
    _next_fetch_at: float = -math.inf
    _fetching: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kid: str | None) -> VerificationKey | None:
        """Return the key of this name; see the port. A token that names none is nobody's."""
        if kid is None:
            return None
        if not self._answers(kid):
            with self._fetching:
                # Asked again: while this thread waited, another one may have fetched.
                if not self._answers(kid) and self.monotonic() >= self._next_fetch_at:
                    self._refresh()
        held = self._held
        if not held.keys or self._age(held) > STALE_SECONDS:
            raise KeysUnavailableError
        return held.keys.get(kid)

    def _answers(self, kid: str) -> bool:
        held = self._held
        return kid in held.keys and self._age(held) <= FRESH_SECONDS

    def _age(self, held: _KeySet) -> float:
        return self.monotonic() - held.fetched_at

    def _refresh(self) -> None:
        started, pause = self.monotonic(), COOLDOWN_SECONDS
        try:
            self._held = _KeySet(read_key_set(self.fetch()), started)
        except (FetchError, ValueError) as error:
            logger.warning("the issuer's keys could not be fetched", extra={"cause": str(error)})
            if self._age(self._held) > STALE_SECONDS:
                pause = EMPTY_PAUSE_SECONDS
        else:
            n_keys = len(self._held.keys)
            level = logging.INFO if n_keys else logging.ERROR
            logger.log(level, "the issuer's keys were fetched", extra={"n_usable_keys": n_keys})
        self._next_fetch_at = self.monotonic() + pause
