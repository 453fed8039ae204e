"""Reading a request's body no further than it can be used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from whybox.errors import BodyTooLargeError, RequestTimeoutError
from whybox.local.events import HttpRequest

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

BODY_LIMIT_SECONDS = 30.0
"""How long a body may take to arrive, however steadily its bytes drip."""

_DRAIN_LIMIT_SECONDS = 5.0


class ClientGoneError(Exception):
    """The connection ended before the request was complete: there is nobody to answer."""


class RequestBody:
    """The body of one request, as a stream that is read at most once."""

    def __init__(
        self, request: HttpRequest, receive: Receive, *, limit_seconds: float = BODY_LIMIT_SECONDS
    ) -> None:
        declared = request.header("content-length")
        self._receive = receive
        self._limit_seconds = limit_seconds
        self._has_two_ends = declared is not None and request.header("transfer-encoding") is not None
        self._awaits_consent = (request.header("expect") or "").lower() == "100-continue"
        self.declared_bytes = int(declared) if declared and declared.isdecimal() else None
        self.is_complete = self.declared_bytes == 0 or (
            declared is None and request.header("transfer-encoding") is None
        )

    def refuse_beyond(self, limit: int) -> None:
        """Raise BodyTooLargeError where the client itself says that its body is too long."""
        if self.declared_bytes is not None and self.declared_bytes > limit:
            raise BodyTooLargeError(limit=limit, actual=self.declared_bytes)

    async def read(self, limit: int) -> bytes:
        """Return the whole body, or stop and raise BodyTooLargeError as soon as it cannot fit.

        Raises RequestTimeoutError where the body does not come to its end in time.
        """
        self.refuse_beyond(limit)
        try:
            async with asyncio.timeout(self._limit_seconds):
                return await self._read_all(limit)
        except TimeoutError as error:
            raise RequestTimeoutError(seconds=self._limit_seconds) from error

    async def _read_all(self, limit: int) -> bytes:
        chunks, n_bytes = [], 0
        while not self.is_complete:
            chunk = await self._next()
            n_bytes += len(chunk)
            if n_bytes > limit:
                raise BodyTooLargeError(limit=limit, actual=n_bytes)
            chunks.append(chunk)
        return b"".join(chunks)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, however long; raises RequestTimeoutError where it stops coming."""
        while not self.is_complete:
            try:
                async with asyncio.timeout(self._limit_seconds):
                    piece = await self._next()
            except TimeoutError as error:
                raise RequestTimeoutError(seconds=self._limit_seconds) from error
            yield piece

    async def drain(self) -> None:
        """Take in and forget what the client still sends, for a moment.

        A client that writes its whole body before it reads would otherwise see a reset connection and never
        the answer that says why.
        """
        if self._awaits_consent or self._has_two_ends:
            return
        with suppress(TimeoutError, ClientGoneError):
            async with asyncio.timeout(_DRAIN_LIMIT_SECONDS):
                while not self.is_complete:
                    await self._next()

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        self._awaits_consent = False
        self.is_complete = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        return chunk
