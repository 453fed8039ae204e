"""Real gateways for tests: the project's own template once per session, and others started on demand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import httpx
import pytest

from whybox.local.server import project_template, running_gateway
from whybox.services.issue_token import issue_token
from whybox.settings import Settings
from whybox.wiring import signing_secret

SCOPES = ("explain:write", "jobs:read")

# A gateway in a process of its own says its URL on the first line it prints.
SERVE = """
import os, sys
from pathlib import Path
from whybox.local.server import serve
from whybox.settings import Settings

serve(Settings.from_environment(os.environ), template=Path(sys.argv[1]), port=0,
      on_ready=lambda url: print(url, flush=True))
"""


@dataclass(frozen=True)
class RunningGateway:
    """A gateway that answers at ``url`` and keeps its state in ``home``."""

    url: str
    settings: Settings

    @property
    def home(self) -> Path:
        return self.settings.home

    def token(
        self,
        sub: str = "ada",
        *,
        scopes: tuple[str, ...] = SCOPES,
        lifetime: timedelta = timedelta(hours=1),
        now: datetime | None = None,
    ) -> str:
        return issue_token(
            sub,
            secret=signing_secret(self.settings),
            issuer=self.settings.jwt_issuer,
            audience=self.settings.jwt_audience,
            now=now or datetime.now(UTC),
            scopes=scopes,
            lifetime=lifetime,
        )

    def headers(self, sub: str = "ada") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(sub)}"}


@dataclass(frozen=True)
class GatewayProcess(RunningGateway):
    """A gateway in a process of its own, to be killed or ended."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=30)


StartGateway = Callable[..., GatewayProcess]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """The project's own template, served in a home of its own with a plan that no test uses up."""
    settings = Settings(home=tmp_path_factory.mktemp("home"), monthly_limit=1_000_000)
    with running_gateway(settings, template=project_template()) as url:
        yield RunningGateway(url, settings)


@pytest.fixture(scope="session")
def small_stack() -> Path:
    """The template of functions that misbehave on request: what a gateway must cope with in any stack."""
    return Path(__file__).parent / "small_stack" / "template.yaml"


@pytest.fixture(scope="session")
def small_gateway(small_stack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGateway]:
    """The small stack, served."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    with running_gateway(settings, template=small_stack) as url:
        yield RunningGateway(url, settings)


@pytest.fixture(scope="session")
def small_client(small_gateway: RunningGateway) -> Iterator[httpx.Client]:
    """A client of the small stack."""
    with httpx.Client(base_url=small_gateway.url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def small_home(small_gateway: RunningGateway) -> Path:
    """The home of the small stack's gateway."""
    return small_gateway.home


@pytest.fixture
def start_gateway() -> Iterator[StartGateway]:
    """Start gateways in processes of their own: ``start_gateway(home, template=..., monthly_limit=...)``."""
    with ExitStack() as running:

        def start(home: Path, *, template: Path | None = None, monthly_limit: int = 100) -> GatewayProcess:
            settings = Settings(home=home, monthly_limit=monthly_limit)
            return running.enter_context(gateway_process(settings, template or project_template()))

        yield start


@contextmanager
def gateway_process(
    settings: Settings, template: Path, *, stderr: IO[bytes] | None = None
) -> Iterator[GatewayProcess]:
    """Serve from a process of its own; ``stderr`` takes what it says beside its log."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WHYBOX_")},
        "WHYBOX_HOME": str(settings.home),
        "WHYBOX_MONTHLY_LIMIT": str(settings.monthly_limit),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(template)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    with process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert url, "the gateway did not start; its standard error says why"
            yield GatewayProcess(url, settings, process)
        finally:
            process.kill()


def whybox_command(*arguments: str) -> list[str]:
    """Return the command line of ``whybox`` as a person types it."""
    return [sys.executable, "-m", "whybox.cli.main", *arguments]


@contextmanager
def serve_command(
    environment: Mapping[str, str], *, until: str, stderr: int = subprocess.DEVNULL
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``whybox serve`` until it printed a text; yields it and what it printed, and ends it anyhow."""
    with subprocess.Popen(
        whybox_command("serve", "--port", "0"),
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
    ) as process:
        assert process.stdout is not None
        try:
            printed = ""
            while until not in printed:
                line = process.stdout.readline()
                assert line, "the service did not start"
                printed += line
            yield process, printed
        finally:
            process.kill()
