"""Signatures of the right keys in any form but the one the algorithm has: none of them is taken."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from tests.proof.token_targets import CLAIMS, NOW, NamedKeys, b64, dump

from whybox.errors import AuthenticationError
from whybox.ports import VerificationKey
from whybox.services.verify_token import TokenKey, verify_token

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_3 = rsa.generate_private_key(public_exponent=3, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
KEY = TokenKey(
    NamedKeys(
        {
            "rsa": VerificationKey("RS256", RSA.public_key()),
            "rsa-3": VerificationKey("RS256", RSA_3.public_key()),
            "ec": VerificationKey("ES256", EC.public_key()),
        }
    ),
    "https://issuer.example",
    "whybox-api",
    is_from_issuer=True,
)
N_BYTES = 256
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")
SHA512_INFO = bytes.fromhex("3051300d060960864801650304020305000440")


def head(algorithm: str, kid: str) -> str:
    return f"{b64(dump({'alg': algorithm, 'kid': kid, 'typ': 'JWT'}))}.{b64(dump(CLAIMS))}"


RS_HEAD, RS3_HEAD, ES_HEAD = head("RS256", "rsa"), head("RS256", "rsa-3"), head("ES256", "ec")
DIGEST = hashlib.sha256(RS_HEAD.encode()).digest()
RS_SIGNATURE = RSA.sign(RS_HEAD.encode(), padding.PKCS1v15(), hashes.SHA256())
R, S = utils.decode_dss_signature(EC.sign(ES_HEAD.encode(), ec.ECDSA(hashes.SHA256())))


def padded(tail: bytes, *, kind: int = 1, filler: bytes = b"\xff", n_filler: int | None = None) -> bytes:
    n_filler = N_BYTES - 3 - len(tail) if n_filler is None else n_filler
    return b"\x00" + bytes([kind]) + filler * n_filler + b"\x00" + tail


def encrypted(message: bytes, key: rsa.RSAPrivateKey = RSA) -> bytes:
    """Apply the private key to any number, as a signature of any padding is made."""
    numbers = key.private_numbers()
    number = pow(int.from_bytes(message), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(N_BYTES)


def cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


def forged_with_a_small_exponent() -> bytes:
    """Return a number whose cube begins like a padded digest, and ends in what a lax reader skips."""
    digest = hashlib.sha256(RS3_HEAD.encode()).digest()
    start = padded(SHA256_INFO + digest, n_filler=8)
    return (cube_root(int.from_bytes(start.ljust(N_BYTES, b"\xff")))).to_bytes(N_BYTES)


def es(r: int, s: int, *, size: int = 32) -> bytes:
    return r.to_bytes(size) + s.to_bytes(size)


def test_the_one_right_form_is_taken() -> None:
    right = encrypted(padded(SHA256_INFO + DIGEST))

    assert right == RS_SIGNATURE
    for signed in (f"{RS_HEAD}.{b64(right)}", f"{ES_HEAD}.{b64(es(R, S))}"):
        assert verify_token(signed, key=KEY, now=NOW).subject == "ada"


PSS = RSA.sign(RS_HEAD.encode(), padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
RSA_FORMS: dict[str, bytes] = {
    "PSS": PSS,
    "SHA-1": encrypted(padded(SHA1_INFO + hashlib.sha1(RS_HEAD.encode()).digest())),  # noqa: S324
    "SHA-512": encrypted(padded(SHA512_INFO + hashlib.sha512(RS_HEAD.encode()).digest())),
    "the digest alone": encrypted(padded(DIGEST)),
    "no NULL after the algorithm": encrypted(
        padded(bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + DIGEST)
    ),
    "a digest that is cut": encrypted(padded(SHA256_INFO + DIGEST[:-1])),
    "bytes after the digest": encrypted(padded(SHA256_INFO + DIGEST + b"\x00")),
    "little padding, rubbish behind": encrypted(
        padded(SHA256_INFO + DIGEST, n_filler=8).ljust(N_BYTES, b"\x00")
    ),
    "padding of encryption": encrypted(padded(SHA256_INFO + DIGEST, kind=2)),
    "padding of zeros": encrypted(padded(SHA256_INFO + DIGEST, kind=0, filler=b"\x00")),
    "no padding": encrypted((SHA256_INFO + DIGEST).rjust(N_BYTES, b"\x00")),
    "one byte of padding that is not ff": encrypted(
        padded(SHA256_INFO + DIGEST).replace(b"\xff\x00", b"\xfe\x00", 1)
    ),
    "the modulus added": (int.from_bytes(RS_SIGNATURE) + RSA.public_key().public_numbers().n).to_bytes(257),
    "a zero in front": b"\x00" + RS_SIGNATURE,
    "a zero behind": RS_SIGNATURE + b"\x00",
    "its last byte missing": RS_SIGNATURE[:-1],
    "zero": bytes(N_BYTES),
    "one": bytes(N_BYTES - 1) + b"\x01",
    "the modulus": RSA.public_key().public_numbers().n.to_bytes(N_BYTES),
    "one less than the modulus": (RSA.public_key().public_numbers().n - 1).to_bytes(N_BYTES),
    "another token's": RSA.sign(b"another", padding.PKCS1v15(), hashes.SHA256()),
    "the padded digest itself": padded(SHA256_INFO + DIGEST),
}
EC_FORMS: dict[str, bytes] = {
    "r = 0": es(0, S),
    "s = 0": es(R, 0),
    "r = n": es(ORDER, S),
    "s = n": es(R, ORDER),
    "r = s = n": es(ORDER, ORDER),
    "r = s = 1": es(1, 1),
    "r = s = n - 1": es(ORDER - 1, ORDER - 1),
    "r = s = all ones": b"\xff" * 64,
    "r and s exchanged": es(S, R),
    "-r": es(ORDER - R, S),
    "r of another length": es(R, S, size=33),
    "the size of P-384": es(R, S, size=48),
    "the size of P-521": es(R, S, size=66),
    "DER": utils.encode_dss_signature(R, S),
    "DER, filled up to 64 bytes": utils.encode_dss_signature(R, S)[:64],
    "DER, filled up to 72 bytes": utils.encode_dss_signature(R, S).ljust(72, b"\x00"),
    "r alone": es(R, S)[:32],
    "a zero in front": b"\x00" + es(R, S),
    "a zero behind": es(R, S) + b"\x00",
    "the last byte missing": es(R, S)[:-1],
    "twice": es(R, S) * 2,
    "SHA-512": es(*utils.decode_dss_signature(EC.sign(ES_HEAD.encode(), ec.ECDSA(hashes.SHA512())))),
    "of the digest's digest": es(
        *utils.decode_dss_signature(
            EC.sign(hashlib.sha256(ES_HEAD.encode()).digest(), ec.ECDSA(hashes.SHA256()))
        )
    ),
    "as text": f"{R}{S}".encode()[:64],
}
MALFORMED = {
    **{f"RS256, {name}": f"{RS_HEAD}.{b64(form)}" for name, form in RSA_FORMS.items()},
    **{f"ES256, {name}": f"{ES_HEAD}.{b64(form)}" for name, form in EC_FORMS.items()},
    "RS256, a cube": f"{RS3_HEAD}.{b64(forged_with_a_small_exponent())}",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_signature_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(AuthenticationError) as refusal:
        verify_token(text, key=KEY, now=NOW)

    assert refusal.value.cause == "signature does not match"


def with_own_key(**header: Any) -> str:
    """Return a token of an attacker's, who brings the key along."""
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = own.public_key().public_numbers()
    jwk = {"kty": "RSA", "n": b64(numbers.n.to_bytes(256)), "e": "AQAB", "kid": "rsa"}
    document = {"alg": "RS256", "kid": "rsa", "typ": "JWT"} | header
    if "jwk" in document:
        document["jwk"] = jwk
    signed = f"{b64(json.dumps(document).encode())}.{b64(dump(CLAIMS))}"
    return f"{signed}.{b64(own.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": {}},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/chain"},
        {"x5c": ["MIIB"]},
        {"x5t": "AAAA"},
        {"crit": ["http://example.invalid/UNDEFINED"], "http://example.invalid/UNDEFINED": True},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {},
    ],
    ids=str,
)
def test_a_key_that_the_token_brings_along_is_not_the_key(header: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError):
        verify_token(with_own_key(**header), key=KEY, now=NOW)
