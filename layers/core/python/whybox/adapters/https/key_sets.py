"""JSON Web Key Sets, read strictly: the keys that may verify a token, each with its one algorithm.

A key that is anything but a sound public RSA or P-256 key for signatures is left out; the others still count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from whybox.domain.token_parts import read_base64url, read_object
from whybox.ports import VerificationKey

MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""A larger modulus would make every check of a token slow."""

MAX_EXPONENT_BITS: Final = 64
MAX_KEYS: Final = 100
MAX_KID_LENGTH: Final = 256
P256_BYTES: Final = 32
PRIVATE_NAMES: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""A set that publishes the private half of a key has lost that key."""

ROCA_GENERATOR: Final = 65537
ROCA_PRIMES: Final = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97),
    *(101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)
"""Moduli made by the flawed generator of CVE-2017-15361 are powers of 65537 modulo every small prime (Nemec
et al. 2017, doi:10.1145/3133956.3133969); of other moduli one in 2^27 is."""


def read_key_set(document: bytes) -> dict[str, VerificationKey]:
    """Return the keys of a set by their names; raises ValueError where the document is no key set.

    A name that two keys claim belongs to neither.
    """
    parsed = read_object(document)
    entries = None if parsed is None else parsed.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise ValueError(f"not an object with a list of at most {MAX_KEYS} keys")
    named = [entry for entry in entries if isinstance(entry, dict) and _is_name(entry.get("kid"))]
    counts = Counter(entry["kid"] for entry in named)
    keys = {entry["kid"]: _read_key(entry) for entry in named if counts[entry["kid"]] == 1}
    return {name: key for name, key in keys.items() if key is not None}


def _is_name(kid: object) -> bool:
    return isinstance(kid, str) and 1 <= len(kid) <= MAX_KID_LENGTH


def _read_key(entry: Mapping[str, Any]) -> VerificationKey | None:
    if not _verifies(entry) or not PRIVATE_NAMES.isdisjoint(entry):
        return None
    try:
        if entry.get("kty") == "RSA" and entry.get("alg", "RS256") == "RS256":
            return VerificationKey("RS256", _read_rsa(entry))
        if entry.get("kty") == "EC" and entry.get("alg", "ES256") == "ES256":
            return VerificationKey("ES256", _read_ec(entry))
    except ValueError:
        return None
    return None


def _verifies(entry: Mapping[str, Any]) -> bool:
    """Whether the set lets the key be used for verifying (RFC 7517, sections 4.2 and 4.3)."""
    operations = entry.get("key_ops", ["verify"])
    return entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


def _read_rsa(entry: Mapping[str, Any]) -> rsa.RSAPublicKey:
    modulus, exponent = (int.from_bytes(_decode(entry.get(name))) for name in ("n", "e"))
    if not MIN_RSA_BITS <= modulus.bit_length() <= MAX_RSA_BITS or modulus % 2 == 0:
        raise ValueError("a modulus of another size")
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > MAX_EXPONENT_BITS:
        raise ValueError("an exponent that protects nothing")
    if is_roca(modulus):
        raise ValueError("a modulus that can be factored")
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def is_roca(modulus: int) -> bool:
    """Tell whether a modulus bears the mark of the flawed generator."""
    return all(modulus % prime in _powers(prime) for prime in ROCA_PRIMES)


def _powers(prime: int) -> set[int]:
    """Return the powers of the generator modulo a prime."""
    powers, power = {1}, ROCA_GENERATOR % prime
    while power not in powers:
        powers.add(power)
        power = power * ROCA_GENERATOR % prime
    return powers


def _read_ec(entry: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    if entry.get("crv") != "P-256":
        raise ValueError("another curve")
    x, y = (_decode(entry.get(name)) for name in ("x", "y"))
    if len(x) != P256_BYTES or len(y) != P256_BYTES:
        raise ValueError("a coordinate of another length")
    # public_key() refuses a point that is not on the curve
    return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()


def _decode(part: object) -> bytes:
    """Return the bytes of base64url text in its one canonical spelling; raises ValueError."""
    decoded = read_base64url(part) if isinstance(part, str) else None
    if decoded is None:
        raise ValueError("not canonical base64url")
    return decoded
