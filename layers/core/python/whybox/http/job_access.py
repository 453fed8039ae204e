"""What routes of uploads and jobs stand on: ports made when first asked for, and the sizes of functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request

from whybox.job_ports import JobStore, ObjectStore, UploadSigner, UploadStore, WorkQueue


class JobPorts(Protocol):
    """The ports of uploads and jobs; a function uses, and may use, only what its routes need."""

    @property
    def jobs(self) -> JobStore:
        """The state of every job."""

    @property
    def objects(self) -> ObjectStore:
        """Uploads, dropped tables and results."""

    @property
    def uploads(self) -> UploadSigner:
        """Links by which a caller stores an object himself."""

    @property
    def announcements(self) -> UploadStore:
        """The uploads that were announced."""

    @property
    def explain_queue(self) -> WorkQueue:
        """Jobs for the function with more memory."""


@dataclass(frozen=True, slots=True)
class JobAccess:
    """The ports, the megabytes of the functions behind the queues, and the threads of this one."""

    ports: JobPorts
    heavy_memory_mb: int
    n_threads: int


def job_ports(request: Request) -> JobPorts:
    """Return the ports that the function was given."""
    access: JobAccess = request.app.state.job_access
    return access.ports


def threads_of(request: Request) -> int:
    """Return how many threads the function may work on rows in."""
    access: JobAccess = request.app.state.job_access
    return access.n_threads


def lambda_context(request: Request) -> Any:
    """Return what Lambda says about this invocation, None outside of it."""
    return request.scope.get("aws.context")
