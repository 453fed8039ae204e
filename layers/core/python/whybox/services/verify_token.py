"""Verify an access token: one function, called by the authorizer and again by the application behind it."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from jwt import PyJWS
from jwt.exceptions import PyJWTError

from whybox.errors import AuthenticationError
from whybox.ports import Identity, TokenKeys, VerificationKey

MAX_TOKEN_BYTES: Final = 8192
MAX_SUBJECT_LENGTH: Final = 255
LEEWAY_SECONDS: Final = 60
MAX_LIFETIME_SECONDS: Final = 24 * 3600

COMPACT_JWS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
HEADER_NAMES: Final = frozenset({"alg", "kid", "typ", "cty"})


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The keys of the self-hosted mode: one HS256 secret without a name, so a token must not name one."""

    secret: bytes = field(repr=False)

    def find(self, kid: str | None) -> VerificationKey | None:
        """Return the secret to a token that names no key."""
        return VerificationKey("HS256", self.secret) if kid is None else None


@dataclass(frozen=True, slots=True)
class TokenKey:
    """What a token must be signed with, and by and for whom it must be made out."""

    keys: TokenKeys
    issuer: str
    audience: str


def verify_token(token: str, *, key: TokenKey, now: datetime) -> Identity:
    """Return who the token proves the caller to be.

    Everything is checked before the signature that a library would let pass: the exact form of the three
    parts, repeated names, header parameters, sizes. The key decides the algorithm.

    Raises
    ------
    AuthenticationError
        For every cause alike; ``cause`` says which, for the log.

    """
    header_part, payload_part = _split(token)
    header = _parse_object(_decode(header_part), "header")
    verification_key = _select_key(header, key.keys)
    _check_signature(token, verification_key)
    claims = _parse_object(_decode(payload_part), "payload")
    _check_addressing(claims, key)
    _check_times(claims, now.timestamp())
    subject = _subject(claims)
    return Identity(
        tenant=tenant_of(key.issuer, subject), issuer=key.issuer, subject=subject, scopes=_scopes(claims)
    )


def tenant_of(issuer: str, subject: str) -> str:
    """Return the name everything stored for a caller is filed under; subjects are compared byte for byte."""
    return hashlib.sha256(f"{issuer}|{subject}".encode()).hexdigest()


def _split(token: str) -> tuple[str, str]:
    if len(token) > MAX_TOKEN_BYTES:
        raise AuthenticationError("token too large")
    match = COMPACT_JWS.fullmatch(token)
    if match is None:
        raise AuthenticationError("not three base64url parts")
    for part in match.groups():
        _decode(part)
    return match[1], match[2]


def _decode(part: str) -> bytes:
    """Decode one part; only the canonical spelling of its bytes passes (no padding, no stray end bits)."""
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise AuthenticationError("not base64url") from error
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part.encode():
        raise AuthenticationError("base64url is not canonical")
    return decoded


def _parse_object(document: bytes, what: str) -> dict[str, Any]:
    try:
        parsed = json.loads(
            document.decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:
        raise AuthenticationError(f"{what} is not strict JSON") from error
    if not isinstance(parsed, dict):
        raise AuthenticationError(f"{what} is not an object")
    return parsed


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name is repeated")
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _select_key(header: Mapping[str, Any], keys: TokenKeys) -> VerificationKey:
    if not header.keys() <= HEADER_NAMES:
        raise AuthenticationError("header parameter outside alg, kid, typ, cty")
    if not all(isinstance(value, str) for value in header.values()):
        raise AuthenticationError("header parameter is not text")
    if header.get("typ", "JWT").upper() != "JWT":
        raise AuthenticationError("typ is not JWT")
    verification_key = keys.find(header.get("kid"))
    if verification_key is None:
        raise AuthenticationError("kid names none of our keys")
    if header.get("alg") != verification_key.algorithm:
        raise AuthenticationError("alg is not the algorithm of the key")
    return verification_key


def _check_signature(token: str, verification_key: VerificationKey) -> None:
    verifier = PyJWS(algorithms=[verification_key.algorithm])
    try:
        verifier.decode(token, verification_key.material, algorithms=[verification_key.algorithm])
    except PyJWTError as error:
        raise AuthenticationError("signature does not match") from error


def _check_addressing(claims: Mapping[str, Any], key: TokenKey) -> None:
    if claims.get("iss") != key.issuer:
        raise AuthenticationError("iss is not ours")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(name, str) for name in audiences) or key.audience not in audiences:
        raise AuthenticationError("aud is not ours")
    if claims.get("token_use", "access") != "access":
        raise AuthenticationError("not an access token")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires, issued = _instant(claims, "exp"), _instant(claims, "iat")
    not_before = _instant(claims, "nbf") if "nbf" in claims else issued
    if expires <= now - LEEWAY_SECONDS:
        raise AuthenticationError("expired")
    if issued > now + LEEWAY_SECONDS or not_before > now + LEEWAY_SECONDS:
        raise AuthenticationError("not valid yet")
    if not issued < expires <= issued + MAX_LIFETIME_SECONDS:
        raise AuthenticationError("lives longer than a day, or ends before it starts")


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise AuthenticationError(f"{name} is not a number")
    try:
        seconds = float(value)
    except OverflowError as error:
        raise AuthenticationError(f"{name} is not finite") from error
    if not math.isfinite(seconds):
        raise AuthenticationError(f"{name} is not finite")
    return seconds


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= MAX_SUBJECT_LENGTH:
        raise AuthenticationError("sub is not 1 to 255 characters")
    if any("\ud800" <= character <= "\udfff" for character in subject):
        raise AuthenticationError("sub holds half a character")
    return subject


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes of RFC 8693: words separated by single spaces; any other form grants nothing."""
    scope = claims.get("scope")
    return frozenset(scope.split(" ")) - {""} if isinstance(scope, str) else frozenset()
