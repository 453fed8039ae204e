"""The definition of the state machine does what its comment says, on an interpreter that is not ours."""

from __future__ import annotations

import json
from collections import Counter
from threading import Lock
from typing import Any

import pytest
from tests.contract.emulated_aws import emulated_aws
from tests.contract.state_machines import DEFINITION, Execution, running_machine

from whybox.adapters.aws.step_functions import StepFunctionsBatches

ATTEMPT = {"tenant": "a" * 64, "job_id": "j", "fence": 3}
CHUNKS = [[first, first + 2] for first in range(0, 50, 2)]


class Functions:
    """The two functions, which note what they are called with and fail as often as they are told to."""

    def __init__(self, failures: dict[str, int]) -> None:
        self.failures = Counter(failures)
        self.called: list[dict[str, Any]] = []
        self.lock = Lock()

    def explain_heavy(self, task: dict[str, Any]) -> dict[str, Any]:
        self._note(task)
        return {"status": "done"} if task["task"] == "merge_chunks" else {"n_blocks": 2}

    def fail_job(self, task: dict[str, Any]) -> dict[str, Any]:
        self._note(task)
        return {"status": "failed"}

    def _note(self, task: dict[str, Any]) -> None:
        with self.lock:
            self.called.append(task)
            name = task["task"]
            if self.failures[name] > 0 and task.get("blocks", CHUNKS[3]) == CHUNKS[3]:
                self.failures[name] -= 1
                raise RuntimeError(name)

    def names(self) -> list[str]:
        return [task["task"] for task in self.called]


def run(monkeypatch: pytest.MonkeyPatch, **failures: int) -> tuple[Functions, Execution]:
    functions = Functions(failures)
    called = {"ExplainHeavy": functions.explain_heavy, "FailJob": functions.fail_job}
    with (
        emulated_aws(runs_state_machines=True) as aws,
        running_machine(aws, called, patch=monkeypatch) as machine,
    ):
        starter = StepFunctionsBatches(aws.client("stepfunctions"), machine.arn)
        starter.start("j-3", payload=json.dumps(ATTEMPT | {"chunks": CHUNKS}))
        return functions, machine.end_of("j-3")


def test_every_chunk_is_explained_once_and_then_they_are_merged(monkeypatch):
    functions, execution = run(monkeypatch)

    assert execution == Execution("SUCCEEDED", {"status": "done"}, None)
    assert sorted(task["blocks"] for task in functions.called[:-1]) == CHUNKS
    assert functions.called[0] == ATTEMPT | {"task": "explain_chunk", "blocks": functions.called[0]["blocks"]}
    assert functions.called[-1] == ATTEMPT | {"task": "merge_chunks"}


def test_a_chunk_that_fails_is_tried_again_and_no_other_is(monkeypatch):
    functions, execution = run(monkeypatch, explain_chunk=4)

    assert execution.status == "SUCCEEDED"
    assert Counter(str(task.get("blocks")) for task in functions.called)[str(CHUNKS[3])] == 5
    assert len(functions.called) == len(CHUNKS) + 4 + 1


def test_a_merge_that_fails_for_good_ends_the_job(monkeypatch):
    functions, execution = run(monkeypatch, merge_chunks=99)

    assert execution == Execution("FAILED", None, "JobFailed")
    assert functions.names()[len(CHUNKS) :] == ["merge_chunks"] * 5 + ["fail_job"]
    assert functions.called[-1] == ATTEMPT | {"task": "fail_job"}


def test_the_end_of_a_job_is_tried_again_too(monkeypatch):
    functions, execution = run(monkeypatch, merge_chunks=99, fail_job=2)

    assert execution == Execution("FAILED", None, "JobFailed")
    assert functions.names()[-3:] == ["fail_job"] * 3


def test_an_input_that_the_definition_cannot_use_ends_the_job(monkeypatch):
    functions = Functions({})
    called = {"ExplainHeavy": functions.explain_heavy, "FailJob": functions.fail_job}
    with (
        emulated_aws(runs_state_machines=True) as aws,
        running_machine(aws, called, patch=monkeypatch) as machine,
    ):
        StepFunctionsBatches(aws.client("stepfunctions"), machine.arn).start("j", payload=json.dumps(ATTEMPT))

        assert machine.end_of("j").status == "FAILED"
    assert functions.names() == ["fail_job"]


def test_no_chunk_may_fail_for_good():
    """The interpreter does not count failures (it says so); the service does."""
    chunks = json.loads(DEFINITION.read_text(encoding="utf-8"))["States"]["ExplainChunks"]

    assert chunks["ToleratedFailureCount"] == 0
    assert chunks["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert chunks["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "FailJob"}]
