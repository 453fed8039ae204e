"""The functions behind queues as they are deployed, in this process, on an emulated account.

bucket ──its own notifications──▶ BatchQueue ──▶ ExplainBatch      ExplainQueue ──▶ ExplainHeavy
state machine ──▶ ExplainHeavy, FailJob                            dead letters ──▶ FailJob
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.architecture.conftest import read_template
from tests.contract.emulated_aws import REGION, TEMPLATE
from tests.contract.state_machines import StateMachine, running_machine
from tests.e2e.emulator import Emulator, running_emulator

from whybox.domain.jobs.jobs import Job
from whybox.settings import Settings
from whybox.wiring import Ports, connect

ROOT = Path(__file__).parents[2]
BUCKET = "DataBucket"
QUEUES = ("BatchQueue", "BatchDeadLetters", "ExplainQueue", "ExplainDeadLetters")
MACHINE_ARN = f"arn:aws:states:{REGION}:123456789012:stateMachine:BatchMachine"
FOLDERS = {
    "ExplainBatch": "explain_batch",
    "ExplainHeavy": "explain_heavy",
    "FailJob": "fail_job",
    "Sweep": "sweep",
}


@dataclass
class Context:
    """What Lambda says about an invocation."""

    function_name: str
    seconds: float = 900.0
    memory_limit_in_mb: str = "3008"
    aws_request_id: str = "00000000-0000-0000-0000-000000000001"
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:123456789012:function:f"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class Stack:
    """The account, its functions, and the ports to look at what they did."""

    emulator: Emulator
    ports: Ports
    handlers: dict[str, ModuleType]
    machine: StateMachine = field(init=False)
    tenant: str = "a" * 64
    contexts: dict[str, Context] = field(default_factory=dict)  # of functions that have less than usual

    def client(self, service: Any) -> Any:
        return self.emulator.account.client(service)

    def call(self, function: str, event: dict[str, Any]) -> Any:
        """Call a function as Lambda does."""
        return self.handlers[function].handler(event, self.contexts.get(function, Context(function)))

    def begin_anew(self) -> None:
        """Go on as another tenant, with empty queues."""
        self.tenant = secrets.token_hex(32)
        self.contexts.clear()
        for queue in QUEUES:
            self.empty(queue)

    def empty(self, queue: str) -> list[str]:
        """Delete what is in a queue and return it."""
        bodies = []
        while records := self.receive(queue):
            for record in records:
                self.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=record["receiptHandle"])
                bodies.append(record["body"])
        return bodies

    def put(self, key: str, content: bytes | dict[str, Any]) -> str:
        """Store an object as anybody with the AWS command line would; return its version."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        answer = self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return str(answer["VersionId"])

    def drop(self, content: bytes, name: str = "t.csv", request: dict[str, Any] | None = None) -> str:
        """Put a table into the tenant's folder, with the request beside it put before; return its version."""
        if request is not None:
            self.put(f"batch/{self.tenant}/{name.removesuffix('.csv')}.json", request)
        return self.put(f"batch/{self.tenant}/{name}", content)

    def receive(self, queue: str) -> list[dict[str, Any]]:
        """Receive up to ten messages of a queue, which stay there, as the records of a Lambda event."""
        answer = self.client("sqs").receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            VisibilityTimeout=0,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [
            {
                "messageId": found["MessageId"],
                "receiptHandle": found["ReceiptHandle"],
                "body": found["Body"],
                "attributes": found["Attributes"],
                "messageAttributes": {},
                "md5OfBody": found["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:{queue}",
                "awsRegion": REGION,
            }
            for found in answer.get("Messages", ())
        ]

    def deliver(self, queue: str, function: str) -> list[str]:
        """Call a function with the messages of a queue; delete what it did, return the ids of what failed."""
        records = self.receive(queue)
        answer = self.call(function, {"Records": records}) if records else {"batchItemFailures": []}
        failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
        assert set(failed) <= {record["messageId"] for record in records}
        for record in records:
            if record["messageId"] not in failed:
                self.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=record["receiptHandle"])
        return failed

    def send(self, queue: str, *bodies: str) -> None:
        """Send messages to a queue."""
        for body in bodies:
            self.client("sqs").send_message(QueueUrl=queue, MessageBody=body)

    def jobs(self) -> list[Job]:
        """The tenant's jobs, latest first."""
        return list(self.ports.jobs.list(self.tenant, limit=100).jobs)

    def published(self, job: Job) -> dict[str, bytes]:
        """What lies in the bucket for whoever dropped the table of a job."""
        prefix = f"results/{self.tenant}/{job.job_id}/"
        names = [it.key.removeprefix(prefix) for it in self.ports.objects.list(prefix)]
        return {name: self.ports.objects.get(prefix + name) for name in names if "/" not in name}

    def used(self) -> int:
        """The units that are charged or reserved."""
        return self.ports.usage.read(self.tenant, now=self.ports.clock.now()).used


@contextmanager
def running_stack(patch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """Yield a new account with the functions behind its queues."""
    with running_emulator("127.0.0.1", runs_state_machines=True) as emulator:
        variables = {
            "WHYBOX_STORAGE": "aws",
            "WHYBOX_USAGE_TABLE": "UsageTable",
            "WHYBOX_ACCOUNTS_TABLE": "AccountsTable",
            "WHYBOX_JOBS_TABLE": "JobsTable",
            "WHYBOX_JWT_SECRET_ARN": "JwtSecret",
            "WHYBOX_BUCKET": BUCKET,
            "WHYBOX_EXPLAIN_QUEUE_URL": "ExplainQueue",
            "WHYBOX_BATCH_QUEUE_URL": "BatchQueue",
            "WHYBOX_BATCH_MACHINE_ARN": MACHINE_ARN,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
        }
        for name, value in variables.items():
            patch.setenv(name, value)
        _tell_of_tables(emulator)
        with patch.context() as loading:  # our own clients would take the address, too
            loading.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{emulator.port}")
            handlers = {name: _load(folder) for name, folder in FOLDERS.items()}
            ports = connect(Settings.from_environment(os.environ))
        stack = Stack(emulator, ports, handlers)
        called = {name: partial(stack.call, name) for name in ("ExplainHeavy", "FailJob")}
        with running_machine(emulator.account, called, patch=patch) as stack.machine:
            yield stack


def _tell_of_tables(emulator: Emulator) -> None:
    """Set up the bucket's notifications as the template does."""
    (told,) = read_template(TEMPLATE)["Resources"]["DataBucket"]["Properties"]["NotificationConfiguration"][
        "QueueConfigurations"
    ]
    emulator.account.client("s3").put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "QueueArn": f"arn:aws:sqs:{REGION}:123456789012:{told['Queue']['Fn::GetAtt'][0]}",
                    "Events": [told["Event"]],
                    "Filter": {"Key": {"FilterRules": told["Filter"]["S3Key"]["Rules"]}},
                }
            ]
        },
    )


def _load(folder: str) -> ModuleType:
    """Import a function's handler under a name of its own."""
    path = ROOT / "functions" / folder / "handler.py"
    spec = importlib.util.spec_from_file_location(f"handler_of_{folder}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
