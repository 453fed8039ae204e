"""Who gets in where: every route of the template against every kind of caller, through the real gateway.

The routes come from template.yaml. One that is not named as public must be closed, whoever adds it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from whybox.domain.api_keys import write_key
from whybox.local.payloads import Payload
from whybox.local.processes import Surroundings
from whybox.local.server import project_template, running_gateway
from whybox.local.templates import Route, read_stack
from whybox.local.workers import Workers
from whybox.services.create_key import create_key
from whybox.services.issue_token import issue_token
from whybox.services.verify_token import tenant_of
from whybox.settings import JwksSettings, Settings
from whybox.wiring import connect, signing_secret

from .conftest import SCOPES, RunningGateway

PUBLIC = {
    "GET /",
    "GET /health",
    "GET /openapi.json",
    "GET /docs",
    "GET /problems",
    "GET /problems/{code}",
    "$default",
}
"""The routes that answer anybody. All others must ask who calls."""

STACK = read_stack(project_template())
CLOSED = [route for route in STACK.routes if route.key not in PUBLIC]
OPEN = [route for route in STACK.routes if route.key in PUBLIC]
NEEDS_NO_SCOPE = {"GET /usage"}

ROWS = [f"{row % 7},{row % 5},{row % 2}" for row in range(40)]
TABLE = "\n".join(["a,b,target", *ROWS]).encode()
QUERIES = {
    "POST /mlclassification": "base_model=LogisticRegression&n_hidden_features=0",
    "POST /mlregression": "base_model=Ridge&n_hidden_features=0",
    "POST /gbdtclassification": "model_type=lightgbm",
    "POST /gbdtregression": "model_type=lightgbm",
}
"""A small good request to each route that reads a table."""

DOCUMENTS: dict[str, dict[str, Any]] = {
    "POST /v1/uploads": {"filename": "t.csv", "bytes": len(TABLE), "content_type": "text/csv"},
    "POST /v1/explanations": {
        "source": {"columns": ["a", "b", "target"], "data": [list(map(int, row.split(","))) for row in ROWS]},
        "model": {"family": "sklearn", "name": "LogisticRegression"},
    },
}
"""A small good document for each route that reads one."""


class OwnersClient(httpx.Client):
    """A client that knows objects of ada's, by the names of the parameters in paths."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(base_url=url, timeout=60, trust_env=False)
        self.ids = {"code": "unauthenticated"}
        for key, name in (("POST /v1/uploads", "upload_id"), ("POST /v1/explanations", "job_id")):
            headers = {"Authorization": f"Bearer {token}"}
            self.ids[name] = self.post(key.split()[1], json=DOCUMENTS[key], headers=headers).json()[name]


@dataclass(frozen=True)
class Callers:
    """Makes what callers show; keys and tenants are changed as an operator does, beside the gateway."""

    gateway: RunningGateway

    def token(self, sub: str = "ada", **changes: Any) -> str:
        settings = self.gateway.settings
        given = {
            "secret": signing_secret(settings),
            "issuer": settings.jwt_issuer,
            "audience": settings.jwt_audience,
            "now": datetime.now(UTC),
            "scopes": SCOPES,
            "lifetime": timedelta(hours=1),
        }
        return issue_token(sub, **given | changes)

    def key(self, sub: str = "ada", **changes: Any) -> str:
        settings = self.gateway.settings
        given = {
            "issuer": settings.jwt_issuer,
            "scopes": SCOPES,
            "lifetime": timedelta(days=1),
            "now": datetime.now(UTC),
            "keys": connect(settings).accounts.keys,
        }
        return create_key(sub, **given | changes)[0]

    def revoked_key(self) -> str:
        text = self.key()
        connect(self.gateway.settings).accounts.keys.revoke(text[4:16], now=datetime.now(UTC))
        return text

    def disable(self, sub: str) -> str:
        connect(self.gateway.settings).accounts.tenants.disable(tenant_of("whybox", sub))
        return sub

    def unsigned(self) -> str:
        return ".".join(self.token().split(".")[:2]) + "."


