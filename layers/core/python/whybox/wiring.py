"""Settings in, connected ports out: the one place that chooses adapters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from whybox.adapters.local.secret_file import LINK_FILE_NAME, read_or_make_secret
from whybox.adapters.local.sqlite_keys import SqliteKeys
from whybox.adapters.local.sqlite_replies import SqliteReplies
from whybox.adapters.local.sqlite_tenants import SqliteTenants
from whybox.adapters.local.sqlite_usage import SqliteUsage
from whybox.adapters.local.system_clock import SystemClock
from whybox.errors import ConfigurationError
from whybox.ports import Accounts, Clock, PlanStore, ReplyStore, TokenKeys, UsageLedger
from whybox.services.verify_token import TOKEN_TYPES, SharedSecret, TokenKey
from whybox.settings import AwsSettings, Settings, checked_secret

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

    from whybox.adapters.aws.clients import AwsClients
    from whybox.adapters.aws.secret_keys import SecretKeys
    from whybox.adapters.local.folder_objects import FolderUploads
    from whybox.adapters.local.signed_links import SignedLinks
    from whybox.adapters.local.sqlite_batches import SqliteBatches
    from whybox.adapters.local.sqlite_queue import SqliteQueue
    from whybox.adapters.local.sqlite_told_files import SqliteToldFiles
    from whybox.adapters.local.versioned_files import VersionedFiles
    from whybox.job_ports import (
        BatchStarter,
        JobStore,
        ObjectStore,
        UploadSigner,
        UploadStore,
        WorkQueue,
    )

__all__ = ["LocalPorts", "Ports", "connect", "connect_local"]

QUEUES_FILE = "queues.sqlite3"
"""In ``settings.home``; all queues of this machine, so that one can take another's dead letters."""

EXPLAIN_QUEUE, BATCH_QUEUE = "ExplainQueue", "BatchQueue"
"""As the template calls them: the local gateway reads there who is given their messages, and how often."""

