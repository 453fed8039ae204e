"""One small document over HTTPS, on terms that a slow, large or forged answer cannot stretch."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from whybox.errors import ConfigurationError

TIMEOUT_SECONDS: Final = 1.5
MAX_BYTES: Final = 150_000
JSON_TYPES: Final = frozenset({"application/json", "application/jwk-set+json"})


class FetchError(Exception):
    """The document was not fetched; the message is for the log and holds nothing of the answer."""


@dataclass(slots=True)
class _Outcome:
    waiting: ssl.SSLSocket | None = None
    document: bytes | None = None
    cause: str = "no answer in time"
    is_over: bool = False


def trusted_authorities(ca_file: Path | None) -> ssl.SSLContext:
    """Return what certificates are held against: this machine's authorities, or those of the file alone.

    Raises ConfigurationError where the file holds none.
    """
    try:
        trust = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ValueError) as error:
        raise ConfigurationError("WHYBOX_JWKS_CA_FILE holds no certificates in PEM.") from error
    trust.minimum_version = ssl.TLSVersion.TLSv1_2
    return trust


def fetch_json(url: str, *, trust: ssl.SSLContext, timeout_seconds: float = TIMEOUT_SECONDS) -> bytes:
    """Return the body of a JSON document; certificates are verified, redirects and proxies are not followed.

    The whole fetch, looking the name up included, has ``timeout_seconds``: it runs in a thread, whose socket
    is shut when the time is over. Raises FetchError.
    """
    address = urlsplit(url)
    if address.scheme != "https" or address.hostname is None:
        raise FetchError("not an https address")
    connection = http.client.HTTPSConnection(
        address.hostname, address.port, timeout=timeout_seconds, context=trust
    )
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    outcome = _Outcome()
    worker = threading.Thread(target=_run, args=(connection, target, outcome), name="fetch", daemon=True)
    worker.start()
    worker.join(timeout_seconds)
    outcome.is_over = True
    if worker.is_alive():
        if outcome.waiting is not None:
            with suppress(OSError):
                outcome.waiting.shutdown(socket.SHUT_RDWR)
        # Whatever the thread finds now: a body that ends because its socket was shut looks like a whole one.
        raise FetchError("no answer in time")
    if outcome.document is None:
        raise FetchError(outcome.cause)
    return outcome.document


def _run(connection: http.client.HTTPSConnection, target: str, outcome: _Outcome) -> None:
    try:
        connection.connect()
        outcome.waiting = connection.sock  # kept: the connection lets go of it before the body is read
        # Asked after the socket was put in reach: one of the two threads sees what the other has done.
        if not outcome.is_over:
            outcome.document = _get(connection, target)
    except FetchError as error:
        outcome.cause = str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the thread that waits is told
        outcome.cause = type(error).__name__
    finally:
        connection.close()


def _get(connection: http.client.HTTPSConnection, target: str) -> bytes:
    connection.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
    with connection.getresponse() as answer:
        if answer.status != http.client.OK:
            raise FetchError(f"status {answer.status}")
        if answer.headers.get_content_type() not in JSON_TYPES:
            raise FetchError("not JSON by its content type")
        document = answer.read(MAX_BYTES + 1)
    if len(document) > MAX_BYTES:
        raise FetchError(f"larger than {MAX_BYTES} bytes")
    return document
