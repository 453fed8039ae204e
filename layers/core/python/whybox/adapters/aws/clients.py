"""Clients of AWS services, each with timeouts and a bounded number of attempts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, cast

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

Service = Literal["dynamodb", "s3", "sqs", "stepfunctions", "secretsmanager"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one attempt may take to connect and to answer, and how many attempts there are."""

    connect_seconds: float
    read_seconds: float
    attempts: int = 3

    @property
    def longest_seconds(self) -> float:
        """The longest a call can take: every attempt times out, every pause is as long as it can be."""
        pauses = sum(
            2.0**retry for retry in range(self.attempts - 1)
        )  # standard mode: at most 1, 2, 4, ... s
        return self.attempts * (self.connect_seconds + self.read_seconds) + pauses


PATIENCE: Final[dict[Service, Patience]] = {
    "dynamodb": Patience(connect_seconds=1, read_seconds=2),
    "s3": Patience(
        connect_seconds=2, read_seconds=6
    ),  # between two pieces of a body, not for the whole of it
    "sqs": Patience(connect_seconds=1, read_seconds=4),
    "stepfunctions": Patience(connect_seconds=1, read_seconds=4),
    "secretsmanager": Patience(connect_seconds=1, read_seconds=2, attempts=2),  # read by the short authorizer
}
"""All within the 29 seconds of a request; DynamoDB answers in milliseconds, so it is given up early."""


def client_config(service: Service, *, is_emulated: bool = False) -> Config:
    """Return what the SDK is told about a service: timeouts, bounded retries, and how S3 is addressed."""
    from botocore.config import Config

    patience = PATIENCE[service]
    return Config(
        connect_timeout=patience.connect_seconds,
        read_timeout=patience.read_seconds,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        signature_version="s3v4" if service == "s3" else None,  # unless told, the SDK presigns with SigV2
        s3=_addressing(is_emulated=is_emulated) if service == "s3" else None,
        # We state a SHA-256 ourselves. Left to itself the SDK adds a CRC to every PUT, presigned ones too.
        request_checksum_calculation="when_required",
    )


def _addressing(*, is_emulated: bool) -> Any:
    """Presign for the bucket's own region: no redirect then. An emulator has no host for each bucket."""
    style = "path" if is_emulated else "virtual"
    return {"addressing_style": style, "us_east_1_regional_endpoint": "regional"}


@dataclass(frozen=True)
class AwsClients:
    """Makes clients from one session; ``endpoint_url`` is another address for all of AWS, for an emulator.

    This is botocore without boto3's resources and transfers, which nobody here uses: it loads a third faster.
    """

    region: str | None = None
    endpoint_url: str | None = None

    @cached_property
    def _session(self) -> Session:
        from botocore.session import get_session

        return get_session()

    def dynamodb(self) -> DynamoDBClient:
        """Return a client of DynamoDB."""
        return cast("DynamoDBClient", self._client("dynamodb"))

    def s3(self) -> S3Client:
        """Return a client of S3."""
        return cast("S3Client", self._client("s3"))

    def sqs(self) -> SQSClient:
        """Return a client of SQS."""
        return cast("SQSClient", self._client("sqs"))

    def stepfunctions(self) -> SFNClient:
        """Return a client of Step Functions."""
        return cast("SFNClient", self._client("stepfunctions"))

    def secretsmanager(self) -> Any:
        """Return a client of Secrets Manager."""
        return self._client("secretsmanager")

    def _client(self, service: Service) -> Any:
        return self._session.create_client(
            service,
            region_name=self.region,
            endpoint_url=self.endpoint_url or None,
            config=client_config(service, is_emulated=bool(self.endpoint_url)),
        )
