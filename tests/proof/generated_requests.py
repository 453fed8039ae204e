"""Requests generated from the OpenAPI document: no server error, no answer the document does not foresee.

    OpenAPI document of the gateway ─▶ schemathesis, in a process of its own ─▶ its record ─▶ counts

Half of the requests are well formed, the others are broken in one place; request_hooks.py puts small tables
into the well-formed ones. Every check that the tool has is on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.proof.gateways import served

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
HOOKS = "tests.proof.request_hooks"
LIMIT_SECONDS = 3000
PHASES = "examples,coverage,fuzzing"


@dataclass(frozen=True, slots=True)
class GeneratedRequests:
    """How many requests were sent, how they were answered, and in words what was wrong with answers."""

    n_requests: int
    statuses: Counter[int]
    failures: tuple[str, ...]
    n_checks: Counter[str] = field(default_factory=Counter)

    @property
    def n_server_errors(self) -> int:
        """The answers with a status of 500 and above."""
        return sum(count for status, count in self.statuses.items() if status >= 500)


def send_generated_requests(
    url: str,
    token: str,
    folder: Path,
    *,
    n_examples: int,
    phases: str = PHASES,
    seed: int = 0,
) -> GeneratedRequests:
    """Run schemathesis against a gateway; it writes its record into an empty folder."""
    record = folder / "record.ndjson"
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(FOLDER / "schemathesis.toml")]
    command += ["run", f"{url}/openapi.json"]
    command += ["--phases", phases, "--max-examples", str(n_examples), "--seed", str(seed)]
    command += ["--report", "ndjson", "--report-ndjson-path", str(record)]
    command += ["--continue-on-failure", "--no-shrink", "--no-color", "--warnings", "off"]
    search = [str(ROOT), str(ROOT / "layers" / "core" / "python"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": HOOKS,
        "GENERATED_REQUESTS_TOKEN": token,
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
    }
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS
    )
    if done.returncode not in {0, 1} or not record.exists():
        raise RuntimeError(f"schemathesis did not run: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return _count(record)


def _count(record: Path) -> GeneratedRequests:
    statuses: Counter[int] = Counter()
    checks: Counter[str] = Counter()
    failures: list[str] = []
    for event in _events(record):
        failures += _errors(event)
        recorder = event.get("ScenarioFinished", {}).get("recorder", {})
        for name, interaction in recorder.get("interactions", {}).items():
            response = interaction.get("response")
            if response is None:
                failures.append(f"{recorder['label']}: no answer")
            else:
                statuses[response["status_code"]] += 1
            found = recorder.get("checks", {}).get(name, ())
            checks.update(check["name"] for check in found)
            failures += [
                f"{recorder['label']}: {check['name']}: {_explain(check)}: {_request(interaction)}"
                for check in found
                if check["status"] != "success"
            ]
    return GeneratedRequests(statuses.total(), statuses, tuple(failures), checks)


def _events(record: Path) -> Iterator[dict[str, Any]]:
    with record.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _errors(event: dict[str, Any]) -> list[str]:
    """Return what kept the tool from testing an operation."""
    names = {"NonFatalError", "FatalError"} & event.keys()
    return [f"{name}: {json.dumps(event[name])[:1000]}" for name in names]


def _explain(check: dict[str, Any]) -> str:
    failure = check.get("failure_info") or check.get("failure") or {}
    return json.dumps(failure)[:1500]


def _request(interaction: dict[str, Any]) -> str:
    return str(interaction["request"]["uri"])[:500]


def prove(is_quick: bool = False) -> GeneratedRequests:
    """Send them to a gateway with a plan that they cannot use up."""
    with TemporaryDirectory() as name:
        home, folder = Path(name, "home"), Path(name, "record")
        home.mkdir()
        folder.mkdir()
        with served(home) as (url, token):
            return send_generated_requests(url, token, folder, n_examples=10 if is_quick else 400)
