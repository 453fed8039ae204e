"""Calls to a running service, over HTTP as anybody else's: what upload, jobs and result are made of."""

from __future__ import annotations

import argparse
import http.client
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from whybox.cli.options import read_settings
from whybox.cli.token import make_token
from whybox.errors import ServiceCallFailedError
from whybox.settings import Settings
from whybox.wiring import connect

TIMEOUT_SECONDS: Final = 90.0
"""Longer than any answer takes, the gateway's wait for a free process included."""

BLOCK_BYTES: Final = 256 * 1024
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SUBJECT: Final = "me"

OnBytes = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The JSON in it."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Service:
    """A service at an address, and the token it is asked with."""

    url: str
    token: str = field(repr=False)

    def ask(self, method: str, path: str, *, document: Any = None) -> Reply:
        """Send a request and return its answer; raises ServiceCallFailedError for a refusal."""
        headers = {"authorization": f"Bearer {self.token}"}
        body = None if document is None else json.dumps(document).encode()
        if body is not None:
            headers["content-type"] = "application/json"
        with self._answer(method, self.url + path, headers, body) as answer:
            return Reply(answer.status, dict(answer.headers), answer.read())

    def send_file(self, path: Path, request: Mapping[str, Any], *, on_bytes: OnBytes) -> None:
        """Store a file by the signed request of POST /v1/uploads, which needs no token."""
        with path.open("rb") as file:
            body = _Watched(file, on_bytes)
            with self._answer(request["method"], request["url"], request["headers"], body):
                pass

    def fetch(self, path: str, target: IO[bytes], *, accept: str, on_bytes: OnBytes) -> None:
        """Write an answer into a file, also where it is behind a signed link; that is not sent the token."""
        headers = {"authorization": f"Bearer {self.token}", "accept": accept}
        address = self.url + path
        with self._answer("GET", address, headers) as answer:
            link = answer.headers.get("location") if answer.status == http.client.SEE_OTHER else None
            if link is None:
                _copy(answer, target, on_bytes)
        if link is not None:
            with self._answer("GET", urljoin(address, link), {}) as answer:
                _copy(answer, target, on_bytes)

    @contextmanager
    def _answer(
        self, method: str, url: str, headers: Mapping[str, str], body: Any = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Yield the answer to a request; raises ServiceCallFailedError for none, or for a refusal."""
        host = urlsplit(url).hostname
        request = Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310 - http or https
        try:
            with _opener(host).open(request, timeout=TIMEOUT_SECONDS) as answer:
                if answer.status >= http.client.BAD_REQUEST:
                    raise ServiceCallFailedError(_refusal(answer))
                yield answer
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise ServiceCallFailedError(f"The service at {self.url} does not answer: {reason}.") from error


def add_service(parser: argparse.ArgumentParser) -> None:
    """Add ``--url`` and ``--token``, which say whom to ask."""
    parser.add_argument(
        "--url",
        metavar="URL",
        help="the service (default: WHYBOX_URL, else the one that whybox serve runs on this machine)",
    )
    parser.add_argument(
        "--token",
        metavar="TOKEN",
        help="an access token or API key (default: WHYBOX_TOKEN, else one for this machine, made "
        "with the secret in WHYBOX_HOME)",
    )


def reach_service(options: argparse.Namespace) -> Service:
    """Return the service that the options, else the environment, else this machine's home name.

    A token is only ever made for a service on this machine. Raises ConfigurationError where there is none,
    ServiceCallFailedError where the address is none.
    """
    settings = read_settings()
    url = (options.url or settings.url).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ServiceCallFailedError("An address is needed, like https://api.example.org.")
    token = options.token or os.environ.get("WHYBOX_TOKEN")
    if not token and parts.hostname not in LOOPBACK:
        raise ServiceCallFailedError(
            f"The service at {url} is not on this machine: give --token or WHYBOX_TOKEN."
        )
    return Service(url, token or _own_token(settings))


def _own_token(settings: Settings) -> str:
    return make_token(SUBJECT, hours=1, settings=settings, ports=connect(settings))


class _Watched:
    """A file that says how much of it was read."""

    def __init__(self, file: IO[bytes], on_bytes: OnBytes) -> None:
        self._file = file
        self._on_bytes = on_bytes

    def read(self, n_bytes: int = -1) -> bytes:
        block = self._file.read(n_bytes)
        self._on_bytes(len(block))
        return block


def _opener(host: str | None) -> OpenerDirector:
    """Return what opens addresses and hands every answer on: a redirect is not followed with the token.

    Proxies of the environment are for the internet, not for a service on this machine.
    """
    opener = OpenerDirector()
    for handler in (ProxyHandler({} if host in LOOPBACK else None), HTTPHandler(), HTTPSHandler()):
        opener.add_handler(handler)
    return opener


def _copy(answer: http.client.HTTPResponse, target: IO[bytes], on_bytes: OnBytes) -> None:
    while block := answer.read(BLOCK_BYTES):
        target.write(block)
        on_bytes(len(block))


def _refusal(answer: http.client.HTTPResponse) -> str:
    """Return what a refusal says: a problem's title and detail, or of another answer its status."""
    body = answer.read(BLOCK_BYTES)
    try:
        problem = json.loads(body)
        return f"{answer.status}, {problem['title']}: {problem['detail']}"
    except (ValueError, TypeError, KeyError):
        return f"The answer was {answer.status} {answer.reason}."
