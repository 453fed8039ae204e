"""Key sets: sound public keys pass under their names, everything else in the set is left out."""

from __future__ import annotations

import json
import math

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.unit.adapters.https.issuers import b64, ec_jwk, key_set, rsa_jwk

from whybox.adapters.https.key_sets import ROCA_PRIMES, is_roca, read_key_set

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
GOOD_RSA, GOOD_EC = rsa_jwk(RSA, "r"), ec_jwk(EC, "e")


def test_sound_keys_verify_with_their_one_algorithm():
    keys = read_key_set(key_set(GOOD_RSA, GOOD_EC))

    assert {name: key.algorithm for name, key in keys.items()} == {"r": "RS256", "e": "ES256"}
    assert keys["r"].material.public_numbers() == RSA.public_key().public_numbers()
    assert keys["e"].material.public_numbers() == EC.public_key().public_numbers()


@pytest.mark.parametrize(
    "more", [{"use": "sig"}, {"alg": "RS256"}, {"key_ops": ["verify"]}, {"x5t": "abc"}, {"issuer": "any"}]
)
def test_what_a_key_may_say_of_itself(more):
    assert set(read_key_set(key_set(GOOD_RSA | more))) == {"r"}


def factors_of_two_to_the(bits: int) -> int:
    """Return an odd modulus of a size that was never meant to be secure."""
    return (1 << (bits - 1)) | 1


def flawed_modulus(bits: int) -> int:
    """Return a modulus as the flawed generator makes them: its factors are k * M + 65537^a mod M."""
    product = math.prod((2, *ROCA_PRIMES))
    k = (3 << (bits // 2 - 2)) // product + 1
    first, second = (k * product + pow(65537, power, product) for power in (12, 345))
    return first * second


LEFT_OUT = {
    "oct": {"kty": "oct", "kid": "k", "k": "c2VjcmV0"},
    "no kty": {name: value for name, value in GOOD_RSA.items() if name != "kty"},
    "for encryption": GOOD_RSA | {"use": "enc"},
    "key_ops without verify": GOOD_RSA | {"key_ops": ["sign", "encrypt"]},
    "key_ops as text": GOOD_RSA | {"key_ops": "verify"},
    "alg RS384": GOOD_RSA | {"alg": "RS384"},
    "alg PS256": GOOD_RSA | {"alg": "PS256"},
    "alg none": GOOD_RSA | {"alg": "none"},
    "alg HS256": GOOD_RSA | {"alg": "HS256"},
    "the alg of the other kind": GOOD_RSA | {"alg": "ES256"},
    "a private key": GOOD_RSA | {"d": "AQAB"},
    "1024 bits": GOOD_RSA | {"n": b64(factors_of_two_to_the(1024))},
    "16384 bits": GOOD_RSA | {"n": b64(factors_of_two_to_the(16384))},
    "a modulus of the flawed generator": GOOD_RSA | {"n": b64(flawed_modulus(2048))},
    "an even modulus": GOOD_RSA | {"n": b64(1 << 2047)},
    "e = 1": GOOD_RSA | {"e": "AQ"},
    "e even": GOOD_RSA | {"e": b64(65536)},
    "e as large as n": GOOD_RSA | {"e": GOOD_RSA["n"]},
    "n with padding": GOOD_RSA | {"n": GOOD_RSA["n"] + "="},
    "n in the other alphabet": GOOD_RSA | {"n": "+/" + GOOD_RSA["n"][2:]},
    "n a number": GOOD_RSA | {"n": 12345},
    "n missing": {name: value for name, value in GOOD_RSA.items() if name != "n"},
    "no kid": {name: value for name, value in GOOD_RSA.items() if name != "kid"},
    "kid a number": GOOD_RSA | {"kid": 1},
    "kid empty": GOOD_RSA | {"kid": ""},
    "P-384": GOOD_EC | {"crv": "P-384"},
    "secp256k1": GOOD_EC | {"crv": "secp256k1"},
    "a point off the curve": GOOD_EC | {"y": b64(1, 32)},
    "the point at zero": GOOD_EC | {"x": b64(0, 32), "y": b64(0, 32)},
    "a short coordinate": GOOD_EC | {"x": "AQ"},
    "text": "key",
    "null": None,
}


@pytest.mark.parametrize("entry", LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_a_key_that_is_not_sound_is_left_out_and_the_others_stand(entry):
    document = key_set(entry, rsa_jwk(RSA, "sound"))

    assert set(read_key_set(document)) == {"sound"}


def test_a_name_that_two_keys_claim_belongs_to_neither():
    keys = read_key_set(key_set(rsa_jwk(RSA, "same"), ec_jwk(EC, "same"), rsa_jwk(RSA, "other")))

    assert set(keys) == {"other"}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [], "keys": []}',
        b"\xff\xfe{}",
        b"[" * 100_000,
        json.dumps({"keys": [GOOD_RSA] * 101}).encode(),
    ],
)
def test_what_is_no_key_set_is_no_key_set(document):
    with pytest.raises(ValueError):  # noqa: PT011 - json's errors are ValueErrors too
        read_key_set(document)


def test_a_modulus_of_the_flawed_generator_is_told_from_others():
    assert flawed_modulus(2048).bit_length() == 2048
    assert is_roca(flawed_modulus(2048))
    assert not is_roca(RSA.public_key().public_numbers().n)
