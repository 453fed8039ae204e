"""GET /v1/jobs, GET and DELETE /v1/jobs/{job_id}, and GET /v1/jobs/{job_id}/result."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from whybox.domain.pages.web_pages import CONTENT_SECURITY_POLICY
from whybox.http.acceptable_types import preferred_type
from whybox.http.answers import GUARD_HEADERS, JSON, json_answer
from whybox.http.identities import authorize_explanation, authorize_reading
from whybox.http.job_access import job_ports
from whybox.http.job_answers import ROUTE, JobAnswer, describe_job, retry_headers
from whybox.http.openapi_words import SECURITY, problem_responses
from whybox.http.parameters import WHOLE, refuse_parameters, refuse_repeats
from whybox.ports import Identity
from whybox.services.cancel_job import cancel_job
from whybox.services.list_jobs import DEFAULT_LIMIT, MAX_LIMIT, list_jobs
from whybox.services.read_job import read_job
from whybox.services.read_result import FILES, ResultFile, read_result

MAX_CURSOR_LENGTH: Final = 1_000
FORMATS: Final = {
    content_type.partition(";")[0]: name for name, (_, content_type) in reversed(list(FILES.items()))
}
"""What the Accept header may ask for; of two formats of one type the first in FILES."""

OFFERED: Final = tuple(dict.fromkeys(content_type.partition(";")[0] for _, content_type in FILES.values()))

router = APIRouter()

Reader = Annotated[Identity, Depends(authorize_reading)]
JobId = Annotated[str, Path(description="The job's id.")]


class ListQuery(BaseModel):
    """Which jobs to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Most jobs of one answer."), WHOLE] = (
        DEFAULT_LIMIT
    )
    cursor: Annotated[
        str | None,
        Field(max_length=MAX_CURSOR_LENGTH, description="Where to go on: next of the answer before."),
    ] = None


class ResultQuery(BaseModel):
    """The form of a result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Annotated[
        Literal["json", "parquet", "csv", "html", "predictions"] | None,
        Field(
            description="Left out, the Accept header decides; that is JSON for a client that takes anything. "
            "predictions is a Parquet of its own, where the JSON leaves them out."
        ),
    ] = None


class JobsAnswer(BaseModel):
    """Some jobs, the latest first."""

    jobs: list[JobAnswer]
    next: Annotated[str | None, Field(description="The cursor of the jobs before these; null at the end.")]


@router.get(
    ROUTE,
    summary="Your jobs, the latest first",
    responses={
        200: {
            "model": JobsAnswer,
            "headers": {
                "Link": {"description": "rel=next: the jobs before these.", "schema": {"type": "string"}}
            },
        },
        **problem_responses(400, 401, 403, 422, 503),
    },
    openapi_extra=SECURITY,
    dependencies=[Depends(authorize_reading), Depends(refuse_repeats)],
)
async def jobs_list(request: Request, query: Annotated[ListQuery, Query()], caller: Reader) -> Response:
    """List jobs of every door; a cursor is for the caller it was given to."""
    page = list_jobs(caller.tenant, jobs=job_ports(request).jobs, limit=query.limit, cursor=query.cursor)
    answer = json_answer({"jobs": [describe_job(job) for job in page.jobs], "next": page.next_cursor})
    if page.next_cursor is not None:
        following = urlencode({"limit": query.limit, "cursor": page.next_cursor})
        answer.headers["link"] = f'<{ROUTE}?{following}>; rel="next"'
    return answer


@router.get(
    f"{ROUTE}/{{job_id}}",
    summary="What is known about a job",
    responses={200: {"model": JobAnswer}, **problem_responses(401, 403, 404, 422, 503)},
    openapi_extra=SECURITY,
    dependencies=[Depends(refuse_parameters)],
)
async def job_state(request: Request, job_id: JobId, caller: Reader) -> Response:
    """Tell how far a job is, in rows; Retry-After says when to ask again."""
    job = read_job(caller.tenant, job_id, jobs=job_ports(request).jobs)
    answer = json_answer(describe_job(job))
    answer.headers.update(retry_headers(job))
    return answer


@router.delete(
    f"{ROUTE}/{{job_id}}",
    status_code=HTTPStatus.NO_CONTENT,
    summary="Cancel a job",
    responses={
        204: {"description": "It is cancelled, or will be at its next block of rows, or was over before."},
        **problem_responses(401, 403, 404, 422, 503),
    },
    openapi_extra=SECURITY,
    dependencies=[Depends(refuse_parameters)],
)
async def job_cancel(
    request: Request, job_id: JobId, caller: Annotated[Identity, Depends(authorize_explanation)]
) -> Response:
    """End a job; what was not delivered is not charged. A job that is over stays as it is."""
    state = request.app.state
    cancel_job(caller.tenant, job_id, jobs=job_ports(request).jobs, usage=state.usage, clock=state.clock)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=GUARD_HEADERS)


@router.get(
    f"{ROUTE}/{{job_id}}/result",
    summary="The result of a job",
    response_class=Response,
    responses={
        200: {
            "description": "The result document, a line for every explained row, or the report for people.",
            "content": {
                JSON: {"schema": {"type": "object"}},
                **{name: {"schema": {"type": "string"}} for name in OFFERED if name != JSON},
            },
        },
        303: {
            "description": "A large result is behind a signed link, to be followed without the token.",
            "headers": {"Location": {"description": "The link.", "schema": {"type": "string"}}},
        },
        **problem_responses(401, 403, 404, 409, 410, 422, 503),
    },
    openapi_extra=SECURITY,
    dependencies=[Depends(authorize_reading), Depends(refuse_repeats)],
)
async def job_result(
    request: Request, job_id: JobId, query: Annotated[ResultQuery, Query()], caller: Reader
) -> Response:
    """Return the result as JSON, Parquet, CSV or HTML; of a large one the JSON is a summary."""
    ports = job_ports(request)
    wanted = query.format or FORMATS[preferred_type(request.headers.get("accept"), OFFERED)]
    found = read_result(caller.tenant, job_id, wanted, jobs=ports.jobs, objects=ports.objects)
    if found.content is None:
        link = {"location": found.link or ""}
        return Response(status_code=HTTPStatus.SEE_OTHER, headers={**GUARD_HEADERS, **link})
    return Response(found.content, headers={**GUARD_HEADERS, **_file_headers(found)})


def _file_headers(found: ResultFile) -> dict[str, str]:
    """Return the type of a file, and that it is to be kept and not shown, unless it is JSON."""
    headers = {"content-type": found.content_type}
    if found.content_type != JSON:
        headers["content-disposition"] = f'attachment; filename="{found.file_name}"'
        headers["content-security-policy"] = CONTENT_SECURITY_POLICY
    return headers
