"""An application as a Lambda function: events in, answers out, and never an exception."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import weakref
from typing import Any, Final

from fastapi import FastAPI
from mangum import Mangum

from whybox.errors import WhyboxError
from whybox.http.app import trace_of
from whybox.http.gateway_events import checked_event, request_id
from whybox.http.problems import problem_answer

logger = logging.getLogger(__name__)

TEXT_TYPES: Final = ["text/", "application/json", "application/problem+json"]


class HttpFunction:
    """Calls an application with the events of an HTTP API."""

    def __init__(self, app: FastAPI) -> None:
        # A loop of its own: the adapter would otherwise ask for the thread's, which since 3.12 may not exist.
        self._loop = asyncio.new_event_loop()
        weakref.finalize(self, self._loop.close)
        asyncio.set_event_loop(self._loop)
        try:
            self._adapter = Mangum(app, lifespan="off", text_mime_types=TEXT_TYPES)
        finally:
            asyncio.set_event_loop(None)

    def __call__(self, event: object, context: Any) -> dict[str, Any]:
        """Answer one event; one that is not an HTTP request gets a problem of its own."""
        asyncio.set_event_loop(self._loop)
        gc.disable()  # what a request leaves behind is looked through after it, not while it is answered
        try:
            return self._adapter(checked_event(event), context)
        except Exception as error:  # noqa: BLE001 - the adapter may raise anything on an event it does not know
            if not isinstance(error, WhyboxError):
                facts = {"trace": trace_of(error)}  # no traceback: its messages may hold a caller's cell
                logger.log(logging.ERROR, "the event could not be answered", extra=facts)
            return _answer(error, request_id(event, context))
        finally:
            gc.enable()
            asyncio.set_event_loop(None)


def _answer(error: Exception, given_id: str) -> dict[str, Any]:
    status, headers, body = problem_answer(error, request_id=given_id)
    return {
        "statusCode": status,
        "headers": headers,
        "body": base64.b64encode(body).decode() if not body.isascii() else body.decode(),
        "isBase64Encoded": not body.isascii(),
    }
