"""The jobs in a DynamoDB table: one item each, changed only from the revision that was read.

    pk            sk            attributes
    T#<tenant>    JOB#<id>      the fields of the record, revision, place, expires_at,
                                and while the job is not final: open_shard, due_at

Two indexes carry keys only: ``jobs-by-place`` (pk, place) for lists, ``open-jobs`` (open_shard, due_at) for
jobs that somebody should look after. An index lags behind, so what it names is read again from the table.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from whybox.adapters.aws.failures import failing_as
from whybox.adapters.job_changes import Change, JobChanges
from whybox.domain.jobs.job_cursors import cursor_after, place_after, place_of
from whybox.domain.jobs.job_records import Field, UnreadableRecordError, fields_of, job_of, time_text
from whybox.domain.jobs.jobs import Job
from whybox.errors import DependencyUnavailableError, JobNotFoundError
from whybox.job_ports import JOB_RETENTION, JobPage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PLACE_INDEX: Final = "jobs-by-place"
OPEN_INDEX: Final = "open-jobs"

N_SHARDS: Final = 8
"""Partitions of the open jobs, so that many at once do not all write to one."""

MAX_CONFLICTS: Final = 20
"""Writers of one job are a worker, a sweeper and its owner; each round of a race has a winner."""

MAX_BATCH: Final = 100
"""Items in one BatchGetItem."""

Item = Mapping[str, Any]


class DynamodbJobs(JobChanges):
    """JobStore on DynamoDB."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, job: Job) -> Job:
        """Store a new job, or return the one that has the id already; see the port."""
        item = _key(job.tenant, job.job_id) | _attributes(job, revision=1)
        item["place"] = {"S": place_of(job)}
        item["expires_at"] = {"N": str(math.ceil((job.created_at + JOB_RETENTION).timestamp()))}
        with _unavailable():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=item,
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                found: Any = error.response
                return _job(found["Item"])
        return job

    def read(self, tenant: str, job_id: str) -> Job:
        """Return the job as it is now; see the port."""
        with _unavailable():
            return _job(self._get(tenant, job_id))

    def list(self, tenant: str, *, limit: int, cursor: str | None = None) -> JobPage:
        """Return up to ``limit`` of a tenant's jobs, latest first; see the port."""
        condition, values = "pk = :pk", {":pk": _key(tenant, "")["pk"]}
        if cursor is not None:
            condition += " AND place < :place"
            values[":place"] = {"S": place_after(cursor, tenant=tenant)}
        with _unavailable():
            keys = self._query(
                IndexName=PLACE_INDEX,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ScanIndexForward=False,
                n_wanted=limit + 1,
            )
            found = sorted(self._read_all(keys[:limit]), key=place_of, reverse=True)
        return JobPage(tuple(found), next_cursor=cursor_after(found[-1]) if found and keys[limit:] else None)

    def find_overdue(self, *, now: datetime, limit: int) -> tuple[Job, ...]:
        """Return jobs whose worker went silent or that wait for too long; see the port."""
        keys: list[Item] = []
        with _unavailable():
            for shard in range(N_SHARDS):
                keys += self._query(
                    IndexName=OPEN_INDEX,
                    KeyConditionExpression="open_shard = :shard AND due_at < :now",
                    ExpressionAttributeValues={":shard": {"N": str(shard)}, ":now": {"S": time_text(now)}},
                    n_wanted=limit,
                )
            keys.sort(key=lambda item: str(item["due_at"]["S"]))
            jobs = list(self._read_all(keys[:limit]))
        overdue = [(job.due_at, job) for job in jobs if job.due_at is not None and job.due_at < now]
        return tuple(job for _, job in sorted(overdue, key=lambda due: due[0]))

    def delete_all(self, tenant: str) -> int:
        """Delete every job of a tenant; see the port."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=_prefix_values(tenant),
            ProjectionExpression="pk, sk",
            ConsistentRead=True,
        )
        n_deleted = 0
        with _unavailable():
            for item in [item for page in pages for item in page["Items"]]:
                self._client.delete_item(TableName=self._table, Key=item)
                n_deleted += 1
        return n_deleted

    def _change(self, tenant: str, job_id: str, change: Change) -> Job:
        with _unavailable():
            for _ in range(MAX_CONFLICTS + 1):
                item = self._get(tenant, job_id)
                before = _job(item)
                after = change(before)
                if after == before or self._write(item, after):
                    return after
        raise DependencyUnavailableError("job store")

    def _write(self, item: Item, job: Job) -> bool:
        """Write the job over the revision in ``item``; False when there is another revision by now."""
        revision = int(item["revision"]["N"])
        attributes = _attributes(job, revision=revision + 1)
        # Only what we know is written or removed: what a newer release keeps beside it stays.
        gone = sorted(_our_names(_job(item)) - set(attributes))
        names = {f"#{name}": name for name in [*attributes, *gone]}
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in attributes)
        if gone:
            update += " REMOVE " + ", ".join(f"#{name}" for name in gone)
        try:
            self._client.update_item(
                TableName=self._table,
                Key={name: item[name] for name in ("pk", "sk")},
                UpdateExpression=update,
                ConditionExpression="#revision = :read",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={f":{name}": value for name, value in attributes.items()}
                | {":read": {"N": str(revision)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _get(self, tenant: str, job_id: str) -> Item:
        found = self._client.get_item(TableName=self._table, Key=_key(tenant, job_id), ConsistentRead=True)
        if "Item" not in found:
            raise JobNotFoundError
        return found["Item"]

    def _query(self, *, n_wanted: int, **request: Any) -> Sequence[Item]:
        """Return up to ``n_wanted`` items of an index."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table, PaginationConfig={"MaxItems": n_wanted}, **request
        )
        return [item for page in pages for item in page["Items"]]

    def _read_all(self, keys: Sequence[Item]) -> Iterator[Job]:
        """Yield the jobs of keys as they are now, in any order; those deleted meanwhile are left out."""
        wanted = [{name: key[name] for name in ("pk", "sk")} for key in keys]
        for start in range(0, len(wanted), MAX_BATCH):
            request: Any = {self._table: {"Keys": wanted[start : start + MAX_BATCH], "ConsistentRead": True}}
            for _ in range(MAX_CONFLICTS):  # an answer may hold less than was asked for, if that is large
                answer = self._client.batch_get_item(RequestItems=request)
                yield from map(_job, answer["Responses"].get(self._table, ()))
                request = answer["UnprocessedKeys"]
                if not request:
                    break
            else:
                raise DependencyUnavailableError("job store")