MAX_RECEIVES = 5
"""How often a message is delivered before it is a dead letter, where no template says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Ports(ABC):
    """Everything outside the process that a service may be given.

    What only jobs need is made when it is first asked for: most functions never do. Raises ConfigurationError
    then, where the settings do not say where it is.
    """

    clock: Clock
    token_key: TokenKey
    usage: UsageLedger
    replies: ReplyStore
    accounts: Accounts
    plans: PlanStore

    @property
    @abstractmethod
    def jobs(self) -> JobStore:
        """The state of every job."""

    @property
    @abstractmethod
    def objects(self) -> ObjectStore:
        """Uploads, dropped tables and results."""

    @property
    @abstractmethod
    def uploads(self) -> UploadSigner:
        """Links by which a caller stores an object himself."""

    @property
    @abstractmethod
    def announcements(self) -> UploadStore:
        """The uploads that were announced."""

    @property
    @abstractmethod
    def explain_queue(self) -> WorkQueue:
        """Jobs for the function with more memory."""

    @property
    @abstractmethod
    def batch_queue(self) -> WorkQueue:
        """News of tables that were dropped in."""

    @property
    @abstractmethod
    def batches(self) -> BatchStarter:
        """The large way through a batch."""


def connect(settings: Settings) -> Ports:
    """Return the ports of the settings: on AWS, or in SQLite files and a secret in ``settings.home``.

    Nothing is connected to before a port is used.

    Raises
    ------
    ConfigurationError
        The secret cannot be made or read, or is unsafe.

    """
    if settings.aws is not None:
        return _connect_aws(settings, settings.aws)
    return connect_local(settings)


def connect_local(settings: Settings) -> LocalPorts:
    """Return the ports on this machine, with what only the gateway does; raises as ``connect`` does."""
    usage = SqliteUsage(settings.home / "usage.sqlite3", default_limit=settings.monthly_limit)
    return LocalPorts(
        clock=SystemClock(),
        token_key=_token_key(settings, lambda: SharedSecret(signing_secret(settings))),
        usage=usage,
        replies=SqliteReplies(settings.home / "replies.sqlite3"),
        accounts=Accounts(
            keys=SqliteKeys(settings.home / "keys.sqlite3"),
            tenants=SqliteTenants(settings.home / "tenants.sqlite3"),
        ),
        plans=usage,
        settings=settings,
    )


@dataclass(frozen=True, kw_only=True)
class LocalPorts(Ports):
    """What jobs need, in SQLite files and a folder."""

    settings: Settings

    @cached_property
    def jobs(self) -> JobStore:
        """The state of every job."""
        from whybox.adapters.local.sqlite_jobs import SqliteJobs

        return SqliteJobs(self.settings.home / "jobs.sqlite3")

    @cached_property
    def objects(self) -> ObjectStore:
        """Uploads, dropped tables and results."""
        from whybox.adapters.local.folder_objects import FolderObjects

        return FolderObjects(self._bucket, links=self._links)

    @cached_property
    def uploads(self) -> FolderUploads:
        """Links by which a caller stores an object himself, and what they lead to."""
        from whybox.adapters.local.folder_objects import FolderUploads

        return FolderUploads(self._bucket, links=self._links)

    @cached_property
    def announcements(self) -> UploadStore:
        """The uploads that were announced."""
        from whybox.adapters.local.sqlite_uploads import SqliteUploads

        return SqliteUploads(self.settings.home / "uploads.sqlite3")

    @cached_property
    def explain_queue(self) -> WorkQueue:
        """Jobs for the function with more memory."""
        return self.queue(EXPLAIN_QUEUE)

    @cached_property
    def batch_queue(self) -> WorkQueue:
        """News of tables that were dropped in."""
        return self.queue(BATCH_QUEUE)

    @cached_property
    def batches(self) -> SqliteBatches:
        """The large way through a batch, and which are open."""
        from whybox.adapters.local.sqlite_batches import SqliteBatches

        return SqliteBatches(self.settings.home / "batches.sqlite3")

    @property
    def _bucket(self) -> Path:
        return self.settings.home / "bucket"

    @cached_property
    def _links(self) -> SignedLinks:
        from whybox.adapters.local.signed_links import SignedLinks

        secret = read_or_make_secret(self.settings.home, LINK_FILE_NAME)
        return SignedLinks(secret, self.settings.url, self.clock)

    def queue(
        self, name: str, *, dead_letters: str | None = None, max_receives: int = MAX_RECEIVES
    ) -> SqliteQueue:
        """Return a queue; whoever receives from it says where its dead letters go."""
        from whybox.adapters.local.sqlite_queue import SqliteQueue

        return SqliteQueue(
            self.settings.home / QUEUES_FILE,
            name,
            clock=self.clock,
            dead_letters=dead_letters,
            max_receives=max_receives,
        )

    @cached_property
    def files(self) -> VersionedFiles:
        """The files that the objects are, for who looks after those that people drop."""
        from whybox.adapters.local.versioned_files import VersionedFiles

        return VersionedFiles(self._bucket)

    @cached_property
    def told_files(self) -> SqliteToldFiles:
        """Which dropped files were told of."""
        from whybox.adapters.local.sqlite_told_files import SqliteToldFiles

        return SqliteToldFiles(self.settings.home / "told-files.sqlite3")


def _connect_aws(settings: Settings, aws: AwsSettings) -> Ports:
    """Return the ports on AWS; the SDK is loaded only here."""
    from whybox.adapters.aws.clients import AwsClients
    from whybox.adapters.aws.dynamodb_accounts import DynamodbKeys, DynamodbTenants
    from whybox.adapters.aws.dynamodb_replies import DynamodbReplies
    from whybox.adapters.aws.dynamodb_usage import DynamodbUsage

    clients = AwsClients(endpoint_url=aws.endpoint_url)
    dynamodb = clients.dynamodb()
    usage = DynamodbUsage(dynamodb, aws.usage_table, default_limit=settings.monthly_limit)
    return _AwsPorts(
        clock=SystemClock(),
        token_key=_token_key(settings, partial(_secret_in_aws, aws, clients)),
        usage=usage,
        replies=DynamodbReplies(dynamodb, aws.usage_table),
        accounts=Accounts(
            keys=DynamodbKeys(dynamodb, aws.accounts_table),
            tenants=DynamodbTenants(dynamodb, aws.accounts_table),
        ),
        plans=usage,
        aws=aws,
        clients=clients,
        dynamodb=dynamodb,
    )


@dataclass(frozen=True, kw_only=True)
class _AwsPorts(Ports):
    """What jobs need, on AWS; each client is made once, for it takes a light function's start to make."""

    aws: AwsSettings
    clients: AwsClients
    dynamodb: DynamoDBClient

    @cached_property
    def jobs(self) -> JobStore:
        from whybox.adapters.aws.dynamodb_jobs import DynamodbJobs

        return DynamodbJobs(self.dynamodb, _given(self.aws.jobs_table, "WHYBOX_JOBS_TABLE"))

    @cached_property
    def objects(self) -> ObjectStore:
        from whybox.adapters.aws.s3_objects import S3Objects

        return S3Objects(self._s3, _given(self.aws.bucket, "WHYBOX_BUCKET"))

    @cached_property
    def uploads(self) -> UploadSigner:
        from whybox.adapters.aws.s3_objects import S3Uploads

        return S3Uploads(self._s3, _given(self.aws.bucket, "WHYBOX_BUCKET"))

    @cached_property
    def announcements(self) -> UploadStore:
        """The uploads that were announced."""
        from whybox.adapters.aws.dynamodb_uploads import DynamodbUploads

        return DynamodbUploads(self.dynamodb, _given(self.aws.jobs_table, "WHYBOX_JOBS_TABLE"))

    @cached_property
    def explain_queue(self) -> WorkQueue:
        return self._queue(self.aws.explain_queue_url, "WHYBOX_EXPLAIN_QUEUE_URL")

    @cached_property
    def batch_queue(self) -> WorkQueue:
        return self._queue(self.aws.batch_queue_url, "WHYBOX_BATCH_QUEUE_URL")

    @cached_property
    def batches(self) -> BatchStarter:
        from whybox.adapters.aws.step_functions import StepFunctionsBatches

        arn = _given(self.aws.batch_machine_arn, "WHYBOX_BATCH_MACHINE_ARN")
        return StepFunctionsBatches(self.clients.stepfunctions(), arn)

    @cached_property
    def _s3(self) -> S3Client:
        return self.clients.s3()

    @cached_property
    def _sqs(self) -> SQSClient:
        return self.clients.sqs()

    def _queue(self, url: str, variable: str) -> WorkQueue:
        from whybox.adapters.aws.sqs_queue import SqsQueue

        return SqsQueue(self._sqs, _given(url, variable))