CALLERS: dict[str, tuple[str, Callable[[Callers], str | None]]] = {
    "nobody": ("401", lambda _who: None),
    "an empty header": ("401", lambda _who: ""),
    "a malformed token": ("401", lambda _who: "Bearer not.a.token"),
    "another scheme": ("401", lambda who: f"Basic {who.token()}"),
    "an expired token": (
        "401",
        lambda who: f"Bearer {who.token(now=datetime.now(UTC) - timedelta(hours=3))}",
    ),
    "a foreign issuer's token": ("401", lambda who: f"Bearer {who.token(issuer='https://other.example/')}"),
    "a token for another service": ("401", lambda who: f"Bearer {who.token(audience='other-api')}"),
    "a token of another secret": (
        "401",
        lambda who: f"Bearer {who.token(secret=b'7rT2pQ9x' * 4)}",
    ),
    "an unsigned token": ("401", lambda who: f"Bearer {who.unsigned()}"),
    "a mistyped key": ("401", lambda who: f"Bearer {who.key()[:-1]}"),
    "an unknown key": ("401", lambda _who: f"Bearer {write_key('0' * 12, 'a' * 43)}"),
    "a revoked key": ("401", lambda who: f"Bearer {who.revoked_key()}"),
    "an expired key": ("401", lambda who: f"Bearer {who.key(now=datetime.now(UTC) - timedelta(days=2))}"),
    "a foreign issuer's key": ("401", lambda who: f"Bearer {who.key(issuer='https://other.example/')}"),
    "a token without scope": ("403 insufficient-scope", lambda who: f"Bearer {who.token(scopes=())}"),
    "a key without scope": ("403 insufficient-scope", lambda who: f"Bearer {who.key(scopes=())}"),
    "a disabled tenant's token": (
        "403 tenant-disabled",
        lambda who: f"Bearer {who.token(who.disable('shut out'))}",
    ),
    "a disabled tenant's key": (
        "403 tenant-disabled",
        lambda who: f"Bearer {who.key(who.disable('shut out'))}",
    ),
    "a valid token": ("200", lambda who: f"Bearer {who.token()}"),
    "a valid token, lower case scheme": ("200", lambda who: f"bearer {who.token()}"),
    "a valid key": ("200", lambda who: f"Bearer {who.key()}"),
}


@pytest.fixture(scope="module")
def callers(gateway: RunningGateway) -> Callers:
    return Callers(gateway)


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[OwnersClient]:
    client = OwnersClient(gateway.url, gateway.token())
    yield client
    client.close()


def send(
    client: OwnersClient, route: Route, authorization: str | None = None, **request: Any
) -> httpx.Response:
    """Send a route a request that it answers with success to whoever may ask."""
    path = "/no/such/page" if route.path == "$default" else route.path.format(**client.ids)
    if route.key in QUERIES:
        request.setdefault("params", QUERIES[route.key])
        request.setdefault("files", {"file": ("t.csv", TABLE, "text/csv")})
    if route.key in DOCUMENTS:
        request.setdefault("json", DOCUMENTS[route.key])
    headers = request.pop("headers", {}) | ({} if authorization is None else {"Authorization": authorization})
    return client.request("GET" if route.method == "ANY" else route.method, path, headers=headers, **request)


def verdict(response: httpx.Response) -> str:
    if response.is_success:
        return "200"
    if response.status_code == 401:
        return "401"
    return f"{response.status_code} {response.json()['type'].rsplit('/', 1)[-1]}"


def refusal(response: httpx.Response) -> tuple[Any, ...]:
    """Everything a refused caller is told, but for the request's id."""
    # A refusal that comes before the body was read closes the connection; that says nothing of the caller.
    own = ("x-request-id", "date", "connection")
    told = {name: text for name, text in response.headers.items() if name not in own}
    return response.status_code, told, {**response.json(), "instance": ""}