def _unavailable() -> AbstractContextManager[None]:
    return failing_as(
        partial(DependencyUnavailableError, "job store"), BotoCoreError, ClientError, UnreadableRecordError
    )


def _key(tenant: str, job_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"T#{tenant}"}, "sk": {"S": f"JOB#{job_id}"}}


def _prefix_values(tenant: str) -> dict[str, Any]:
    key = _key(tenant, "")
    return {":pk": key["pk"], ":prefix": key["sk"]}


def _attributes(job: Job, *, revision: int) -> dict[str, Any]:
    """Return the attributes of a job but for its key and what never changes."""
    fields: dict[str, Field] = fields_of(job) | {"revision": revision}
    if not job.is_final:
        fields["open_shard"] = zlib.crc32(f"{job.tenant}{job.job_id}".encode()) % N_SHARDS
    return {name: {"N": str(it)} if isinstance(it, int) else {"S": it} for name, it in fields.items()}


def _our_names(job: Job) -> set[str]:
    return set(_attributes(job, revision=1))


def _job(item: Item) -> Job:
    fields: dict[str, Field] = {name: int(it["N"]) for name, it in item.items() if it.get("N", "").isdigit()}
    fields |= {name: it["S"] for name, it in item.items() if "S" in it}
    return job_of(item["pk"]["S"].removeprefix("T#"), fields)
