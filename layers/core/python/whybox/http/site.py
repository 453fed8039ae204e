"""The pages and documents of the service itself; they need no token, and answer what no other route does."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from whybox import __version__
from whybox.domain.pages.web_pages import CONTENT_SECURITY_POLICY
from whybox.errors import BackingServiceError, NotFoundError
from whybox.http.answers import JSON, json_answer
from whybox.http.openapi_words import PUBLIC, problem_responses
from whybox.http.pages import LOCAL_URL, docs_page, index_page, problem_page, problems_page
from whybox.http.problem_catalogue import CATALOGUE

router = APIRouter()

PAGE_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "public, max-age=300",
}
HTML_RESPONSE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}
}
HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9a-f:]{2,39}\](:[0-9]{1,5})?")
PROBE_TENANT: Final = "health"
OPENAPI_FILE: Final = "openapi.json"


class HealthAnswer(BaseModel):
    """Whether the service can work."""

    status: Annotated[str, Field(description="ok, or degraded when the usage store does not answer.")]
    version: str
    time: Annotated[str, Field(description="The server's clock, RFC 3339.")]
    storage: Annotated[str, Field(description="reachable or unreachable.")]


def _page(html: str) -> Response:
    return Response(html.encode(), media_type="text/html; charset=utf-8", headers=PAGE_HEADERS)


@cache
def read_openapi() -> dict[str, Any]:
    """Return the checked-in OpenAPI document."""
    text = resources.files("whybox.http").joinpath(OPENAPI_FILE).read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


@router.get("/", summary="The front page", responses=HTML_RESPONSE, openapi_extra=PUBLIC)
@router.head("/", include_in_schema=False)
async def index(request: Request) -> Response:
    """Say what the service does and how to a first answer."""
    return _page(index_page(version=__version__, base_url=_base_url(request)))


@router.get("/docs", summary="The API reference", responses=HTML_RESPONSE, openapi_extra=PUBLIC)
@router.head("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Show every endpoint with its parameters and with commands to copy."""
    return _page(docs_page(read_openapi(), base_url=_base_url(request)))


@router.get("/problems", summary="All problems", responses=HTML_RESPONSE, openapi_extra=PUBLIC)
@router.head("/problems", include_in_schema=False)
async def problems() -> Response:
    """List every error the service answers."""
    return _page(problems_page(CATALOGUE.values()))


@router.get(
    "/problems/{code}",
    summary="One problem",
    responses={**HTML_RESPONSE, **problem_responses(404)},
    openapi_extra=PUBLIC,
)
@router.head("/problems/{code}", include_in_schema=False)
async def problem(
    code: Annotated[
        str, Path(description="The last part of a problem's `type`.", examples=["csv-ragged-rows"])
    ],
) -> Response:
    """Say what a problem means and what to do about it."""
    if code not in CATALOGUE:
        raise NotFoundError
    return _page(problem_page(CATALOGUE[code]))


@router.get(
    "/health",
    summary="Whether the service can work",
    responses={200: {"model": HealthAnswer}},
    openapi_extra=PUBLIC,
)
@router.head("/health", include_in_schema=False)
async def health(request: Request) -> Response:
    """Answer always; the usage store is tried, because nothing is computed without it."""
    state = request.app.state
    now = state.clock.now()
    try:
        state.usage.read(PROBE_TENANT, now=now)
        is_reachable = True
    except BackingServiceError:
        is_reachable = False
    return json_answer(
        {
            "status": "ok" if is_reachable else "degraded",
            "version": __version__,
            "time": now.isoformat(),
            "storage": "reachable" if is_reachable else "unreachable",
        }
    )


@router.get(
    "/openapi.json",
    summary="This reference for machines",
    responses={200: {"description": "OpenAPI 3.1.", "content": {JSON: {"schema": {"type": "object"}}}}},
    openapi_extra=PUBLIC,
)
@router.head("/openapi.json", include_in_schema=False)
async def openapi() -> Response:
    """Return the OpenAPI document that was built from the code."""
    answer = json_answer(read_openapi())
    answer.headers.update({"cache-control": PAGE_HEADERS["cache-control"]})
    return answer


def methods_of_path(path: str) -> tuple[str, ...]:
    """Return the methods the whole service has for a path, sorted; GET brings HEAD on the public pages.

    The gateway sends here whatever no other route of it answers, so this is where 404 and 405 part.
    """
    for template, operations in read_openapi()["paths"].items():
        pattern = re.sub(r"\\\{[^/]+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path):
            found = {method.upper() for method in operations}
            is_public = "get" in operations and not operations["get"].get("security")
            return tuple(sorted(found | ({"HEAD"} if is_public else set())))
    return ()


def _base_url(request: Request) -> str:
    """Return where the service was asked for, for the commands on a page."""
    event = request.scope.get("aws.event") or {}
    host = str(event.get("requestContext", {}).get("domainName") or "")
    scheme = "http" if request.headers.get("x-forwarded-proto") == "http" else "https"
    return f"{scheme}://{host}" if HOST.fullmatch(host) else LOCAL_URL
