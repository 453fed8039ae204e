"""State machines that really run: moto's interpreter of the Amazon States Language, our functions as tasks.

moto sends what a task calls to a port of this machine (MOTO_PORT). Here a server listens there that knows one
call, Lambda's Invoke, and answers it with a function in this process; one call at a time, as in a container.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from tests.contract.emulated_aws import REGION, EmulatedAws

DEFINITION = Path(__file__).parents[2] / "infra" / "batch_machine.asl.json"
INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:123456789012:function:"
LONGEST_SECONDS = 240

Function = Callable[[dict[str, Any]], Any]


def read_definition() -> str:
    """Return the definition as it is deployed, but that it pauses for a second where it pauses for longer."""
    text = DEFINITION.read_text(encoding="utf-8")
    for name, value in {
        "Partition": "aws",
        "ExplainHeavyArn": FUNCTION_ARN + "ExplainHeavy:live",
        "FailJobArn": FUNCTION_ARN + "FailJob:live",
    }.items():
        text = text.replace("${" + name + "}", value)
    assert "${" not in text
    text = re.sub(r'"IntervalSeconds": \d+', '"IntervalSeconds": 1', text)
    return re.sub(r'"MaxDelaySeconds": \d+', '"MaxDelaySeconds": 2', text)


@dataclass(frozen=True)
class Execution:
    """How an execution ended: its status, and its output or error."""

    status: str
    output: Any
    error: str | None


@dataclass(frozen=True)
class StateMachine:
    """A state machine in an account."""

    aws: EmulatedAws
    arn: str

    def end_of(self, name: str) -> Execution:
        """Wait for an execution and return how it ended."""
        client = self.aws.client("stepfunctions")
        arn = f"{self.arn.replace(':stateMachine:', ':execution:')}:{name}"
        end = time.monotonic() + LONGEST_SECONDS
        while time.monotonic() < end:
            found = client.describe_execution(executionArn=arn)
            if found["status"] != "RUNNING":
                output = json.loads(found["output"]) if "output" in found else None
                return Execution(found["status"], output, found.get("error"))
            time.sleep(0.05)
        raise TimeoutError(f"{name} runs and runs")


@contextmanager
def running_machine(
    aws: EmulatedAws, functions: Mapping[str, Function], *, patch: pytest.MonkeyPatch
) -> Iterator[StateMachine]:
    """Yield our state machine, with functions under the names that its definition calls them by."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _lambda_of(functions)) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        patch.setenv("MOTO_PORT", str(server.server_address[1]))
        boto3.setup_default_session()
        boto3.client(
            "lambda", region_name=REGION
        )  # the first one in a process must not be made by two threads
        try:
            arn = aws.client("stepfunctions").create_state_machine(
                name="BatchMachine",
                definition=read_definition(),
                roleArn="arn:aws:iam::123456789012:role/batches",
            )["stateMachineArn"]
            yield StateMachine(aws, arn)
        finally:
            server.shutdown()
            thread.join()


def _lambda_of(functions: Mapping[str, Function]) -> type[BaseHTTPRequestHandler]:
    lock = Lock()

    class Lambda(BaseHTTPRequestHandler):
        """Lambda's Invoke: what a function returns, or that it raised and what (not a fault of the call)."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            called = INVOKE.fullmatch(unquote(self.path))
            name = "" if called is None else called[1].removeprefix(FUNCTION_ARN).removesuffix(":live")
            try:
                with lock:
                    answer, failed = functions[name](json.loads(body)), False
            except Exception as error:  # noqa: BLE001 - a function may raise anything
                answer, failed = {"errorType": type(error).__name__, "errorMessage": str(error)}, True
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            if failed:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    return Lambda
