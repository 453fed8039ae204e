"""What every starter of batches promises: one batch for each job, however often it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.contract.emulated_aws import Faults, emulated_aws, faults_in_order, no_faults

from whybox.adapters.aws.step_functions import StepFunctionsBatches
from whybox.adapters.local.sqlite_batches import SqliteBatches
from whybox.errors import DependencyUnavailableError
from whybox.job_ports import BatchStarter

PAYLOAD = json.dumps({"job_id": "j"})


@dataclass(frozen=True)
class Starters:
    """Views of one service, and what it was asked for."""

    connect: Callable[..., BatchStarter]
    started: Callable[[], dict[str, str]]
    end: Callable[[str], None]
    break_down: Callable[[], None]


@contextmanager
def sqlite_starters() -> Iterator[Starters]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "batches.sqlite3"

        def connect(faults: Faults = no_faults) -> SqliteBatches:
            return SqliteBatches(path)

        yield Starters(
            connect,
            lambda: dict(SqliteBatches(path).open_batches()),
            lambda job_id: SqliteBatches(path).end(job_id),
            lambda: path.write_bytes(b"this is no database, and long " * 100) and None,
        )


@contextmanager
def step_functions_starters() -> Iterator[Starters]:
    with emulated_aws() as aws:
        client = aws.client("stepfunctions")
        arn = client.create_state_machine(
            name="batches",
            definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
            roleArn="arn:aws:iam::123456789012:role/batches",
        )["stateMachineArn"]

        def started() -> dict[str, str]:
            runs = client.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
            details = [client.describe_execution(executionArn=run["executionArn"]) for run in runs]
            assert len({run["name"] for run in details}) == len(details)
            return {run["name"]: run["input"] for run in details}

        def end(job_id: str) -> None:
            client.stop_execution(executionArn=arn.replace(":stateMachine:", ":execution:") + f":{job_id}")

        yield Starters(
            lambda faults=no_faults: StepFunctionsBatches(aws.client("stepfunctions", faults=faults), arn),
            started,
            end,
            lambda: client.delete_state_machine(stateMachineArn=arn),
        )


ADAPTERS = {"sqlite": sqlite_starters, "step functions": step_functions_starters}


@pytest.fixture(params=ADAPTERS)
def starters(request) -> Iterator[Starters]:
    with ADAPTERS[request.param]() as opened:
        yield opened


def test_a_batch_is_started_with_its_payload(starters):
    starters.connect().start("j1", payload=PAYLOAD)
    starters.connect().start("j2", payload="{}")

    assert starters.started() == {"j1": PAYLOAD, "j2": "{}"}


@pytest.mark.parametrize("payload", [PAYLOAD, "{}"])
def test_a_batch_that_runs_is_not_started_again(starters, payload):
    starters.connect().start("j", payload=PAYLOAD)

    starters.connect().start("j", payload=payload)

    assert starters.started() == {"j": PAYLOAD}


def test_a_batch_that_has_ended_is_not_started_again(starters):
    starters.connect().start("j", payload=PAYLOAD)
    starters.end("j")

    starters.connect().start("j", payload=PAYLOAD)

    assert starters.started() == {}


def test_fifty_starts_at_once_are_one_batch(starters):
    views = [starters.connect() for _ in range(4)]

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda n: views[n % 4].start("j", payload=PAYLOAD), range(50)))

    assert starters.started() == {"j": PAYLOAD}


@pytest.mark.parametrize("fault", ["lost request", "lost answer", "throttled"])
def test_a_start_that_fails_on_the_way_is_one_batch(starters, fault):
    starters.connect(faults=faults_in_order(fault, fault)).start("j", payload=PAYLOAD)

    assert starters.started() == {"j": PAYLOAD}


def test_a_service_that_is_down_is_said_to_be_unavailable(starters):
    starters.break_down()

    with pytest.raises(DependencyUnavailableError) as caught:
        starters.connect().start("j", payload=PAYLOAD)
    assert caught.value.__cause__ is not None