def test_the_list_of_public_routes_names_only_routes_that_exist() -> None:
    assert {route.key for route in STACK.routes} >= PUBLIC
    assert {route.function for route in OPEN} == {"Site"}


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.key)
def test_a_route_that_is_not_public_asks_the_authorizer_for_the_authorization_header(route: Route) -> None:
    assert route.authorizer is not None
    assert route.authorizer.identity_sources == ("authorization",)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.key)
def test_a_closed_route_answers_each_caller_as_it_should(
    client: OwnersClient, callers: Callers, route: Route, caller: str
) -> None:
    expected, authorization = CALLERS[caller]
    if expected == "403 insufficient-scope" and route.key in NEEDS_NO_SCOPE:
        expected = "200"

    response = send(client, route, authorization(callers))

    assert verdict(response) == expected
    if expected == "401":
        assert refusal(response) == refusal(send(client, CLOSED[0]))
    if expected != "200":
        assert "ratelimit" not in response.headers or expected == "403 insufficient-scope"


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("route", OPEN, ids=lambda route: route.key)
def test_a_public_route_answers_everybody_alike(
    client: OwnersClient, callers: Callers, route: Route, caller: str
) -> None:
    response = send(client, route, CALLERS[caller][1](callers))

    assert verdict(response) == ("404 not-found" if route.path == "$default" else "200")


@pytest.mark.parametrize("path", sorted({route.path for route in CLOSED}))
def test_a_preflight_gets_no_data_and_no_origin_that_is_not_ours(client: OwnersClient, path: str) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    response = client.options(path, headers=asked)

    assert response.status_code in (200, 204, 405)
    assert not [name for name in response.headers if name.startswith("access-control-")]
    assert response.status_code == 405 or not response.content


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.key)
@pytest.mark.parametrize("make", ["token", "key"])
def test_a_credential_anywhere_but_in_the_header_is_not_read(
    client: OwnersClient, callers: Callers, route: Route, make: str
) -> None:
    good = getattr(callers, make)()

    for request in (
        {"params": {"access_token": good}},
        {"params": {"token": good, "authorization": f"Bearer {good}"}},
        {"headers": {"Cookie": f"token={good}; Authorization=Bearer {good}"}},
        {"headers": {"X-Authorization": f"Bearer {good}", "Proxy-Authorization": f"Bearer {good}"}},
        {"headers": {"X-Api-Key": good}},
    ):
        assert verdict(send(client, route, **request)) == "401"
    if route.method == "POST":
        assert verdict(send(client, route, data={"access_token": good})) == "401"


@pytest.mark.parametrize("make", ["token", "key"])
def test_two_authorization_headers_are_refused_even_if_both_are_good(
    client: OwnersClient, callers: Callers, make: str
) -> None:
    good, bad = f"Bearer {getattr(callers, make)()}", "Bearer nonsense"

    for pair in ((good, good), (good, bad), (bad, good), (good, "")):
        headers = [("Authorization", text) for text in pair]
        assert verdict(client.get("/usage", headers=headers)) == "401"


@pytest.mark.parametrize("name", ["X-Tenant", "X-User-Id", "X-Forwarded-For", "X-Amzn-Tenant", "X-Scopes"])
def test_a_header_that_claims_to_be_somebody_changes_nothing(
    client: OwnersClient, callers: Callers, name: str
) -> None:
    victim = tenant_of("whybox", "victim")
    connect(callers.gateway.settings).plans.change_plan(victim, monthly_limit=77)

    for claim in ("victim", victim, "127.0.0.1", "explain:write"):
        answer = client.get(
            "/usage", headers={"Authorization": f"Bearer {callers.token('eve')}", name: claim}
        )
        assert (answer.status_code, answer.json()["limit"]) == (200, 1_000_000)
        assert client.get("/usage", headers={name: claim}).status_code == 401
    no_scope = f"Bearer {callers.token(scopes=())}"
    assert verdict(send(client, CLOSED_POST, no_scope, headers={name: "explain:write"})).startswith("403")


