"""The answer to what is no HTTP request at all: a problem document like every other refusal."""

from __future__ import annotations

import uuid

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from whybox.errors import RequestMalformedError
from whybox.http.problems import problem_answer


class ProblemProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol, which would answer a line of plain text."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words for it
        """Refuse and close; where an answer has already begun, only close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            status, headers, body = problem_answer(RequestMalformedError(), request_id=str(uuid.uuid4()))
            headers |= {"content-length": str(len(body)), "connection": "close"}
            events = (
                h11.Response(status_code=status, headers=list(headers.items())),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()
