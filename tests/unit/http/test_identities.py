"""Keys, disabled tenants and tenants that look alike, behind an authorizer and one function."""

from __future__ import annotations

import logging
import unicodedata
from datetime import timedelta

import pytest
from fastapi import APIRouter, Depends

from whybox.domain.api_keys import write_key
from whybox.http.bearer_tokens import authorize
from whybox.http.identities import authorize_explanation
from whybox.http.usage import router

LOOK_ALIKES = [
    "ada",
    "Ada",
    "ADA",
    "ada ",
    "ada\0",
    "ada\u200b",
    "../ada",
    "ada/../ada",
    "ada#1",
    unicodedata.normalize("NFC", "Zoë"),
    unicodedata.normalize("NFD", "Zoë"),
    "😀",
    "|ada",
]


@pytest.fixture
def usage(service):
    return service.function(router)


def refusal(answer):
    return answer.status, answer.headers["www-authenticate"], {**answer.document, "instance": ""}


def test_a_key_and_a_token_of_one_person_share_one_count(service, usage):
    by_token = service.call(usage, "GET", "/usage", token=service.token())
    tenant = service.event("GET", "/usage", token=service.token())["requestContext"]["authorizer"]["lambda"]
    service.usage.reserve(tenant["tenant"], receipt_id="r", lease_seconds=60, now=service.clock.now())

    by_key = service.call(usage, "GET", "/usage", token=service.api_key())

    assert (by_token.status, by_token.document["used"]) == (200, 0)
    assert (by_key.status, by_key.document["used"]) == (200, 1)
    assert by_key.document == service.call(usage, "GET", "/usage", token=service.token()).document


def test_every_bad_key_gets_the_one_401_that_no_token_gets(service, usage):
    revoked, mistyped = service.api_key(), service.api_key()[:-1]
    service.accounts.keys.revoke(revoked[4:16], now=service.clock.now())
    expired = service.api_key(now=service.clock.now() - timedelta(days=31))
    foreign = service.api_key(issuer="somebody else")
    unknown = write_key(service.api_key()[4:16], "a" * 43)

    nobody = refusal(service.call(usage, "GET", "/usage"))

    assert nobody[0] == 401
    for credential in (revoked, mistyped, expired, foreign, unknown, "wbx_", "wbx_" + "0" * 62):
        assert refusal(service.call(usage, "GET", "/usage", token=credential)) == nobody


def test_a_key_ends_with_the_next_request_even_where_the_gateway_remembers_a_yes(service, usage, read):
    key = service.api_key()
    event = service.event("GET", "/usage", token=key)
    assert read(usage(event, None)).status == 200

    service.accounts.keys.revoke(key[4:16], now=service.clock.now())

    assert read(usage(event, None)).status == 401


@pytest.mark.parametrize("said", [None, {}, {"lambda": {}}, {"lambda": {"tenant": "f" * 64, "scopes": ""}}])
def test_a_good_key_without_the_authorizers_word_is_not_enough(service, usage, read, said):
    event = service.event("GET", "/usage", token=service.api_key())
    event["requestContext"]["authorizer"] = said

    assert read(usage(event, None)).status == 401


def test_the_word_for_one_caller_does_not_serve_anothers_key(service, usage, read):
    event = service.event("GET", "/usage", token=service.api_key("ada"))
    event["headers"] = {"authorization": f"Bearer {service.api_key('grace')}"}

    assert read(usage(event, None)).status == 401


def test_the_authorizer_says_of_a_key_what_it_says_of_a_token(service):
    def said(credential):
        event = {"headers": {"authorization": f"Bearer {credential}"}}
        return authorize(event, key=service.key, keys=service.accounts.keys, clock=service.clock)

    assert said(service.api_key()) == said(service.token())
    assert said(service.api_key()[:-1]) == {"isAuthorized": False}


def test_a_function_that_was_given_no_accounts_lets_nobody_in(service):
    closed = service.function(router, accounts=None)

    assert service.call(closed, "GET", "/usage", token=service.token()).status == 401
    assert service.call(closed, "GET", "/usage", token=service.api_key()).status == 401


@pytest.mark.parametrize("make", ["token", "api_key"])
def test_a_disabled_tenant_is_refused_from_the_next_request_on_and_let_in_again(service, usage, read, make):
    event = service.event("GET", "/usage", token=getattr(service, make)())
    tenant = event["requestContext"]["authorizer"]["lambda"]["tenant"]
    assert read(usage(event, None)).status == 200

    service.accounts.tenants.disable(tenant)
    answer = read(usage(event, None))
    assert (answer.status, answer.code) == (403, "tenant-disabled")
    assert not [name for name in answer.headers if "ratelimit" in name]

    service.accounts.tenants.enable(tenant)
    assert read(usage(event, None)).status == 200


def _nothing() -> dict[str, str]:
    return {}


def test_a_disabled_tenant_is_told_so_before_its_scopes_are_looked_at(service):
    task = APIRouter()
    task.add_api_route("/task", _nothing, methods=["POST"], dependencies=[Depends(authorize_explanation)])
    function = service.function(task)
    token = service.token(scopes=())
    tenant = service.event("POST", "/task", token=token)["requestContext"]["authorizer"]["lambda"]["tenant"]
    assert service.call(function, "POST", "/task", token=token).code == "insufficient-scope"

    service.accounts.tenants.disable(tenant)

    assert service.call(function, "POST", "/task", token=token).code == "tenant-disabled"


def test_whether_a_tenant_is_disabled_is_told_to_that_tenant_only(service, usage):
    event = service.event("GET", "/usage", token=service.token("ada"))
    service.accounts.tenants.disable(event["requestContext"]["authorizer"]["lambda"]["tenant"])

    assert service.call(usage, "GET", "/usage", token=service.token("grace")).status == 200
    assert service.call(usage, "GET", "/usage").status == 401


@pytest.mark.parametrize(
    ("store", "make"), [("keys", "api_key"), ("tenants", "token"), ("tenants", "api_key")]
)
def test_a_store_that_fails_closes_the_door_and_says_try_again(service, usage, read, store, make):
    event = service.event("GET", "/usage", token=getattr(service, make)())
    # What is open stays readable; a container that starts now sees the damage.
    for part in service.home.glob(f"{store}*"):
        part.unlink()
    (service.home / store).mkdir()
    service.__post_init__()

    answer = read(service.function(router)(event, None))

    assert (answer.status, answer.code) == (503, "dependency-unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_no_two_look_alikes_share_a_count(service, usage):
    for number, subject in enumerate(LOOK_ALIKES):
        said = service.event("GET", "/usage", token=service.token(subject))["requestContext"]["authorizer"]
        for receipt in range(number):
            service.usage.reserve(
                said["lambda"]["tenant"],
                receipt_id=f"r{receipt}",
                lease_seconds=60,
                now=service.clock.now(),
            )

    for number, subject in enumerate(LOOK_ALIKES):
        for credential in (service.token(subject), service.api_key(subject)):
            assert service.call(usage, "GET", "/usage", token=credential).document["used"] == number


def test_neither_a_log_line_nor_an_answer_holds_a_key(service, usage, caplog):
    caplog.set_level(logging.DEBUG)
    good, revoked = service.api_key(), service.api_key()
    service.accounts.keys.revoke(revoked[4:16], now=service.clock.now())

    for credential in (good, revoked, good[:-1], good[:-1] + "!", good * 2):
        answer = service.call(usage, "GET", "/usage", token=credential)
        seen = repr(answer) + "".join(repr(vars(record)) for record in caplog.records)
        assert good[17:40] not in seen
        assert revoked[17:40] not in seen