CLOSED_POST = next(route for route in CLOSED if route.key in QUERIES)


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.key)
def test_a_function_invoked_past_the_gateway_believes_no_word_about_the_caller(
    callers: Callers, route: Route
) -> None:
    tenant = tenant_of("whybox", "ada")
    word = {"tenant": tenant, "scopes": " ".join(SCOPES)}
    good, other = f"Bearer {callers.token('ada')}", f"Bearer {callers.key('grace')}"
    cases: list[tuple[str | None, object]] = [
        (None, {"lambda": word}),
        ("Bearer nonsense", {"lambda": word}),
        (other, {"lambda": word}),
        (good, None),
        (good, {}),
        (good, {"lambda": None}),
        (good, {"lambda": {"tenant": "f" * 64, "scopes": "explain:write"}}),
        (good, {"jwt": {"claims": {"sub": "ada"}}}),
    ]
    events = [_event(route, authorization, said) for authorization, said in cases]

    for answer in _invoke(callers.gateway.settings, route.function, events):
        assert answer["statusCode"] == 401
        assert json.loads(answer["body"])["type"] == "/problems/unauthenticated"


def _event(route: Route, authorization: str | None, said: object) -> dict[str, Any]:
    http = {"method": route.method, "path": route.path, "sourceIp": "192.0.2.1", "protocol": "HTTP/1.1"}
    return {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": route.path,
        "rawQueryString": "",
        "headers": {} if authorization is None else {"authorization": authorization},
        "requestContext": {"http": http, "requestId": "id-1", "authorizer": said},
    }


