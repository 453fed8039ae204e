"""Token verification: one way in, and everything else refused with one answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from whybox.errors import AuthenticationError
from whybox.services.verify_token import SharedSecret, TokenKey, tenant_of, verify_token

SECRET = b"Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
T = int(NOW.timestamp())
KEY = TokenKey(SharedSecret(SECRET), issuer="https://issuer.example", audience="whybox-api")
HEADER = {"alg": "HS256", "typ": "JWT"}
CLAIMS: dict[str, Any] = {
    "iss": "https://issuer.example",
    "aud": "whybox-api",
    "sub": "ada",
    "iat": T,
    "exp": T + 3600,
    "scope": "explain:write jobs:read",
}
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_PEM = RSA_KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(header: bytes, payload: bytes, secret: bytes = SECRET) -> str:
    """Sign any bytes, as only the owner of the secret (or a careless issuer) could."""
    return sign_parts(b64(header), b64(payload), secret)


def sign_parts(header: str, payload: str, secret: bytes = SECRET) -> str:
    signed = f"{header}.{payload}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def token(header: dict[str, Any] | None = None, *, secret: bytes = SECRET, **claims: Any) -> str:
    payload = {name: value for name, value in (CLAIMS | claims).items() if value is not ...}
    return sign(json.dumps(header or HEADER).encode(), json.dumps(payload).encode(), secret)


def verify(text: str, now: datetime = NOW):
    return verify_token(text, key=KEY, now=now)


def test_a_good_token_names_the_caller():
    identity = verify(token())

    assert (identity.issuer, identity.subject) == ("https://issuer.example", "ada")
    assert identity.scopes == {"explain:write", "jobs:read"}
    assert identity.tenant == hashlib.sha256(b"https://issuer.example|ada").hexdigest()


ACCEPTED = {
    "no typ": token({"alg": "HS256"}),
    "typ in lower case": token({"alg": "HS256", "typ": "jwt"}),
    "exp as a float": token(exp=T + 3600.5),
    "exp 59 s ago": token(iat=T - 3600, exp=T - 59),
    "iat 59 s ahead": token(iat=T + 59),
    "nbf 59 s ahead": token(nbf=T + 59),
    "a life of 24 hours": token(exp=T + 86400),
    "aud a list with ours": token(aud=["other", "whybox-api"]),
    "a plan claim, which is ignored": token(plan="unlimited", role="admin"),
    "token_use access": token(token_use="access"),
    "sub of 255 characters": token(sub="x" * 255),
    "sub that looks like a path": token(sub="../#/\u0000é"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_token_within_the_rules_is_accepted(text):
    assert verify(text).issuer == KEY.issuer


def flip(text: str, position: int) -> str:
    replacement = "A" if text[position] != "A" else "B"
    return text[:position] + replacement + text[position + 1 :]


def loose_bits(text: str) -> str:
    """Change the last character in a bit that no byte uses, where the bytes do not divide by three."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


GOOD = token()
H, P, S = GOOD.split(".")
DEEP = b'{"a":' * 1200 + b"1" + b"}" * 1200