def _given(value: str, variable: str) -> str:
    """Return what jobs need to know, in the function that needs it."""
    if not value:
        raise ConfigurationError(f"{variable} is not set, and jobs need it; the template sets it.")
    return value


def _secret_in_aws(aws: AwsSettings, clients: AwsClients) -> SecretKeys:
    from whybox.adapters.aws.secret_keys import SecretKeys

    return SecretKeys(clients.secretsmanager(), aws.secret_arn or "", check=checked_secret)


def _token_key(settings: Settings, own_keys: Callable[[], TokenKeys]) -> TokenKey:
    """Return what tokens are verified with: our own one secret, or the keys that an issuer publishes."""
    issuer, audience, jwks = settings.jwt_issuer, settings.jwt_audience, settings.jwks
    if jwks is None:
        return TokenKey(own_keys(), issuer, audience)
    from whybox.adapters.https.documents import fetch_json, trusted_authorities
    from whybox.adapters.https.jwks_keys import JwksKeys

    fetch = partial(fetch_json, jwks.url, trust=trusted_authorities(jwks.ca_file))
    return TokenKey(
        JwksKeys(fetch),
        issuer,
        audience,
        types=TOKEN_TYPES[jwks.token_type],
        clients=jwks.clients,
        scope_prefix=jwks.scope_prefix,
        is_from_issuer=True,
    )


def signing_secret(settings: Settings) -> bytes:
    """Return the HS256 secret of the settings, or the one in ``settings.home``, made if there is none.

    Raises ConfigurationError where tokens are another issuer's.
    """
    if settings.jwks is not None:
        raise ConfigurationError(
            f"Tokens come from the issuer {settings.jwt_issuer}: ask it for an access token. whybox makes "
            "them only where they are verified with a shared secret, without WHYBOX_JWKS_URL."
        )
    if settings.aws is not None:
        from whybox.adapters.aws.clients import AwsClients

        return _secret_in_aws(settings.aws, AwsClients(endpoint_url=settings.aws.endpoint_url)).secret()
    return settings.jwt_secret or read_or_make_secret(settings.home)