def _invoke(settings: Settings, function: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Call a function as who may invoke it does, without a gateway."""

    async def call_all() -> list[dict[str, Any]]:
        functions = STACK.functions.values()
        unset = {name: "" for one in functions for name in one.environment if name.startswith("WHYBOX_")}
        variables = {**unset, "WHYBOX_STORAGE": "local", "WHYBOX_HOME": str(settings.home)}
        workers = Workers(functions, surroundings=Surroundings(variables))
        try:
            return [
                (await workers.call(function, Payload(json.dumps(event).encode()), request_id="id-1")).value()
                for event in events
            ]
        finally:
            await workers.close()

    return asyncio.run(call_all())


def test_a_key_is_refused_from_the_request_after_its_revocation_on(
    client: OwnersClient, callers: Callers
) -> None:
    key = callers.key()
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/usage", headers=headers).status_code == 200

    connect(callers.gateway.settings).accounts.keys.revoke(key[4:16], now=datetime.now(UTC))

    # The gateway remembers the authorizer's yes for minutes; the function behind it does not.
    assert refusal(client.get("/usage", headers=headers)) == refusal(client.get("/usage"))


def test_a_disabled_tenant_is_charged_nothing_and_comes_back_with_what_it_had(
    client: OwnersClient, callers: Callers
) -> None:
    ports, tenant = connect(callers.gateway.settings), tenant_of("whybox", "on leave")
    good = f"Bearer {callers.token('on leave')}"
    assert verdict(send(client, CLOSED_POST, good)) == "200"

    ports.accounts.tenants.disable(tenant)
    for route in CLOSED:
        assert verdict(send(client, route, good)) == "403 tenant-disabled"
    assert ports.usage.read(tenant, now=datetime.now(UTC)).used == 1

    ports.accounts.tenants.enable(tenant)
    assert client.get("/usage", headers={"Authorization": good}).json()["used"] == 1


def test_a_plan_or_role_that_a_token_claims_is_not_read(client: OwnersClient, callers: Callers) -> None:
    settings = callers.gateway.settings
    claims = jwt.decode(callers.token("greedy"), options={"verify_signature": False})
    claims |= {
        "plan": "unlimited",
        "limit": 10**9,
        "monthly_limit": 10**9,
        "role": "admin",
        "tenant": "f" * 64,
    }
    greedy = jwt.encode(claims, signing_secret(settings), algorithm="HS256")
    connect(settings).plans.change_plan(tenant_of("whybox", "greedy"), monthly_limit=0)

    headers = {"Authorization": f"Bearer {greedy}"}

    assert client.get("/usage", headers=headers).json()["limit"] == 0
    assert verdict(send(client, CLOSED_POST, headers["Authorization"])) == "429 quota-exceeded"


LOOK_ALIKES = [
    "iris",
    "Iris",
    "iris ",
    "../iris",
    "iris#RECEIPT",
    "iris\0",
    "😀iris",
    unicodedata.normalize("NFC", "Íris"),
    unicodedata.normalize("NFD", "Íris"),
]


def test_look_alikes_have_a_count_and_idempotency_keys_of_their_own(
    client: OwnersClient, callers: Callers
) -> None:
    headers = {"Idempotency-Key": "one-key-for-all-of-them"}

    def ask(sub: str, make: Callable[[str], str]) -> httpx.Response:
        return send(client, CLOSED_POST, f"Bearer {make(sub)}", headers=headers)

    first = [ask(sub, callers.token) for sub in LOOK_ALIKES]
    again = [ask(sub, callers.key) for sub in LOOK_ALIKES]

    for before, after, sub in zip(first, again, LOOK_ALIKES, strict=True):
        assert (before.status_code, after.status_code) == (200, 200)
        assert "idempotency-replayed" not in before.headers
        assert after.headers["idempotency-replayed"] == "true"
        assert after.content == before.content
        used = client.get("/usage", headers={"Authorization": f"Bearer {callers.token(sub)}"}).json()["used"]
        assert used == 1


def test_what_is_stored_is_named_by_a_digest_whatever_the_subject_holds(
    client: OwnersClient, callers: Callers
) -> None:
    sub = "../../escaped#/\0\N{SNOWMAN}"
    before = {path.name for path in callers.gateway.home.iterdir()}

    assert verdict(send(client, CLOSED_POST, f"Bearer {callers.token(sub)}")) == "200"

    assert tenant_of("whybox", sub) == hashlib.sha256(f"whybox|{sub}".encode()).hexdigest()
    assert {path.name for path in callers.gateway.home.iterdir()} == before
    assert b"escaped#" not in _everything_in(callers.gateway.home)


def test_no_file_of_the_service_holds_a_key_or_a_token_that_was_sent(
    client: OwnersClient, callers: Callers
) -> None:
    sent = [callers.key(), callers.revoked_key(), callers.token(), callers.key(callers.disable("shut out"))]
    for credential in (*sent, sent[0][:-1], sent[0] + "0"):
        for route in (CLOSED[0], CLOSED_POST, OPEN[0]):
            response = send(client, route, f"Bearer {credential}")
            assert credential[20:60] not in response.text + str(response.headers)

    kept = _everything_in(callers.gateway.home)
    assert b"unauthenticated" in kept  # the log is among what was read
    for credential in sent:
        assert credential[20:60].encode() not in kept


def _everything_in(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_keys_work_where_an_issuer_makes_the_tokens_even_while_it_is_down(tmp_path: Path) -> None:
    jwks = JwksSettings(url="https://127.0.0.1:9/jwks.json")
    settings = Settings(home=tmp_path, jwt_issuer="https://issuer.example/", jwks=jwks)
    with running_gateway(settings, template=project_template()) as url:
        callers = Callers(RunningGateway(url, settings))
        headers = {"Authorization": f"Bearer {callers.key('auth0|7')}"}

        response = httpx.get(f"{url}/usage", headers=headers, timeout=30, trust_env=False)

    assert (response.status_code, response.json()["used"]) == (200, 0)
    assert not (tmp_path / "jwt-secret").exists()
