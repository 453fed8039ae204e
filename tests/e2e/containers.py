"""The built stack under ``sam local start-api``: its process, its parameters, its callers."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from tests.e2e.emulator import Emulator

from whybox.services.issue_token import issue_token

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".aws-sam" / "build"
SAM = os.environ.get("SAM", str(ROOT / ".build/sam/bin/sam"))
OPTIONS = shlex.split(os.environ.get("SAM_LOCAL_OPTIONS", ""))
START_SECONDS = 120
SHOWN = 4096
"""Characters of a log that are worth showing."""


@dataclass(frozen=True)
class Stack:
    """The API of the built stack, at ``url``, and the account behind it."""

    url: str
    emulator: Emulator
    log: Path

    def headers(self, sub: str = "ada") -> dict[str, str]:
        """Return the header with a valid token."""
        token = issue_token(
            sub,
            secret=self.emulator.jwt_secret.encode(),
            issuer="whybox",
            audience="whybox-api",
            now=datetime.now(UTC),
            scopes=("explain:write", "jobs:read"),
        )
        return {"Authorization": f"Bearer {token}"}

    def ask(self, query: str, table: bytes, *, key: str | None = None) -> httpx.Response:
        """Post a table with a valid token, and under an idempotency key if one is given.

        Without, all requests to one process of sam are one request to us: sam gives each the same id.
        """
        return httpx.post(
            f"{self.url}/{query}",
            files={"file": ("table.csv", table, "text/csv")},
            headers=self.headers() | ({} if key is None else {"Idempotency-Key": key}),
            timeout=120,
        )


def addresses() -> tuple[str, str]:
    """Return where an emulator must listen, and under which name containers find it."""
    if sys.platform != "linux":
        return "127.0.0.1", "host.docker.internal"
    shown = subprocess.run(
        ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"],
        check=True,
        capture_output=True,
        text=True,
    )
    gateway = shown.stdout.strip() or "172.17.0.1"
    return gateway, gateway


@contextmanager
def running_stack(emulator: Emulator, log: Path, **parameters: str) -> Iterator[Stack]:
    """Serve the build with parameters of the template set; a function keeps its container until the end."""
    port = _free_port()
    given = {"AwsEndpointUrl": f"http://{addresses()[1]}:{emulator.port}", **parameters}
    overrides = [f"ParameterKey={name},ParameterValue={value}" for name, value in given.items()]
    command = [SAM, "local", "start-api", "--port", str(port), "--warm-containers", "LAZY", *OPTIONS]
    command += ["--parameter-overrides", " ".join(overrides)]
    with (
        log.open("wb") as written,
        subprocess.Popen(
            command, cwd=ROOT, env=sam_environment(), stdout=written, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            _wait_for(port, process, log)
            yield Stack(f"http://127.0.0.1:{port}", emulator, log)
        finally:
            process.terminate()  # sam removes its containers
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=60)
            process.kill()


def sam_environment() -> Mapping[str, str]:
    """Return this environment without AWS's variables: sam tries credentials it finds, and waits for them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.2)
    raise RuntimeError(f"sam local did not start: {log.read_text(errors='replace')[-SHOWN:]}")
