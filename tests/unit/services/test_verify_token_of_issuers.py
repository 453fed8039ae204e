"""Tokens of an identity provider: access tokens of Cognito and Auth0 are taken, nothing else they sign."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from tests.proof.token_attacks import prove
from tests.proof.token_targets import NamedKeys, b64, dump

from whybox.errors import AuthenticationError, KeysUnavailableError
from whybox.ports import VerificationKey
from whybox.services.verify_token import TOKEN_TYPES, SharedSecret, TokenKey, tenant_of, verify_token

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
T = int(NOW.timestamp())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_EC = ec.generate_private_key(ec.SECP256R1())
KEYS = NamedKeys(
    {"rsa-1": VerificationKey("RS256", RSA.public_key()), "ec-1": VerificationKey("ES256", EC.public_key())}
)
POOL = "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_pool"

AUTH0 = TokenKey(
    KEYS, "https://tenant.example/", "https://whybox.example", types=TOKEN_TYPES["jwt"], is_from_issuer=True
)
RFC9068 = replace(AUTH0, types=TOKEN_TYPES["at+jwt"])
COGNITO = TokenKey(
    KEYS,
    POOL,
    None,
    types=TOKEN_TYPES["jwt"],
    clients=frozenset({"app-1", "app-2"}),
    scope_prefix="whybox/",
    is_from_issuer=True,
)
TIMES = {"iat": T, "exp": T + 3600}
AUTH0_CLAIMS: dict[str, Any] = TIMES | {
    "iss": "https://tenant.example/",
    "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
    "aud": ["https://whybox.example", "https://tenant.example/userinfo"],
    "azp": "spa",
    "scope": "openid explain:write",
    "permissions": ["jobs:read"],
}
COGNITO_CLAIMS: dict[str, Any] = TIMES | {
    "iss": POOL,
    "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    "client_id": "app-1",
    "origin_jti": "x",
    "event_id": "y",
    "token_use": "access",
    "auth_time": T,
    "jti": "z",
    "username": "ada",
    "version": 2,
    "cognito:groups": ["a"],
    "scope": "openid whybox/explain:write other/explain:write jobs:read",
}


def token(
    claims: dict[str, Any], *, key: Any = RSA, alg: str = "RS256", header: Any = None, **more: Any
) -> str:
    """Sign claims as an issuer does; ``...`` takes a claim or a header parameter away."""
    names = {"kid": "rsa-1", "typ": "JWT"} | (header or {})
    kept = {name: value for name, value in (claims | more).items() if value is not ...}
    head: dict[str, Any] = {"alg": alg} | {name: value for name, value in names.items() if value is not ...}
    signer = jwt.get_algorithm_by_name(alg)
    message = f"{b64(dump(head))}.{b64(dump(kept))}"
    return f"{message}.{b64(signer.sign(message.encode(), signer.prepare_key(key)))}"


def auth0(**more: Any) -> str:
    return token(AUTH0_CLAIMS, **more)


def cognito(**more: Any) -> str:
    return token(COGNITO_CLAIMS, header={"typ": ...}, **more)


def verify(text: str, key: TokenKey = AUTH0):
    return verify_token(text, key=key, now=NOW)


def test_an_access_token_of_auth0_names_the_caller():
    identity = verify(auth0())

    assert identity.subject == "auth0|5f7c8ec7c33c6c004bbafe82"
    assert identity.tenant == tenant_of("https://tenant.example/", identity.subject)
    assert identity.scopes == {"openid", "explain:write"}


def test_an_access_token_of_cognito_names_the_caller_and_scopes_without_their_prefix():
    identity = verify(cognito(), COGNITO)

    assert identity.subject == "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    assert identity.scopes == {"explain:write"}


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
def test_an_access_token_of_rfc_9068_says_so_in_its_header(typ):
    assert verify(auth0(header={"typ": typ}), RFC9068).issuer == "https://tenant.example/"


def test_the_keys_of_both_kinds_are_taken():
    es256 = token(AUTH0_CLAIMS, key=EC, alg="ES256", header={"kid": "ec-1"})

    assert verify(es256).subject == verify(auth0()).subject


TAKEN = {
    "typ absent": auth0(header={"typ": ...}),
    "a machine's token": auth0(sub="spa@clients", gty="client-credentials"),
    "typ claim Bearer": auth0(typ="Bearer"),
    "a life of 24 hours": auth0(exp=T + 86_400),
}


@pytest.mark.parametrize("text", TAKEN.values(), ids=TAKEN.keys())
def test_a_token_within_the_rules_is_accepted(text):
    assert verify(text).issuer == AUTH0.issuer


def es256_parts() -> tuple[str, str, bytes]:
    head, _, signature = token(AUTH0_CLAIMS, key=EC, alg="ES256", header={"kid": "ec-1"}).rpartition(".")
    message = head.encode()
    return head, signature, EC.sign(message, ec.ECDSA(jwt.algorithms.hashes.SHA256()))


HEAD, ES_SIGNATURE, DER = es256_parts()
PUBLIC = serialization.PublicFormat.SubjectPublicKeyInfo
PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, PUBLIC)
MESSAGE, _, SIGNATURE = auth0().rpartition(".")


def hs256(secret: bytes, **header: Any) -> str:
    """Sign with HMAC without the library, which would not lend itself to it."""
    signer = jwt.get_algorithm_by_name("HS256")
    message = (
        f"{b64(dump({'alg': 'HS256', 'kid': 'rsa-1', 'typ': 'JWT'} | header))}.{b64(dump(AUTH0_CLAIMS))}"
    )
    return f"{message}.{b64(signer.sign(message.encode(), secret))}"


REFUSED = {
    # the algorithm and the key
    "none": f"{b64(dump({'alg': 'none', 'kid': 'rsa-1'}))}.{MESSAGE.split('.')[1]}.{SIGNATURE}",
    "HS256 with the public PEM": hs256(PEM),
    "HS256 with the public PEM without its last newline": hs256(PEM.rstrip()),
    "HS256 with the public DER": hs256(RSA.public_key().public_bytes(serialization.Encoding.DER, PUBLIC)),
    "HS256 with nothing": hs256(b""),
    "RS256 by a stranger": auth0(key=STRANGER),
    "RS384 with the right key": auth0(alg="RS384"),
    "RS512 with the right key": auth0(alg="RS512"),
    "PS256 with the right key": auth0(alg="PS256"),
    "ES256 under the id of the RSA key": auth0(key=EC, alg="ES256"),
    "RS256 under the id of the EC key": auth0(header={"kid": "ec-1"}),
    "ES256 by a stranger": auth0(key=OTHER_EC, alg="ES256", header={"kid": "ec-1"}),
    "ES256 with r = s = 0": f"{HEAD}.{b64(bytes(64))}",
    "ES256 in DER": f"{HEAD}.{b64(DER)}",
    "ES256 of half the length": f"{HEAD}.{ES_SIGNATURE[:43]}",
    "an RSA signature with a zero in front": f"{MESSAGE}.{b64(bytes(1) + b'x' * 256)}",
    "no signature": f"{MESSAGE}.",
    # the header
    "no kid": auth0(header={"kid": ...}),
    "kid unknown": auth0(header={"kid": "rsa-2"}),
    "kid a path": auth0(header={"kid": "../../rsa-1"}),
    "kid an address": auth0(header={"kid": "https://attacker.example/keys"}),
    "kid a statement": auth0(header={"kid": "' UNION SELECT 'rsa-1"}),
    "kid with a line end": auth0(header={"kid": "rsa-1\r\nX: y"}),
    "kid a number": auth0(header={"kid": 1}),
    "kid a list": auth0(header={"kid": ["rsa-1"]}),
    "kid of many letters": auth0(header={"kid": "k" * 1_000_000}),
    **{
        f"header {name}": auth0(header={name: value})
        for name, value in {
            "jwk": {"kty": "oct", "k": "eA"},
            "jku": "https://attacker.example/keys",
            "x5u": "https://attacker.example/cert",
            "x5c": ["MIIB"],
            "crit": ["exp"],
            "b64": False,
            "enc": "A256GCM",
        }.items()
    },
    "typ at+jwt where the issuer writes JWT": auth0(header={"typ": "at+jwt"}),
    "typ logout+jwt": auth0(header={"typ": "logout+jwt"}),
    "typ dpop+jwt": auth0(header={"typ": "dpop+jwt"}),
    # whose and for whom
    "iss without its slash": auth0(iss="https://tenant.example"),
    "iss of another tenant": auth0(iss="https://tenant2.example/"),
    "iss a list": auth0(iss=["https://tenant.example/"]),
    "aud only of the issuer": auth0(aud="https://tenant.example/userinfo"),
    "no aud": auth0(aud=...),
    "no aud, like Cognito's": auth0(aud=..., token_use="access", client_id="spa"),
    "no sub": auth0(sub=...),
    "expired": auth0(iat=T - 3600, exp=T - 61),
    "a life of more than a day": auth0(exp=T + 86_401),
    # not an access token
    "an ID token for the app": auth0(aud="spa", nonce="n"),
    "an ID token for us": auth0(nonce="n"),
    "at_hash": auth0(at_hash="h"),
    "c_hash": auth0(c_hash="h"),
    "a logout token": auth0(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
    "token_use id": auth0(token_use="id"),
    "typ claim ID": auth0(typ="ID"),
    "typ claim Refresh": auth0(typ="Refresh"),
    "typ claim a number": auth0(typ=1),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_token_is_refused_with_the_one_message(text):
    with pytest.raises(AuthenticationError) as refusal:
        verify(text)

    assert str(refusal.value) == "The request carries no valid access token."
    assert refusal.value.cause


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256"])
def test_the_key_decides_the_algorithm_before_a_signature_is_looked_at(alg):
    with pytest.raises(AuthenticationError) as refusal:
        verify(auth0(alg=alg))

    assert refusal.value.cause == "alg is not the algorithm of the key"


@pytest.mark.parametrize("typ", [..., "JWT", "at-jwt", "at+jwt ", "application/application/at+jwt"])
def test_where_the_issuer_writes_at_jwt_no_other_type_is_taken(typ):
    with pytest.raises(AuthenticationError):
        verify(auth0(header={"typ": typ}), RFC9068)


NOT_OF_OUR_CLIENTS = {
    "another client": {"client_id": "app-3"},
    "part of a client's id": {"client_id": "app-"},
    "two ids in one": {"client_id": "app-1,app-2"},
    "a list": {"client_id": ["app-1"]},
    "none": {"client_id": ...},
    "azp of another client beside ours": {"azp": "app-3"},
    "an ID token": {"token_use": "id", "aud": "app-1", "client_id": ...},
    "an ID token with a client_id": {"token_use": "id", "aud": "app-1"},
    "an aud where none is expected": {"aud": "app-1"},
}


@pytest.mark.parametrize("claims", NOT_OF_OUR_CLIENTS.values(), ids=NOT_OF_OUR_CLIENTS.keys())
def test_a_token_that_is_not_for_one_of_our_clients_is_refused(claims):
    with pytest.raises(AuthenticationError):
        verify(cognito(**claims), COGNITO)


@pytest.mark.parametrize("claims", [{"client_id": "app-2"}, {"client_id": ..., "azp": "app-1"}])
def test_any_of_our_clients_is_taken_however_it_is_named(claims):
    assert verify(cognito(**claims), COGNITO).issuer == POOL


def test_where_clients_are_named_an_audience_alone_is_not_enough():
    ours = replace(AUTH0, clients=frozenset({"spa"}))

    assert verify(auth0(), ours).issuer == AUTH0.issuer
    with pytest.raises(AuthenticationError):
        verify(auth0(azp="another-app-of-the-tenant"), ours)


def test_without_an_audience_and_without_clients_nothing_is_taken():
    with pytest.raises(AuthenticationError):
        verify(cognito(), replace(COGNITO, clients=frozenset()))


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("whybox/explain:write whybox/jobs:read", {"explain:write", "jobs:read"}),
        ("explain:write", set()),
        ("other/explain:write", set()),
        ("whybox/explain:writex", {"explain:writex"}),
        ("whybox/", set()),
        ("whyboxexplain:write", set()),
        (["whybox/explain:write"], set()),
        ("[whybox/explain:write]", set()),
        (..., set()),
    ],
)
def test_only_scopes_with_the_prefix_count(scope, granted):
    assert verify(cognito(scope=scope), COGNITO).scopes == granted


def test_nothing_but_the_kid_is_looked_up_and_only_in_the_set(monkeypatch):
    connected: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *arguments: connected.append(arguments))

    for name in ("jku", "x5u", "kid"):
        with pytest.raises(AuthenticationError):
            verify(auth0(header={name: "https://attacker.example/"}))

    assert not connected


def test_one_mode_takes_no_token_of_the_other():
    secret = b"Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"
    shared = replace(AUTH0, keys=SharedSecret(secret))

    with pytest.raises(AuthenticationError):
        verify(hs256(secret))
    with pytest.raises(AuthenticationError):
        verify(auth0(), shared)
    with pytest.raises(AuthenticationError):
        verify(auth0(header={"kid": ...}), shared)


def test_keys_that_are_not_to_be_had_are_not_the_callers_fault_but_nonsense_is():
    class NoKeys:
        def find(self, _kid: str | None) -> VerificationKey | None:
            raise KeysUnavailableError

    away = replace(AUTH0, keys=NoKeys())

    with pytest.raises(KeysUnavailableError):
        verify(auth0(), away)
    for text in ("", "a.b.c", auth0(header={"typ": "logout+jwt"}), auth0(header={"jwk": {}})):
        with pytest.raises(AuthenticationError):
            verify(text, away)


def test_the_twin_of_an_es256_signature_says_the_same_and_no_more():
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    r, s = decode_dss_signature(DER)
    assert encode_dss_signature(r, s) == DER
    twin = f"{HEAD}.{b64(r.to_bytes(32) + (order - s).to_bytes(32))}"

    assert verify(twin) == verify(token(AUTH0_CLAIMS, key=EC, alg="ES256", header={"kid": "ec-1"}))


def test_of_thousands_of_altered_and_forged_tokens_none_is_taken():
    attacks = prove(3000, seed=4)

    assert attacks.violations == ()
    assert attacks.n_refused == attacks.n_cases == 3000
    assert attacks.n_good_taken == 3 * 3
    assert min(attacks.n_by_attack.values()) > 100
