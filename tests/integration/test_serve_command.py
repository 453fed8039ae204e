"""``whybox serve`` as a person uses it: start it, paste what it prints, end it with Ctrl-C."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from tests.integration.conftest import serve_command, whybox_command


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WHYBOX_")}
    return {**inherited, "WHYBOX_HOME": str(tmp_path / "a home with spaces")}


def test_the_command_it_prints_works_as_it_stands(environment: dict[str, str]) -> None:
    with serve_command(environment, until="t.json", stderr=subprocess.PIPE) as (process, printed):
        command = shlex.split(printed[printed.index("curl ") : printed.index("\n\nThe token")])
        name, _, path = command[command.index("-F") + 1].removesuffix(";type=text/csv").partition("=@")
        header, _, value = command[command.index("-H") + 1].partition(": ")

        with Path(path).open("rb") as file:
            answer = httpx.post(
                command[-1],
                headers={header: value},
                files={name: ("table.csv", file, "text/csv")},
                timeout=60,
            )

        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)

    tables, results = (Path(line.strip()) for line in printed.splitlines() if line.startswith("  /"))
    assert tables.is_dir()
    assert (tables.parent.name, results.parent.name) == ("batch", "results")
    assert answer.status_code == 200
    assert answer.json()["interpretability"]["method"] == "shap"
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "POST /mlclassification 200" in errors


def test_a_second_gateway_on_one_home_is_refused_in_one_line(environment: dict[str, str]) -> None:
    with serve_command(environment, until="serves "):
        second = subprocess.run(
            whybox_command("serve", "--port", "0"),
            env=environment,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )

    assert second.returncode == 1
    assert second.stdout == ""
    assert second.stderr.startswith("whybox: Another whybox gateway uses ")
    assert second.stderr.count("\n") == 1