REFUSED = {
    # the algorithm
    **{
        f"alg {name}": f"{b64(json.dumps({'alg': name}).encode())}.{P}.{signature}"
        for name in ("none", "None", "nOnE", "NONE")
        for signature in ("", S)
    },
    "alg HS384 in the header": token({"alg": "HS384", "typ": "JWT"}),
    "HS384 with the right secret": jwt.encode(CLAIMS, SECRET * 2, algorithm="HS384"),
    "HS512 with the right secret": jwt.encode(CLAIMS, SECRET * 2, algorithm="HS512"),
    "RS256 by a stranger": jwt.encode(CLAIMS, RSA_KEY, algorithm="RS256"),
    "PS256 by a stranger": jwt.encode(CLAIMS, RSA_KEY, algorithm="PS256"),
    "ES256 by a stranger": jwt.encode(CLAIMS, ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
    "ES256 with r = s = 0": ".".join([b64(b'{"alg":"ES256"}'), P, b64(bytes(64))]),
    "HS256 with a public RSA key as the secret": token(secret=RSA_PEM),
    "HS256 with the same key without its last newline": token(secret=RSA_PEM.rstrip()),
    "HS256 with an empty secret": token(secret=b""),
    "HS256 with another secret": token(secret=b"another secret of the right length"),
    "no alg": token({"typ": "JWT"}),
    "alg null": token({"alg": None}),
    "alg a list": token({"alg": ["HS256"]}),
    # the header
    **{
        f"header parameter {name}": token(HEADER | {name: value})
        for name, value in {
            "jwk": {"kty": "oct", "k": b64(SECRET)},
            "jku": "https://attacker.example/jwks.json",
            "x5u": "https://attacker.example/cert.pem",
            "x5c": ["MIIB"],
            "crit": ["exp"],
            "b64": False,
            "zip": "DEF",
            "enc": "A256GCM",
        }.items()
    },
    "crit b64": token(HEADER | {"crit": ["b64"], "b64": False}),
    **{
        f"kid {kid!r:.20}": token(HEADER | {"kid": kid})
        for kid in (
            "key-1",
            "",
            "../../dev/null",
            "' OR 1=1 --",
            "http://x/",
            "a\r\nb",
            7,
            None,
            ["a"],
            "k" * 4000,
        )
    },
    "typ at+jwt": token({"alg": "HS256", "typ": "at+jwt"}),
    "typ a number": token({"alg": "HS256", "typ": 1}),
    "header with alg twice": sign(b'{"alg":"none","alg":"HS256"}', json.dumps(CLAIMS).encode()),
    "header a list": sign(b'["HS256"]', json.dumps(CLAIMS).encode()),
    "header not JSON": sign(b"HS256", json.dumps(CLAIMS).encode()),
    "header in UTF-16": sign(json.dumps(HEADER).encode("utf-16"), json.dumps(CLAIMS).encode()),
    # the form
    "empty": "",
    "two parts": f"{H}.{P}",
    "four parts": f"{GOOD}.{S}",
    "five parts": f"{H}.{P}.{S}.{P}.{S}",
    "empty signature": f"{H}.{P}.",
    "signature null": f"{H}.{P}.{b64(b'null')}",
    "JSON serialization": json.dumps({"protected": H, "payload": P, "signature": S}),
    "padding": f"{GOOD}=",
    "padding in the header": f"{H}=.{P}.{S}",
    "standard alphabet": GOOD.replace("-", "+").replace("_", "/") + "+",
    "a space before": f" {GOOD}",
    "a newline after": f"{GOOD}\n",
    "a newline inside": f"{H}.\n{P}.{S}",
    "a tab inside": f"{H}\t.{P}.{S}",
    "stray end bits": loose_bits(GOOD),
    "stray end bits in a signed payload": sign_parts(H, loose_bits(b64(json.dumps(CLAIMS).encode() + b" "))),
    "stray end bits in a signed header": sign_parts(loose_bits(b64(json.dumps(HEADER).encode() + b" ")), P),
    "a letter outside ASCII": f"{H}.{P}.{S}é",
    "payload changed": f"{H}.{flip(P, 10)}.{S}",
    "signature changed": f"{H}.{P}.{flip(S, 5)}",
    "header of another token": ".".join([b64(b'{"alg":"HS256"}'), P, S]),
    "more than 8 KB": token(filler="x" * 8000),
    "64 KB": token(filler="x" * 65536),
    "nested deeply": sign(json.dumps(HEADER).encode(), DEEP[:5000]),
    # the payload
    "payload a list": sign(json.dumps(HEADER).encode(), b"[]"),
    "payload a text": sign(json.dumps(HEADER).encode(), b'"ada"'),
    "payload not UTF-8": sign(json.dumps(HEADER).encode(), b'{"sub":"\xff"}'),
    "payload with a BOM": sign(json.dumps(HEADER).encode(), b"\xef\xbb\xbf" + json.dumps(CLAIMS).encode()),
    "sub twice": sign(json.dumps(HEADER).encode(), json.dumps(CLAIMS)[:-1].encode() + b',"sub":"grace"}'),
    "a name twice inside a claim": sign(
        json.dumps(HEADER).encode(), json.dumps(CLAIMS)[:-1].encode() + b',"x":{"a":1,"a":2}}'
    ),
    # time
    "no exp": token(exp=...),
    "exp 61 s ago": token(iat=T - 3600, exp=T - 61),
    "exp as text": token(exp=str(T + 3600)),
    "exp true": token(exp=True),
    "exp null": token(exp=None),
    "exp NaN": token(exp=float("nan")),
    "exp Infinity": token(exp=float("inf")),
    "exp 1e20": token(exp=1e20),
    "exp 1e999": sign(
        json.dumps(HEADER).encode(), json.dumps(CLAIMS).replace(f"{T + 3600}", "1e999").encode()
    ),
    "exp of 5,000 digits": sign(
        json.dumps(HEADER).encode(), json.dumps(CLAIMS).replace(f"{T + 3600}", "9" * 5000).encode()
    ),
    "exp of 400 digits": sign(
        json.dumps(HEADER).encode(), json.dumps(CLAIMS).replace(f"{T + 3600}", "9" * 400).encode()
    ),
    "a life of 24 hours and a second": token(exp=T + 86401),
    "ends before it starts": token(iat=T + 30, exp=T + 20),
    "no iat": token(iat=...),
    "iat 61 s ahead": token(iat=T + 61),
    "iat as text": token(iat=str(T)),
    "nbf 61 s ahead": token(nbf=T + 61),
    "nbf as text": token(nbf="now"),
    "nbf null": token(nbf=None),
    "nbf true": token(nbf=True),
    # who and for whom
    "no aud": token(aud=...),
    "another aud": token(aud="other"),
    "aud that only starts like ours": token(aud="whybox-apix"),
    "aud a part of ours": token(aud="whybox"),
    "aud empty list": token(aud=[]),
    "aud a number": token(aud=1),
    "aud a list with a number": token(aud=["whybox-api", 1]),
    "aud an object": token(aud={"whybox-api": 1}),
    "no iss": token(iss=...),
    "iss a prefix of ours": token(iss="https://is"),
    "iss with a slash": token(iss="https://issuer.example/"),
    "iss in another case": token(iss="https://ISSUER.example"),
    "iss a list": token(iss=["https://issuer.example"]),
    "no sub": token(sub=...),
    "sub a number": token(sub=7),
    "sub empty": token(sub=""),
    "sub of 256 characters": token(sub="x" * 256),
    "sub with half a character": token(sub="\ud800"),
    "an ID token": token(token_use="id"),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_token_is_refused_with_the_one_message(text):
    with pytest.raises(AuthenticationError) as refusal:
        verify(text)

    assert str(refusal.value) == "The request carries no valid access token."
    assert refusal.value.cause


def test_nothing_is_fetched_for_a_token_that_names_addresses(monkeypatch):
    fetched = []
    monkeypatch.setattr(socket.socket, "connect", lambda *arguments: fetched.append(arguments))

    for name in ("jku", "x5u", "kid"):
        with pytest.raises(AuthenticationError):
            verify(token(HEADER | {name: "https://attacker.example/"}))

    assert not fetched


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        (..., set()),
        ("", set()),
        ("explain:writex", {"explain:writex"}),
        ("explain:write", {"explain:write"}),
        (["explain:write"], set()),
        (7, set()),
        (None, set()),
    ],
)
def test_only_a_space_separated_text_grants_scopes(scope, granted):
    assert verify(token(scope=scope)).scopes == granted


