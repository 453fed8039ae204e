"""The local gateway as a process: a socket on 127.0.0.1, one home, workers, and a clean end.

lock the home ─▶ read template.yaml ─▶ set right what a killed gateway left ─▶ listen
    ─▶ serve, and work through queues, until SIGINT or SIGTERM
    ─▶ let calls finish ─▶ leave what is queued to the next start ─▶ end the workers ─▶ unlock
"""

from __future__ import annotations

import asyncio
import logging
import queue
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

import whybox
from whybox.errors import ConfigurationError
from whybox.local.backstage import Backstage
from whybox.local.buckets import Bucket
from whybox.local.gateway import Gateway
from whybox.local.homes import locked_home, opened_log
from whybox.local.malformed_requests import ProblemProtocol
from whybox.local.processes import Surroundings
from whybox.local.refunds import LostCalls
from whybox.local.restarts import set_right
from whybox.local.templates import Stack, read_stack
from whybox.local.workers import Workers
from whybox.settings import AWS_VARIABLES, JOB_VARIABLES, JWKS_VARIABLES, JwksSettings, Settings
from whybox.wiring import LocalPorts, connect_local

HOST = "127.0.0.1"
"""Never another: the gateway speaks plain HTTP and belongs to the person at this machine."""

# How long after a lost call its reservation may still be open: the longest request, and a margin.
_WATCH_SECONDS = 150.0
# Longer than a request may take: 30 s for a free process, then 30 s for the function.
_DRAIN_SECONDS = 65
# Far more than headers may have, so that it is the gateway that refuses them, with a problem document.
_MAX_PARSED_HEADER_BYTES = 256 * 1024

logger = logging.getLogger("whybox.local")


@dataclass(frozen=True, slots=True)
class _Premises:
    """What a gateway holds while it runs."""

    stack: Stack
    ports: LocalPorts
    surroundings: Surroundings
    listener: socket.socket
    url: str


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens; signals are left to whoever runs it."""

    def __init__(self, config: uvicorn.Config, *, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_ready()

    def stop(self) -> None:
        """Let calls finish; asked a second time, end them."""
        if self.should_exit:
            for request in list(self.server_state.tasks):
                request.cancel()
        self.should_exit = True


def project_template() -> Path:
    """Return the template of the checkout this package belongs to."""
    return Path(whybox.__file__).resolve().parents[4] / "template.yaml"


def serve(settings: Settings, *, template: Path, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; ``on_ready`` is told the URL.

    The first signal lets calls finish, a second one ends them. Raises ConfigurationError
    where the home, the template or the port cannot be used.
    """
    with _entered(settings, template=template, port=port) as premises:
        running = _build(premises, on_ready=lambda: on_ready(premises.url))

        async def until_signal() -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, running.server.stop)
            await running.run()

        asyncio.run(until_signal())


@contextmanager
def running_gateway(settings: Settings, *, template: Path, port: int = 0) -> Iterator[str]:
    """Serve from a thread while the block runs, on a free port unless told; yields the URL."""
    with _entered(settings, template=template, port=port) as premises:
        news: queue.SimpleQueue[str | BaseException] = queue.SimpleQueue()
        running = _build(premises, on_ready=lambda: news.put(premises.url))

        def run() -> None:
            try:
                asyncio.run(running.run())
                news.put(ConfigurationError("The gateway ended before it was ready."))
            except BaseException as error:  # noqa: BLE001 - handed to the thread that waits for it
                news.put(error)

        thread = threading.Thread(target=run, name="whybox-gateway")
        thread.start()
        try:
            first = news.get()
            if isinstance(first, BaseException):
                raise first
            yield first
        finally:
            running.server.should_exit = True
            thread.join()


@dataclass(frozen=True, slots=True)
class _Running:
    """A gateway, what runs beside it, and the processes that both call."""

    server: _Server
    gateway: Gateway
    backstage: Backstage
    workers: Workers
    listener: socket.socket

    async def run(self) -> None:
        self.backstage.start()
        try:
            await self.server.serve(sockets=[self.listener])
        finally:
            await self.gateway.close()
            await self.backstage.close()
            await self.workers.close()


