"""The Prefer header (RFC 7240): whether to answer at once with a job, and how long the caller would wait."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from fastapi import Request

from whybox.services.submit_job import Preference

MAX_WAIT_SECONDS: Final = 25
"""An HTTP API gives up after 30 seconds, and the function needs some of them for its answer."""

MAX_LENGTH: Final = 1_000

PREFER_PARAMETER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "respond-async: answer with a job at once, whatever its size. wait=N: wait N seconds, at "
    f"most {MAX_WAIT_SECONDS}, for the result of a job. RFC 7240; what is not understood is ignored.",
    "schema": {"type": "string"},
}

_NAME: Final = r"[!#$%&'*+.^_`|~0-9a-z-]+"
_VALUE: Final = rf'{_NAME}|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
# A preference, its value, and parameters that nobody here reads; the comma behind it, or the very end: `$`
# would match before a last line feed too, and nothing would be taken.
_PREFERENCE: Final = re.compile(
    rf"[ \t]*(?:({_NAME})(?:[ \t]*=[ \t]*({_VALUE})?)?(?:[ \t]*+;[^,;]*+)*+)?[ \t]*+(?:,|\Z)", re.IGNORECASE
)
_SECONDS: Final = re.compile(r'"?([0-9]{1,9})"?')


def read_preferences(request: Request) -> Preference:
    """Return what all Prefer headers of a request ask for.

    As the RFC has it, a preference that is unknown or malformed counts for nothing, and of two of one name
    the first holds.
    """
    found: dict[str, str] = {}
    for header in request.headers.getlist("prefer"):
        for name, value in _preferences(header[:MAX_LENGTH]):
            found.setdefault(name, value)
    seconds = _SECONDS.fullmatch(found.get("wait", ""))
    return Preference(
        is_async="respond-async" in found,
        wait_seconds=None if seconds is None else min(int(seconds[1]), MAX_WAIT_SECONDS),
    )


def _preferences(header: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(header):
        preference = _PREFERENCE.match(header, position)
        if preference is None:
            return
        if preference[1]:
            yield preference[1].lower(), preference[2] or ""
        position = preference.end()
