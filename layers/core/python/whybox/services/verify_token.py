"""Verify an access token: one function, called by the authorizer and again by the application behind it.

text ─▶ three canonical parts ─▶ header ─▶ key ─▶ signature ─▶ claims ─▶ Identity
            size                 strict     decides               strict
                                            the algorithm
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from whybox.domain.token_parts import read_base64url, read_object
from whybox.errors import AuthenticationError
from whybox.ports import Identity, VerificationKey
from whybox.services.check_claims import (
    MAX_LIFETIME_SECONDS,
    MAX_SUBJECT_LENGTH,
    TOKEN_TYPES,
    TokenKey,
    check_claims,
    tenant_of,
)

__all__ = [
    "MAX_LIFETIME_SECONDS",
    "MAX_SUBJECT_LENGTH",
    "TOKEN_TYPES",
    "SharedSecret",
    "TokenKey",
    "tenant_of",
    "verify_token",
]

MAX_TOKEN_BYTES: Final = 8192

COMPACT_JWS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
HEADER_NAMES: Final = frozenset({"alg", "kid", "typ", "cty"})


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The keys of the self-hosted mode: one HS256 secret without a name, so a token must not name one."""

    secret: bytes = field(repr=False)

    def find(self, kid: str | None) -> VerificationKey | None:
        """Return the secret to a token that names no key."""
        return VerificationKey("HS256", self.secret) if kid is None else None


def verify_token(token: str, *, key: TokenKey, now: datetime) -> Identity:
    """Return who the token proves the caller to be.

    Everything is checked before the signature that a library would let pass: the exact form of the three
    parts, repeated names, header parameters, sizes. The key decides the algorithm.

    Raises
    ------
    AuthenticationError
        For every cause alike; ``cause`` says which, for the log.
    KeysUnavailableError
        The issuer's keys are not to be had, so that nobody can say whether the token is good.

    """
    header, payload = _split(token)
    verification_key = _select_key(_object(header, "header"), key)
    _check_signature(token, verification_key)
    return check_claims(_object(payload, "payload"), key=key, now=now)


def _split(token: str) -> tuple[bytes, bytes]:
    if len(token) > MAX_TOKEN_BYTES:
        raise AuthenticationError("token too large")
    match = COMPACT_JWS.fullmatch(token)
    if match is None:
        raise AuthenticationError("not three base64url parts")
    header, payload, signature = map(read_base64url, match.groups())
    if header is None or payload is None or signature is None:
        raise AuthenticationError("base64url is not canonical")
    return header, payload


def _object(document: bytes, what: str) -> dict[str, Any]:
    parsed = read_object(document)
    if parsed is None:
        raise AuthenticationError(f"{what} is not one object of strict JSON")
    return parsed


def _select_key(header: Mapping[str, Any], key: TokenKey) -> VerificationKey:
    if not header.keys() <= HEADER_NAMES:
        raise AuthenticationError("header parameter outside alg, kid, typ, cty")
    if not all(isinstance(value, str) for value in header.values()):
        raise AuthenticationError("header parameter is not text")
    typ = header["typ"].lower().removeprefix("application/") if "typ" in header else None  # RFC 7515, 4.1.9
    if typ not in key.types:
        raise AuthenticationError("typ is not the one this issuer writes")
    verification_key = key.keys.find(header.get("kid"))
    if verification_key is None:
        raise AuthenticationError("kid names none of our keys")
    if header.get("alg") != verification_key.algorithm:
        raise AuthenticationError("alg is not the algorithm of the key")
    return verification_key


def _check_signature(token: str, verification_key: VerificationKey) -> None:
    is_signed = _is_signed_with_secret if verification_key.algorithm == "HS256" else _is_signed_by_issuer
    if not is_signed(token, verification_key):
        raise AuthenticationError("signature does not match")


def _is_signed_with_secret(token: str, verification_key: VerificationKey) -> bool:
    """Whether the last part is the HMAC of what stands before it (RFC 7518, 3.2)."""
    signed, _, signature = token.rpartition(".")
    expected = hmac.digest(verification_key.material, signed.encode("ascii"), "sha256")
    return hmac.compare_digest(expected, read_base64url(signature) or b"")


def _is_signed_by_issuer(token: str, verification_key: VerificationKey) -> bool:
    # a secret's holder needs neither this nor cryptography, which takes a tenth of a light function's start
    from jwt import PyJWS
    from jwt.exceptions import PyJWTError

    verifier = PyJWS(algorithms=[verification_key.algorithm])
    try:
        verifier.decode(token, verification_key.material, algorithms=[verification_key.algorithm])
    except PyJWTError:
        return False
    return True
