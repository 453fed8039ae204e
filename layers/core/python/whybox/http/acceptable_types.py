"""The Accept header: whether the caller takes the type a route answers in (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from fastapi import Request

from whybox.errors import NotAcceptableError
from whybox.http.answers import JSON

_NAME: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE: Final = re.compile(rf"({_NAME})/({_NAME})")
_WEIGHT: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)


def refuse_unacceptable(request: Request) -> None:
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
    ranges = dict(_ranges(header))
    main = media_type.partition("/")[0]
    fitting = (ranges.get(name) for name in (media_type, f"{main}/*", "*/*"))
    return next((is_wanted for is_wanted in fitting if is_wanted is not None), not ranges)


def _ranges(header: str) -> Iterator[tuple[str, bool]]:
    for element in header.split(","):
        name, *parameters = (part.strip(" \t") for part in element.split(";"))
        if _RANGE.fullmatch(name):
            weights = [_WEIGHT.fullmatch(parameter) for parameter in parameters]
            yield name.lower(), all(float(weight[1]) > 0 for weight in weights if weight)


def _offered_types(request: Request) -> Sequence[str]:
    """Return what a route says it answers in; without a word, that is JSON."""
    responses = getattr(request.scope.get("route"), "responses", None) or {}
    return list(responses.get(200, {}).get("content", {})) or [JSON]
