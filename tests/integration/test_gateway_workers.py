"""The processes behind the real local gateway: their limits, their failures, and their end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.errors import ConfigurationError, GatewayRunningError, TemplateError
from whybox.local.server import running_gateway
from whybox.settings import Settings

StartGateway = Callable[..., Any]


def test_the_context_tells_a_function_about_itself(small_client: httpx.Client) -> None:
    response = small_client.get("/read?do=about")

    about = response.json()
    assert about["name"] == "Tool"
    assert about["memory"] == "256"
    assert about["arn"].endswith(":function:Tool")
    assert about["request_id"] == response.headers["x-request-id"]
    assert 0 < about["milliseconds"] <= 2000


def test_a_function_has_the_templates_variables_but_none_of_a_deployed_resource(
    small_client: httpx.Client, small_home: Path
) -> None:
    environment = small_client.get("/read?do=about").json()["environment"]

    assert environment == {
        "GREETING": "hello",
        "TABLE": None,
        "WHYBOX_HOME": str(small_home),
        "WHYBOX_THREADS": "",
        "AWS_LAMBDA_FUNCTION_NAME": "Tool",
        "AWS_ACCESS_KEY_ID": None,
    }


def test_a_number_of_threads_that_was_asked_for_is_that_of_every_function(
    small_stack: Path, tmp_path: Path
) -> None:
    with running_gateway(Settings(home=tmp_path, asked_threads=3), template=small_stack) as url:
        environment = httpx.get(f"{url}/read?do=about", trust_env=False).json()["environment"]

    assert environment["WHYBOX_THREADS"] == "3"


def test_what_a_function_prints_goes_to_the_log_and_never_into_an_answer(
    small_client: httpx.Client, small_home: Path
) -> None:
    response = small_client.get("/read?do=noise")

    assert response.json() == {"stdin": ""}
    log = (small_home / "gateway.log").read_text()
    assert "to standard output" in log
    assert "and past Python" in log


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("crash", (502, "/problems/function-failed")),
        ("throw", (502, "/problems/function-failed")),
        ("not_json", (502, "/problems/function-failed")),
        ("no_status", (502, "/problems/function-failed")),
        ("split", (502, "/problems/function-failed")),
        ("too_much", (502, "/problems/answer-too-large")),
        ("sleep", (504, "/problems/function-timeout")),
    ],
)
def test_a_function_that_misbehaves_costs_one_answer_and_not_the_next(
    small_client: httpx.Client, what: str, expected: tuple[int, str]
) -> None:
    response = small_client.get(f"/read?do={what}")

    assert (response.status_code, response.json()["type"]) == expected
    assert response.headers["content-type"] == "application/problem+json"
    assert "nobody may see" not in response.text
    assert small_client.get("/read").status_code == 200


def test_a_function_beyond_its_memory_is_ended_long_before_its_time_limit(small_client: httpx.Client) -> None:
    response = small_client.get("/slow?do=eat")

    assert (response.status_code, response.json()["type"]) == (502, "/problems/function-out-of-memory")
    assert small_client.get("/slow").status_code == 200


def test_a_call_is_ended_at_its_time_limit(small_client: httpx.Client) -> None:
    started = time.monotonic()

    small_client.get("/read?do=sleep")

    assert 2 <= time.monotonic() - started < 4


def test_a_function_that_cannot_be_imported_is_a_502_and_the_log_says_why(
    small_client: httpx.Client, small_home: Path
) -> None:
    response = small_client.get("/broken")

    assert (response.status_code, response.json()["type"]) == (502, "/problems/function-failed")
    log = (small_home / "gateway.log").read_text()
    assert "No module named 'no_such_module'" in log
    assert f"request {response.headers['x-request-id']}: its process ended with status 1" in log


def test_calls_run_side_by_side_and_a_slow_one_blocks_nobody(small_client: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        slow = [pool.submit(small_client.get, "/read?do=nap") for _ in range(4)]
        refused = small_client.post("/closed/1")
        answers = [future.result() for future in slow]

    assert refused.status_code == 401
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.json()["pid"] for answer in answers}) <= (os.cpu_count() or 1)


def test_a_warm_process_answers_one_call_after_the_other(small_client: httpx.Client) -> None:
    pids = {small_client.get("/read?do=about").json()["pid"] for _ in range(5)}

    assert len(pids) == 1


def used(home: Path) -> int:
    usage = SqliteUsage(home / "usage.sqlite3", default_limit=100)
    return usage.read("t-1", now=datetime.now(UTC)).used


def test_what_a_call_had_reserved_when_it_was_ended_is_given_back(
    small_client: httpx.Client, small_home: Path
) -> None:
    response = small_client.get("/read?do=reserve_and_sleep")

    assert response.status_code == 504
    assert used(small_home) == 1
    deadline = time.monotonic() + 10
    while used(small_home) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert used(small_home) == 0


def test_what_a_killed_gateway_had_reserved_is_given_back_by_the_next(
    start_gateway: StartGateway, small_stack: Path, tmp_path: Path
) -> None:
    first = start_gateway(tmp_path, template=small_stack)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{first.url}/read?do=reserve_and_sleep", timeout=1.5)
    assert used(tmp_path) == 1
    first.kill()

    second = start_gateway(tmp_path, template=small_stack)

    assert used(tmp_path) == 0
    assert httpx.get(f"{second.url}/read").status_code == 200


@pytest.mark.parametrize("is_at_work", [False, True])
def test_no_worker_outlives_a_gateway_that_was_killed(
    start_gateway: StartGateway, small_stack: Path, tmp_path: Path, *, is_at_work: bool
) -> None:
    gateway = start_gateway(tmp_path, template=small_stack)
    httpx.get(f"{gateway.url}/read")
    workers = psutil.Process(gateway.process.pid).children(recursive=True)
    assert workers
    if is_at_work:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{gateway.url}/read?do=sleep", timeout=0.3)

    gateway.kill()

    _, alive = psutil.wait_procs(workers, timeout=5)
    assert alive == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_call_at_work_finish_and_then_ends_everything(
    start_gateway: StartGateway, small_stack: Path, tmp_path: Path, number: signal.Signals
) -> None:
    gateway = start_gateway(tmp_path, template=small_stack)
    httpx.get(f"{gateway.url}/read")
    workers = psutil.Process(gateway.process.pid).children(recursive=True)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, f"{gateway.url}/read?do=nap")
        time.sleep(0.6)  # half of a nap: on a busy machine a request takes its time to arrive

        status = gateway.end(number)

        assert answer.result().status_code == 200
    assert status == 0
    assert not any(worker.is_running() for worker in workers)


def test_a_second_signal_ends_the_call_at_work_too(
    start_gateway: StartGateway, small_stack: Path, tmp_path: Path
) -> None:
    gateway = start_gateway(tmp_path, template=small_stack)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, f"{gateway.url}/slow?do=sleep", timeout=30)
        time.sleep(1)
        gateway.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        started = time.monotonic()

        status = gateway.end(signal.SIGINT)

        assert time.monotonic() - started < 5
        assert answer.result().status_code == 500
    assert status == 0


def test_a_second_gateway_on_the_same_home_is_refused(small_home: Path, small_stack: Path) -> None:
    with (
        pytest.raises(GatewayRunningError, match=str(os.getpid())),
        running_gateway(Settings(home=small_home), template=small_stack),
    ):
        pass


def test_a_port_that_is_taken_stops_the_start(
    small_client: httpx.Client, small_stack: Path, tmp_path: Path
) -> None:
    port = small_client.base_url.port or 80
    with (
        pytest.raises(ConfigurationError, match=f"Port {port}"),
        running_gateway(Settings(home=tmp_path), template=small_stack, port=port),
    ):
        pass


def test_a_template_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with (
        pytest.raises(TemplateError, match="cannot be read"),
        running_gateway(Settings(home=tmp_path), template=tmp_path / "template.yaml"),
    ):
        pass
