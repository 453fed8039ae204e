"""What S3 checks of a presigned request before it looks at anything else, since moto checks nothing of it.

The signature is computed anew from the request as it arrived, by the published rules of Signature Version 4
(AWS General Reference, "Create a signed AWS API request"), not by the SDK that signed it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest
from moto.core.models import botocore_stubber
from tests.contract.emulated_aws import EmulatedAws

MAX_EXPIRES = 604_800
"""Seconds; a presigned URL lives for seven days at most."""


@dataclass(frozen=True)
class Answer:
    """What S3 answers: a status, and where it refuses the code of the error."""

    status: int
    code: str = ""
    content: bytes = b""
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class PresignedGate:
    """S3 of an emulated account, behind the checks; ``secrets`` are the account's keys by their id."""

    account: EmulatedAws
    secrets: Mapping[str, str]

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", now: datetime
    ) -> Answer:
        """Answer a request as S3 would at that time."""
        sent = {name.lower(): value for name, value in headers.items()}
        sent.setdefault("host", urlsplit(url).netloc)
        refusal = self._refusal(method, url, sent, body, now)
        if refusal is not None:
            return refusal
        if "x-amz-checksum-sha256" in sent:
            sent["x-amz-sdk-checksum-algorithm"] = "SHA256"  # moto keeps no checksum without it, S3 does
        request = AWSPreparedRequest(method, url, sent, body, False)
        with self.account.lock:
            status, answered, content = botocore_stubber.process_request(request)
        content = content.encode() if isinstance(content, str) else bytes(content)
        code = re.search(rb"<Code>(\w+)</Code>", content)
        return Answer(status, code[1].decode() if code else "", content, dict(answered))

    def _refusal(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Answer | None:
        query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        needed = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
        if any(f"X-Amz-{name}" not in query for name in needed):
            return Answer(403, "AccessDenied")
        if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256" or not query["X-Amz-Expires"].isdigit():
            return Answer(400, "AuthorizationQueryParametersError")
        signed = query["X-Amz-SignedHeaders"].split(";")
        if "host" not in signed or any(n.startswith("x-amz-") and n not in signed for n in headers):
            return Answer(403, "AccessDenied")  # "There were headers present which were not signed"
        if not hmac.compare_digest(self._signature(method, url, headers, query), query["X-Amz-Signature"]):
            return Answer(403, "SignatureDoesNotMatch")
        signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        lifetime = timedelta(seconds=min(int(query["X-Amz-Expires"]), MAX_EXPIRES))
        if now < signed_at - timedelta(minutes=15) or now >= signed_at + lifetime:
            return Answer(403, "AccessDenied")  # "Request has expired"
        return _damage(headers, body) if method == "PUT" else None

    def _signature(self, method: str, url: str, headers: Mapping[str, str], query: Mapping[str, str]) -> str:
        access_key, *scope = query["X-Amz-Credential"].split("/")
        canonical = "\n".join(
            (
                method,
                quote(unquote(urlsplit(url).path), safe="/-_.~"),
                _canonical_query(url),
                *(
                    f"{name}:{re.sub(' +', ' ', headers.get(name, '')).strip()}"
                    for name in query["X-Amz-SignedHeaders"].split(";")
                ),
                "",
                query["X-Amz-SignedHeaders"],
                "UNSIGNED-PAYLOAD",
            )
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(("AWS4-HMAC-SHA256", query["X-Amz-Date"], "/".join(scope), digest))
        key = f"AWS4{self.secrets.get(access_key, '')}".encode()
        for part in scope:
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _canonical_query(url: str) -> str:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    encoded = [(quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded) if name != "X-Amz-Signature")


def _damage(headers: Mapping[str, str], body: bytes) -> Answer | None:
    """Return the refusal of bytes that are not those the headers announce."""
    if headers.get("content-length") != str(len(body)):
        return Answer(400, "IncompleteBody")
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if headers.get("x-amz-checksum-sha256", digest) != digest:
        return Answer(400, "BadDigest")
    return None
