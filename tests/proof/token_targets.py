"""Verifiers for the attacks on tokens: one for each algorithm, with the one good token it takes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from whybox.ports import VerificationKey
from whybox.services.verify_token import TOKEN_TYPES, SharedSecret, TokenKey

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
T = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {
    "iss": "https://issuer.example",
    "aud": "whybox-api",
    "sub": "ada",
    "client_id": "cli",
    "iat": T,
    "exp": T + 3600,
    "scope": "explain:write",
}
BAD_CLAIMS: tuple[tuple[str, Any], ...] = (
    ("exp", T - 61),
    ("exp", str(T + 60)),
    ("exp", None),
    ("exp", True),
    ("exp", T + 86_401),
    ("exp", 1e20),
    ("iat", T + 61),
    ("iat", "now"),
    ("iat", None),
    ("nbf", T + 61),
    ("nbf", []),
    ("iss", "https://issuer.example/"),
    ("iss", ["https://issuer.example"]),
    ("iss", None),
    ("aud", "whybox"),
    ("aud", []),
    ("aud", None),
    ("aud", ["whybox-api", 1]),
    ("sub", ""),
    ("sub", 7),
    ("sub", None),
    ("sub", "x" * 256),
    ("sub", "\ud800"),
    ("token_use", "id"),
    ("nonce", "n"),
    ("at_hash", "h"),
    ("events", {}),
    ("typ", "ID"),
    ("filler", "x" * 9000),
)
BAD_HEADERS: tuple[dict[str, Any], ...] = (
    {"crit": ["exp"]},
    {"b64": False},
    {"jwk": {}},
    {"jku": "https://issuer.example/keys"},
    {"typ": "logout+jwt"},
    {"typ": "dpop+jwt"},
    {"typ": None},
    {"kid": 7},
    {"kid": "rsa-2"},
    {"alg": "none"},
    {"zip": "DEF"},
    {"x": 1},
)
BAD_ENDS = (b',"sub":"grace"}', b',"exp":NaN}', b"}}", b"} ,", b"", b',"x":{"a":1,"a":2}}', b',"x":"\xff"}')


@dataclass(frozen=True, slots=True)
class Target:
    """A verifier, the token it takes, what an attacker knows of its key, and how its owner signs."""

    algorithm: str
    key: TokenKey
    good: str
    public_forms: tuple[bytes, ...]
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class NamedKeys:
    """The keys of an issuer, without a fetch."""

    keys: Mapping[str, VerificationKey]

    def find(self, kid: str | None) -> VerificationKey | None:
        return None if kid is None else self.keys.get(kid)


def make_targets() -> list[Target]:
    """Return a verifier and its good token for each algorithm, with keys drawn now."""
    secret = hashlib.sha256(b"a secret of this proof").digest()
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    keys = NamedKeys(
        {
            "rsa-1": VerificationKey("RS256", rsa_key.public_key()),
            "ec-1": VerificationKey("ES256", ec_key.public_key()),
        }
    )
    issuer = TokenKey(
        keys,
        "https://issuer.example",
        "whybox-api",
        types=TOKEN_TYPES["at+jwt"],
        clients=frozenset({"cli"}),
        is_from_issuer=True,
    )
    return [
        _target("HS256", TokenKey(SharedSecret(secret), "https://issuer.example", "whybox-api"), secret, {}),
        _target("RS256", issuer, rsa_key, {"kid": "rsa-1", "typ": "at+jwt"}),
        _target("ES256", issuer, ec_key, {"kid": "ec-1", "typ": "at+jwt"}),
    ]


def _target(algorithm: str, key: TokenKey, signing_key: Any, header: dict[str, str]) -> Target:
    signer = jwt.get_algorithm_by_name(algorithm)
    prepared = signer.prepare_key(signing_key)
    return Target(
        algorithm,
        key,
        jwt.encode(CLAIMS, signing_key, algorithm=algorithm, headers=header),
        _public_forms(signing_key),
        lambda message: signer.sign(message, prepared),
    )


def _public_forms(signing_key: Any) -> tuple[bytes, ...]:
    """Return what an attacker might take for an HMAC secret: the public key as it is written down."""
    if isinstance(signing_key, bytes):
        return (b"", b"secret", b"changeme", b"\x00" * 32)
    public = signing_key.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem, der = (
        public.public_bytes(encoding, form)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
    )
    return (pem, pem.rstrip(), pem.replace(b"\n", b"\r\n"), der, base64.b64encode(der), b"")


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return the bytes of base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def dump(document: Any) -> bytes:
    """Return compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode()
