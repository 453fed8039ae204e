"""Trace a dropped table: what is stored of it, and the job it has become."""

from __future__ import annotations

from dataclasses import dataclass

from whybox.domain.jobs.s3_records import DroppedTable
from whybox.domain.jobs.taken_tables import (
    is_of_version,
    job_in,
    mark_of,
    taken_document,
    taken_key,
    taken_prefix,
)
from whybox.errors import ObjectNotFoundError
from whybox.job_ports import ObjectStore, StoredObject


@dataclass(frozen=True, slots=True)
class TracedTable:
    """A version of a dropped table; ``found`` is None where it is gone, ``job_id`` where it is no job yet."""

    table: DroppedTable
    found: StoredObject | None
    job_id: str | None

    @property
    def version(self) -> str:
        """The version this is about; a name for the one that is gone where nobody said which it was."""
        if self.found is not None:
            return self.found.version
        return self.table.version or "gone"


def trace_table(table: DroppedTable, *, objects: ObjectStore) -> TracedTable:
    """Return what is known of a dropped table; raises DependencyUnavailableError."""
    try:
        found = objects.head(table.key, version=table.version)
    except ObjectNotFoundError:
        return TracedTable(table, None, _search(table, objects=objects))
    return TracedTable(table, found, _read(_key_of(table.tenant, found), objects=objects))


def mark_taken(traced: TracedTable, job_id: str, *, objects: ObjectStore) -> None:
    """Remember which job a table has become: whoever is told of it again goes on with that one."""
    if traced.found is not None:
        objects.put(
            _key_of(traced.table.tenant, traced.found),
            taken_document(traced.table.key, version=traced.version, job_id=job_id),
            content_type="application/json",
        )


def _search(table: DroppedTable, *, objects: ObjectStore) -> str | None:
    """Return the job of a table that is gone: then only its version tells what it was."""
    if table.version is None:
        return None
    for listed in objects.list(taken_prefix(table.tenant)):
        if is_of_version(listed.key, table.version):
            return _read(listed.key, objects=objects)
    return None


def _read(key: str, *, objects: ObjectStore) -> str | None:
    try:
        return job_in(objects.get(key))
    except ObjectNotFoundError:
        return None


def _key_of(tenant: str, found: StoredObject) -> str:
    mark = mark_of(found.key, stored_at=found.stored_at, n_bytes=found.n_bytes)
    return taken_key(tenant, mark, version=found.version)
