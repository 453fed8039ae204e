"""AWS in this process: moto behind one lock, with faults on request, and the tables of our own template.

moto is not atomic under threads, so one lock stands around it. The lock is inside the HTTP session of a
client, below the SDK's retries, where a real network would be: requests and answers can be lost there too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError
from botocore.retries.standard import ExponentialBackoff
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber
from tests.architecture.conftest import read_template

from whybox.adapters.aws.clients import Service, client_config

REGION = "us-east-1"
TEMPLATE = Path(__file__).parents[2] / "template.yaml"

Fault = Literal["lost request", "lost answer", "throttled", "cut answer"]
FAULTS: tuple[Fault, ...] = ("lost request", "lost answer", "throttled")
Faults = Callable[[], Fault | None]


def no_faults() -> None:
    """Nothing ever fails."""


def faults_in_order(*faults: Fault | None) -> Faults:
    """Let the first sends fail like this, one after the other, and then nothing."""
    waiting = list(faults)
    return lambda: waiting.pop(0) if waiting else None


def random_faults(share: float, *, seed: int) -> Faults:
    """Let a share of all sends fail, each in one of the three ways."""
    generator = random.Random(seed)  # noqa: S311 - which call fails, not a secret
    return lambda: generator.choice(FAULTS) if generator.random() < share else None


_THROTTLED = (400, b'{"__type":"ThrottlingException","message":"slow down"}')
_SLOW_DOWN = {"s3": (503, b"<Error><Code>SlowDown</Code><Message>slow down</Message></Error>")}
"""How S3 says it; the other services answer in JSON."""


@dataclass
class _Session:
    """What botocore sends through: moto under the lock, or a fault."""

    lock: Any
    faults: Faults
    service: str = "dynamodb"

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        fault = self.faults()
        if fault == "lost request":
            raise ConnectionClosedError(endpoint_url=request.url)
        if fault == "throttled":
            status, body = _SLOW_DOWN.get(self.service, _THROTTLED)
            return AWSResponse(request.url, status, {}, MockRawResponse(body))
        with self.lock:
            status, headers, content = botocore_stubber.process_request(request)
        if fault == "lost answer":
            raise ConnectionClosedError(endpoint_url=request.url)
        if fault == "cut answer":
            content = content[:-1]
        return AWSResponse(request.url, status, headers, MockRawResponse(content))

    def close(self) -> None:
        """Nothing is open."""


@cache
def _resources() -> dict[str, Any]:
    resources: dict[str, Any] = read_template(TEMPLATE)["Resources"]
    return resources


@dataclass
class EmulatedAws:
    """One account; every client of it shares the one lock."""

    lock: Any = field(default_factory=Lock)

    def client(self, service: Service, *, faults: Faults = no_faults, attempts: int = 3) -> Any:
        """Return a boto3 client whose requests end in moto."""
        config = client_config(service).merge(
            Config(retries={"mode": "standard", "total_max_attempts": attempts}, max_pool_connections=64)
        )
        client = boto3.client(
            service,
            region_name=REGION,
            aws_access_key_id="emulated",
            aws_secret_access_key="emulated",
            config=config,
        )
        client._endpoint.http_session = _Session(self.lock, faults, service)
        return client

    def create_table(self, resource: str) -> str:
        """Create a table as the template defines it, by the name of its resource; return the table's name."""
        properties = _resources()[resource]["Properties"]
        wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        self.client("dynamodb").create_table(
            TableName=resource, **{name: properties[name] for name in wanted if name in properties}
        )
        return resource

    def expire_items(self, table: str, *, now: datetime) -> None:
        """Delete what a table's time to live says is over, as DynamoDB does within days."""
        client = self.client("dynamodb")
        for item in client.scan(TableName=table)["Items"]:
            if "expires_at" in item and float(item["expires_at"]["N"]) < now.timestamp():
                client.delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})


@contextmanager
def emulated_aws(*, runs_state_machines: bool = False) -> Iterator[EmulatedAws]:
    """Yield an empty account; the SDK does not wait before it tries again.

    Left to itself moto keeps the executions of state machines and runs none of them.
    """
    wait = ExponentialBackoff.delay_amount
    ExponentialBackoff.delay_amount = lambda _self, _context: 0
    try:
        with mock_aws(config={"stepfunctions": {"execute_state_machine": runs_state_machines}}):
            botocore_stubber.enabled = False  # our sessions ask moto themselves, under the lock
            yield EmulatedAws()
    finally:
        ExponentialBackoff.delay_amount = wait
