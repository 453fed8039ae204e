"""The Accept header: whether the caller takes the type a route answers in (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fastapi import Request

from whybox.errors import NotAcceptableError
from whybox.http.answers import JSON

_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE: Final = re.compile(rf"({_NAME})/({_NAME})")
_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)


async def refuse_unacceptable(request: Request) -> None:
    """Raise NotAcceptableError where every type of the route is ruled out; HEAD has no body to refuse."""
    header = request.headers.get("accept")
    if header is None or request.method == "HEAD":
        return
    offered = _offered_types(request)
    if not any(accepts(header, media_type) for media_type in offered):
        raise NotAcceptableError(offered)


def accepts(header: str, media_type: str) -> bool:
    """Whether an Accept header admits a type: the most specific range that fits it decides.

    Parameters of a range are not compared. What is no range at all says nothing, and a header that says
    nothing rules nothing out.
    """
    return _weight_of(media_type, dict(_ranges(header))) > 0


def preferred_type(header: str | None, offered: Sequence[str]) -> str:
    """Return the type of those offered that an Accept header weighs most; of equal ones the first."""
    ranges = dict(_ranges(header or ""))
    return max(offered, key=lambda media_type: _weight_of(media_type, ranges))


def _weight_of(media_type: str, ranges: Mapping[str, float]) -> float:
    main = media_type.partition("/")[0]
    fitting = (ranges.get(name) for name in (media_type, f"{main}/*", "*/*"))
    return next((weight for weight in fitting if weight is not None), 0.0 if ranges else 1.0)


def _ranges(header: str) -> Iterator[tuple[str, float]]:
    for element in header.split(","):
        name, *parameters = (part.strip(" \t") for part in element.split(";"))
        if _RANGE.fullmatch(name):
            weights = [_WEIGHT.fullmatch(parameter) for parameter in parameters]
            yield name.lower(), min((float(weight[1]) for weight in weights if weight), default=1.0)


def _offered_types(request: Request) -> Sequence[str]:
    """Return what a route says it answers in; without a word, that is JSON."""
    responses = getattr(request.scope.get("route"), "responses", None) or {}
    return list(responses.get(200, {}).get("content", {})) or [JSON]
