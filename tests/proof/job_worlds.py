"""The two sets of adapters that jobs run on: SQLite and a folder; DynamoDB, S3 and SQS behind one lock."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

from tests.contract.clocks import MovableClock
from tests.contract.emulated_aws import EmulatedAws, emulated_aws

from whybox.adapters.aws.dynamodb_accounts import DynamodbKeys, DynamodbTenants
from whybox.adapters.aws.dynamodb_jobs import DynamodbJobs
from whybox.adapters.aws.dynamodb_usage import DynamodbUsage
from whybox.adapters.aws.s3_objects import S3Objects
from whybox.adapters.aws.sqs_queue import SqsQueue
from whybox.adapters.aws.step_functions import StepFunctionsBatches
from whybox.adapters.local.folder_objects import FolderObjects
from whybox.adapters.local.signed_links import SignedLinks
from whybox.adapters.local.sqlite_batches import SqliteBatches
from whybox.adapters.local.sqlite_jobs import SqliteJobs
from whybox.adapters.local.sqlite_keys import SqliteKeys
from whybox.adapters.local.sqlite_queue import SqliteQueue
from whybox.adapters.local.sqlite_tenants import SqliteTenants
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.domain.calendar_months import CalendarMonth
from whybox.job_ports import BatchStarter, JobStore, ObjectStore, WorkQueue
from whybox.ports import Accounts, UsageLedger
from whybox.services.charge_job import JOB_LEASE

LIMIT: Final = 1_000_000
MAX_RECEIVES: Final = 5
VISIBILITY_SECONDS: Final = 5400
"""Both as in the template."""


@dataclass(frozen=True, slots=True)
class WorldPorts:
    """Everything that a job leaves a trace in."""

    clock: MovableClock
    usage: UsageLedger
    jobs: JobStore
    objects: ObjectStore
    accounts: Accounts
    explain_queue: WorkQueue
    explain_dead: WorkQueue
    batch_queue: WorkQueue
    batch_dead: WorkQueue
    batches: BatchStarter
    count_messages: Callable[[], int]
    """Of all queues, hidden ones too."""


def count_charged(ports: WorldPorts, tenant: str) -> int:
    """Return the units a tenant is charged for good: what was only reserved is given back meanwhile."""
    ports.clock.advance(JOB_LEASE.total_seconds() + 1)
    ports.usage.refund_abandoned(now=ports.clock.now())
    return count_used(ports, tenant)


def count_used(ports: WorldPorts, tenant: str) -> int:
    """Return the units a tenant has used, in the month of the first reservation and in that of the clock."""
    now = ports.clock.now()
    months = {CalendarMonth.of(moment).name: moment for moment in (now - ports.clock.ahead, now)}
    return sum(ports.usage.read(tenant, now=moment).used for moment in months.values())


def local_ports(home: Path, clock: MovableClock) -> WorldPorts:
    """Return a process's ports in a folder; any number of processes may have them."""

    def queue(name: str, dead_letters: str | None = None) -> SqliteQueue:
        path = home / "queues.sqlite3"
        return SqliteQueue(path, name, clock=clock, dead_letters=dead_letters, max_receives=MAX_RECEIVES)

    return WorldPorts(
        clock=clock,
        usage=SqliteUsage(home / "usage.sqlite3", default_limit=LIMIT),
        jobs=SqliteJobs(home / "jobs.sqlite3"),
        objects=FolderObjects(
            home / "bucket", links=SignedLinks(b"a key of this machine, 32 bytes.", "http://127.0.0.1", clock)
        ),
        accounts=Accounts(
            keys=SqliteKeys(home / "keys.sqlite3"), tenants=SqliteTenants(home / "tenants.sqlite3")
        ),
        explain_queue=queue("ExplainQueue", "ExplainDeadLetters"),
        explain_dead=queue("ExplainDeadLetters"),
        batch_queue=queue("BatchQueue", "BatchDeadLetters"),
        batch_dead=queue("BatchDeadLetters"),
        batches=SqliteBatches(home / "batches.sqlite3"),
        count_messages=lambda: _count_rows(home / "queues.sqlite3"),
    )


def _count_rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


@contextmanager
def aws_ports() -> Iterator[WorldPorts]:
    """Yield ports on an emulated account, whose queues go by the same clock as everything else."""
    clock = MovableClock()
    with (
        emulated_aws() as aws,
        patch("moto.sqs.models.unix_time_millis", lambda: clock.now().timestamp() * 1000),
    ):
        dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        explain_queue, explain_dead = _queue_pair(aws, "Explain")
        batch_queue, batch_dead = _queue_pair(aws, "Batch")
        yield WorldPorts(
            clock=clock,
            usage=DynamodbUsage(dynamodb, aws.create_table("UsageTable"), default_limit=LIMIT),
            jobs=DynamodbJobs(dynamodb, aws.create_table("JobsTable")),
            objects=S3Objects(s3, "bucket"),
            accounts=Accounts(
                keys=DynamodbKeys(dynamodb, table := aws.create_table("AccountsTable")),
                tenants=DynamodbTenants(dynamodb, table),
            ),
            explain_queue=explain_queue,
            explain_dead=explain_dead,
            batch_queue=batch_queue,
            batch_dead=batch_dead,
            batches=_batches(aws),
            count_messages=lambda: _count_messages(aws),
        )


def _count_messages(aws: EmulatedAws) -> int:
    client = aws.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = [
        client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()
        for url in client.list_queues()["QueueUrls"]
    ]
    return sum(int(count) for of_queue in counts for count in of_queue)


def _queue_pair(aws: EmulatedAws, name: str) -> tuple[SqsQueue, SqsQueue]:
    """Return a queue and that of its dead letters."""
    client = aws.client("sqs")
    dead = client.create_queue(QueueName=f"{name}DeadLetters")["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    redrive = {"deadLetterTargetArn": attributes["QueueArn"], "maxReceiveCount": MAX_RECEIVES}
    made = client.create_queue(QueueName=f"{name}Queue", Attributes={"RedrivePolicy": json.dumps(redrive)})
    return SqsQueue(client, made["QueueUrl"]), SqsQueue(client, dead)


def _batches(aws: EmulatedAws) -> StepFunctionsBatches:
    client = aws.client("stepfunctions")
    machine = client.create_state_machine(
        name="batches",
        definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/batches",
    )
    return StepFunctionsBatches(client, machine["stateMachineArn"])
