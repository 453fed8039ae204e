"""The gateway in JWKS mode: keys from a real HTTPS server of an issuer, tokens of its two algorithms."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.integration.conftest import serve_command, whybox_command
from tests.unit.adapters.https.issuers import Issuer, ec_jwk, key_set, rsa_jwk, running_issuer, send_json

from whybox.local.server import project_template, running_gateway
from whybox.settings import Settings

RSA, EC = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ec.generate_private_key(ec.SECP256R1()),
)
ISSUER = "https://tenant.example/"
AUDIENCE = "https://whybox.example/api"


def token(key: Any = RSA, kid: str = "rsa-1", *, typ: str = "at+jwt", **claims: Any) -> str:
    """Return an access token as RFC 9068 has it."""
    now = int(time.time())
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "auth0|ada",
        "client_id": "spa",
        "iat": now,
        "exp": now + 600,
        "scope": "explain:write jobs:read",
    }
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    return jwt.encode(payload | claims, key, algorithm=algorithm, headers={"kid": kid, "typ": typ})


def headers(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@dataclass(frozen=True)
class Served:
    """A ``whybox serve`` of its own, and what it printed when it was ready."""

    client: httpx.Client
    welcome: str
    home: Path

    def get_usage(self, text: str) -> httpx.Response:
        return self.client.get("/usage", headers=headers(text))


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with running_issuer(
        tmp_path_factory.mktemp("issuer"), key_set(rsa_jwk(RSA, "rsa-1"), ec_jwk(EC, "ec-1"))
    ) as running:
        yield running


def environment(home: Path, issuer: Issuer, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WHYBOX_")}
    return inherited | {
        "WHYBOX_HOME": str(home),
        "WHYBOX_JWKS_URL": issuer.url,
        "WHYBOX_JWKS_CA_FILE": str(issuer.ca_file),
        "WHYBOX_JWT_ISSUER": ISSUER,
        "WHYBOX_JWT_AUDIENCE": AUDIENCE,
        "WHYBOX_JWT_CLIENT_IDS": "spa, cli",
        **more,
    }


@pytest.fixture(scope="module")
def served(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("home")
    with serve_command(environment(home, issuer), until="access token of the issuer") as (process, welcome):
        url = welcome.split("serves ", 1)[1].split()[0]
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield Served(client, welcome, home)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def test_nothing_is_fetched_until_a_token_comes_and_then_once_by_each_function(
    served: Served, issuer: Issuer
) -> None:
    assert issuer.n_fetches == 0

    for _ in range(3):
        assert served.get_usage(token()).status_code == 200
    assert served.get_usage(token(EC, "ec-1")).status_code == 200

    assert issuer.n_fetches == 2  # the authorizer, and the function behind it


def test_the_welcome_holds_no_token_and_no_secret_is_made(served: Served) -> None:
    assert 'Bearer $TOKEN"' in served.welcome
    assert ISSUER in served.welcome
    assert not (served.home / "jwt-secret").exists()


def test_a_table_is_explained_for_a_token_of_the_issuer(served: Served) -> None:
    rows = "".join(f"{i % 7},{i % 5},{(i % 7) + 0.5 * (i % 5)},{int(i % 3 > 0)}\n" for i in range(60))
    table = "a,b,target,training_index\n" + rows

    answer = served.client.post(
        "/mlregression?base_model=RidgeCV&n_hidden_features=3",
        headers=headers(token(EC, "ec-1")),
        files={"file": ("t.csv", table, "text/csv")},
    )

    assert answer.status_code == 200, answer.text


def hs256_with_the_public_key() -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "client_id": "spa", "iat": now, "exp": now + 600}
    public = key_set(rsa_jwk(RSA, "rsa-1")) * 2
    return jwt.encode(claims, public, algorithm="HS256", headers={"kid": "rsa-1", "typ": "at+jwt"})


REFUSED = {
    "HS256 with what is public": hs256_with_the_public_key(),
    "another key under the id": token(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
    "the other key's id": token(EC, "rsa-1"),
    "an id nobody has": token(kid="rsa-2"),
    "another client": token(client_id="stranger"),
    "an ID token": token(typ="JWT", aud="spa", nonce="n"),
    "another issuer": token(iss="https://tenant.example"),
    "expired": token(iat=1, exp=2),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_every_other_token_gets_the_one_answer_which_names_the_issuer(served: Served, text: str) -> None:
    def refusal(answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        return {name: value for name, value in answer.json().items() if name != "instance"}

    answer = refusal(served.get_usage(text))

    assert answer == refusal(served.client.get("/usage"))
    assert ISSUER in answer["detail"]
    assert "whybox token" not in answer["detail"]


def test_a_token_without_the_scope_is_a_403(served: Served) -> None:
    for scope in ("explain:writex", "whybox/explain:write", ["explain:write"]):
        answer = served.client.post(
            "/mlregression", headers=headers(token(scope=scope)), files={"file": ("t.csv", "a\n1\n")}
        )
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/insufficient-scope"


def test_what_the_log_says_holds_no_token_no_subject_and_no_key_id(served: Served) -> None:
    secret_kid, secret_subject = "kid-canary-81c7", "subject-canary-55d0"
    good, bad = token(sub=secret_subject), token(kid=secret_kid)
    served.get_usage(good)
    served.get_usage(bad)

    log = (served.home / "gateway.log").read_text(encoding="utf-8")
    assert "kid names none of our keys" in log
    for canary in (secret_kid, secret_subject, good, bad, good.split(".")[2]):
        assert canary not in log


def test_while_the_keys_are_not_to_be_had_a_token_is_a_503_and_nonsense_still_a_401(
    issuer: Issuer, tmp_path: Path
) -> None:
    published = issuer.respond
    issuer.respond = send_json(b"{}", status=503)
    settings = Settings.from_environment(environment(tmp_path, issuer))
    try:
        with (
            running_gateway(settings, template=project_template()) as url,
            httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
        ):
            answer = client.get("/usage", headers=headers(token()))
            assert (answer.status_code, answer.json()["type"]) == (503, "/problems/keys-unavailable")
            assert answer.headers["retry-after"] == "5"
            assert client.get("/usage", headers=headers("no.token.this")).status_code == 401
    finally:
        issuer.respond = published


def test_the_token_command_says_where_tokens_come_from(issuer: Issuer, tmp_path: Path) -> None:
    ended = subprocess.run(
        whybox_command("token", "--sub", "ada"),
        env=environment(tmp_path, issuer),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ISSUER in ended.stderr
    assert not (tmp_path / "jwt-secret").exists()


def test_a_secret_beside_the_issuers_keys_ends_the_start(issuer: Issuer, tmp_path: Path) -> None:
    both = environment(tmp_path, issuer, WHYBOX_JWT_SECRET="Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE")

    ended = subprocess.run(
        whybox_command("serve", "--port", "0"),
        env=both,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "WHYBOX_JWT_SECRET" in ended.stderr