@contextmanager
def _entered(settings: Settings, *, template: Path, port: int) -> Iterator[_Premises]:
    """Take the home, set right what a killed gateway left in it, and open the port."""
    home = settings.home.resolve()
    with locked_home(home) as lock, opened_log(home) as log, _logging_to(Path(log.name)):
        ports = connect_local(settings)
        stack = read_stack(template)
        set_right(ports, stack.events)
        with _listening(port) as listener:
            url = f"http://{HOST}:{listener.getsockname()[1]}"
            variables = {**_variables(settings, home), "WHYBOX_URL": url}
            surroundings = Surroundings(variables, log=log, descriptors=(lock,))
            yield _Premises(stack, ports, surroundings, listener, url)


def _build(premises: _Premises, *, on_ready: Callable[[], None]) -> _Running:
    stack, ports = premises.stack, premises.ports
    workers = Workers(stack.functions.values(), surroundings=premises.surroundings)
    gateway = Gateway(
        stack,
        workers,
        clock=ports.clock,
        lost_calls=LostCalls(ports.usage, clock=ports.clock, watch_seconds=_WATCH_SECONDS),
        bucket=Bucket(ports.uploads),
        token_source=ports.token_key.token_source,
    )
    config = uvicorn.Config(
        gateway,
        lifespan="off",
        ws="none",
        loop="asyncio",
        http=ProblemProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        h11_max_incomplete_event_size=_MAX_PARSED_HEADER_BYTES,
    )
    server = _Server(config, on_ready=on_ready)
    backstage = Backstage(stack.events, ports=ports, workers=workers)
    return _Running(server, gateway, backstage, workers, premises.listener)


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    # The protocol is named because asyncio turns Nagle's delay off only for sockets that say they are TCP.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise ConfigurationError(f"Port {port} on {HOST} cannot be used: {error}.") from error
        yield listener


def _variables(settings: Settings, home: Path) -> dict[str, str]:
    """Write the settings down as the variables a worker reads them from: both sides go by the same ones."""
    secret = settings.jwt_secret
    return {
        "WHYBOX_HOME": str(home),
        "WHYBOX_STORAGE": "local",
        "WHYBOX_JWT_SECRET": "" if secret is None else secret.decode("utf-8", "surrogateescape"),
        **dict.fromkeys((*AWS_VARIABLES, *JOB_VARIABLES), ""),  # the template says where these would be
        "WHYBOX_JWT_ISSUER": settings.jwt_issuer,
        "WHYBOX_JWT_AUDIENCE": settings.jwt_audience or "",
        **_jwks_variables(settings.jwks),
        "WHYBOX_MONTHLY_LIMIT": str(settings.monthly_limit),
        # Where nobody asked for a number, each worker goes by its function's memory, as it would on Lambda.
        "WHYBOX_THREADS": "" if settings.asked_threads is None else str(settings.asked_threads),
    }


def _jwks_variables(jwks: JwksSettings | None) -> dict[str, str]:
    if jwks is None:
        return {"WHYBOX_AUTH_MODE": "hs256", **dict.fromkeys(("WHYBOX_JWKS_URL", *JWKS_VARIABLES), "")}
    return {
        "WHYBOX_AUTH_MODE": "jwks",
        "WHYBOX_JWKS_URL": jwks.url,
        "WHYBOX_JWT_TYP": jwks.token_type,
        "WHYBOX_JWT_CLIENT_IDS": ",".join(sorted(jwks.clients)),
        "WHYBOX_JWT_SCOPE_PREFIX": jwks.scope_prefix,
        "WHYBOX_JWKS_CA_FILE": "" if jwks.ca_file is None else str(jwks.ca_file.resolve()),
    }


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Write what the gateway and its HTTP server have to say into the log the workers write to."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    server_logger = logging.getLogger("uvicorn.error")
    before = server_logger.propagate, logger.level
    server_logger.propagate = False
    logger.setLevel(logging.INFO)
    for source in (logger, server_logger):
        source.addHandler(handler)
    try:
        yield
    finally:
        for source in (logger, server_logger):
            source.removeHandler(handler)
        server_logger.propagate, logger.level = before
        handler.close()