def test_subjects_that_only_look_alike_are_different_tenants():
    subjects = ["ada", "Ada", "ada ", "\u00e9", "e\u0301", "\uff41da"]

    tenants = {verify(token(sub=subject)).tenant for subject in subjects}

    assert len(tenants) == len(subjects)


def test_one_subject_of_two_issuers_is_two_tenants():
    assert tenant_of("https://a", "ada") != tenant_of("https://b", "ada")


@pytest.mark.parametrize("minutes", [-11, 10 * 6 + 2])
def test_a_clock_that_is_far_off_lets_nobody_in(minutes):
    with pytest.raises(AuthenticationError):
        verify(token(iat=T, exp=T + 3600), NOW + timedelta(minutes=minutes))


@given(st.data())
def test_a_token_with_any_one_character_changed_is_refused(data):
    position = data.draw(st.integers(0, len(GOOD) - 1))
    character = data.draw(st.characters(codec="ascii").filter(lambda drawn: drawn != GOOD[position]))

    with pytest.raises(AuthenticationError):
        verify(GOOD[:position] + character + GOOD[position + 1 :])


@given(
    st.text() | st.binary().map(b64) | st.lists(st.binary().map(b64), min_size=3, max_size=3).map(".".join)
)
def test_noise_is_refused_and_never_crashes(text):
    with pytest.raises(AuthenticationError):
        verify(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    ),
    st.sampled_from(["iss", "aud", "sub", "iat", "exp", "nbf", "scope", "token_use"]),
)
def test_a_claim_of_any_kind_is_accepted_or_refused_and_never_crashes(value, name):
    try:
        identity = verify(token(**{name: value}))
    except AuthenticationError:
        return

    assert identity.issuer == KEY.issuer
