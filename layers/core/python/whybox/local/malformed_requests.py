"""What is no request, or one that readers take apart differently: refused with a problem, in bounded time.

connection ─▶ headers within their time ─▶ h11's grammar ─▶ check_framing ─▶ gateway
                        408                     400              400
"""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from whybox.errors import RequestMalformedError, RequestTimeoutError, WhyboxError
from whybox.http.problems import problem_answer
from whybox.local.events import HttpRequest

HEADER_LIMIT_SECONDS: Final = 10.0
"""How long a request line and its headers may take to arrive, from the connection or their first byte."""

KNOWN_VERSIONS: Final = frozenset({"1.0", "1.1"})
_ABSOLUTE_FORM: Final = re.compile(r"https?://[^/]*(/.*)?", re.IGNORECASE)


def origin_form(target: str) -> str:
    """Return the path of a target that names scheme and host too, as a proxy is asked (RFC 9112, 3.2.2)."""
    absolute = _ABSOLUTE_FORM.fullmatch(target)
    return target if absolute is None else absolute[1] or "/"


def check_framing(request: HttpRequest) -> None:
    """Raise RequestMalformedError where two readers could see another target or end of a request."""
    has_length = request.header("content-length") is not None
    is_chunked = request.header("transfer-encoding") is not None
    is_smuggled = is_chunked and (has_length or request.http_version != "1.1")
    has_target = request.raw_path.startswith("/") or request.raw_path == "*"
    if is_smuggled or not has_target or request.http_version not in KNOWN_VERSIONS:
        raise RequestMalformedError


class ProblemProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, which would wait for headers for ever and answer a line of plain text."""

    header_limit_seconds = HEADER_LIMIT_SECONDS
    _header_timer: asyncio.TimerHandle | None = None
    _has_begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base has it
        """Expect the first request."""
        super().connection_made(transport)
        self._expect_headers()

    def data_received(self, data: bytes) -> None:
        """Take in a piece of a request; the time for its headers runs from its first byte."""
        self._has_begun = True
        super().data_received(data)
        self._watch_headers()

    def on_response_complete(self) -> None:
        """Go on to the next request, which may have begun already."""
        super().on_response_complete()
        self._watch_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words for it
        """Refuse and close."""
        self._refuse(RequestMalformedError())

    def _watch_headers(self) -> None:
        """Run the timer while headers are on their way; between requests uvicorn's own timer runs."""
        is_waiting = self.conn.their_state is h11.IDLE and self.timeout_keep_alive_task is None
        if not is_waiting or self.transport.is_closing():
            self._stop_timer()
        elif self._header_timer is None:
            self._expect_headers()

    def _expect_headers(self) -> None:
        self._header_timer = self.loop.call_later(self.header_limit_seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _give_up(self) -> None:
        self._header_timer = None
        if self._has_begun:
            self._refuse(RequestTimeoutError(seconds=self.header_limit_seconds))
        else:
            self.transport.close()

    def _refuse(self, error: WhyboxError) -> None:
        """Answer and close; where an answer has already begun, only close."""
        self._stop_timer()
        if self.cycle is not None:
            self.cycle.disconnected = True  # whoever works on the request need not answer any more
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            status, headers, body = problem_answer(error, request_id=str(uuid.uuid4()))
            headers |= {"content-length": str(len(body)), "connection": "close"}
            events = (
                h11.Response(status_code=status, headers=list(headers.items())),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()
