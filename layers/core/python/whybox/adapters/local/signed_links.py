"""Links that one request may use for a while: presigned URLs, for the gateway on this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from whybox.errors import UploadLinkExpiredError, UploadLinkInvalidError
from whybox.ports import Clock

PATH: Final = "/bucket/"
"""Where the gateway answers such links; what follows is the object's key."""

_PARAMETERS: Final = ("expires", "headers", "file-name")


@dataclass(frozen=True, slots=True)
class LinkUse:
    """What a request that holds a good link may do, and the headers that were signed with it."""

    key: str
    headers: Mapping[str, str]
    file_name: str


@dataclass(frozen=True, slots=True)
class SignedLinks:
    """Signs links with a key of this machine and checks requests that use them."""

    secret: bytes = field(repr=False)
    base_url: str
    clock: Clock

    def sign(
        self,
        method: str,
        key: str,
        *,
        expires_seconds: int,
        headers: Mapping[str, str] | None = None,
        file_name: str = "",
    ) -> tuple[str, datetime]:
        """Return a link for one method, key and set of headers, and the time it ends."""
        signed = {name.lower(): value for name, value in (headers or {}).items()}
        expires = math.floor(self.clock.now().timestamp()) + expires_seconds
        query = {"expires": str(expires), "headers": ";".join(sorted(signed)), "file-name": file_name}
        query["signature"] = self._signature(method, key, signed, query)
        url = f"{self.base_url.rstrip('/')}{PATH}{quote(key)}?{urlencode(query)}"
        return url, datetime.fromtimestamp(expires, UTC)

    def check(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> LinkUse:
        """Return what a request may do, from its method, its target as it was sent, and its headers.

        Raises
        ------
        UploadLinkInvalidError
            Something is not as it was signed. As S3 does, a header that changes what is stored counts as such
            when it was not signed at all.
        UploadLinkExpiredError
            Everything is as it was signed, and the time is over.

        """
        key, query = _taken_apart(target)
        sent = _by_name(headers)
        names = [name for name in query["headers"].split(";") if name]
        if any(name not in sent for name in names):
            raise UploadLinkInvalidError
        if any(name.startswith("x-amz-") and name not in names for name in sent):
            raise UploadLinkInvalidError
        signed = {name: sent[name] for name in names}
        expected = self._signature(method, key, signed, query)
        if not hmac.compare_digest(expected.encode(), query["signature"].encode()):
            raise UploadLinkInvalidError
        if self.clock.now().timestamp() >= int(query["expires"]):
            raise UploadLinkExpiredError
        return LinkUse(key, signed, query["file-name"])

    def _signature(self, method: str, key: str, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        parts = [method, key, sorted(headers.items()), [query[name] for name in _PARAMETERS]]
        return hmac.new(self.secret, json.dumps(parts).encode(), hashlib.sha256).hexdigest()


def _taken_apart(target: str) -> tuple[str, dict[str, str]]:
    """Return key and parameters of a target that is written just as we write it."""
    url = urlsplit(target)
    key = unquote(url.path.removeprefix(PATH), errors="surrogateescape")
    if not url.path.startswith(PATH) or PATH + quote(key, errors="surrogateescape") != url.path:
        raise UploadLinkInvalidError
    pairs = parse_qsl(url.query, keep_blank_values=True)
    if [name for name, _ in pairs] != [*_PARAMETERS, "signature"]:
        raise UploadLinkInvalidError
    return key, dict(pairs)


def _by_name(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return headers by lower-case name; one that is there twice could be read in two ways."""
    sent = {name.lower(): value.strip() for name, value in headers}
    if len(sent) != len(headers):
        raise UploadLinkInvalidError
    return sent
