"""GET /usage: the month's count, for free, to its owner."""

from __future__ import annotations

import pytest

from whybox.http.usage import router


@pytest.fixture
def function(service):
    return service.function(router)


def test_the_count_is_told_to_its_owner_and_costs_nothing(service, function):
    token = service.token()
    tenant_answer = service.call(function, "GET", "/usage", token=token)
    assert tenant_answer.document == {
        "limit": 100,
        "used": 0,
        "remaining": 100,
        "period": "2026-11",
        "resets_at": "2026-12-01T00:00:00+00:00",
    }

    assert service.call(function, "GET", "/usage", token=token).document["used"] == 0


def test_one_tenants_count_is_not_anothers(service, function):
    from whybox.services.verify_token import tenant_of

    service.usage.reserve(
        tenant_of("whybox", "ada"), receipt_id="r", lease_seconds=60, now=service.clock.now()
    )

    assert service.call(function, "GET", "/usage", token=service.token("ada")).document["used"] == 1
    assert service.call(function, "GET", "/usage", token=service.token("grace")).document["used"] == 0


def test_any_token_may_ask_whatever_its_scopes(service, function):
    assert service.call(function, "GET", "/usage", token=service.token(scopes=())).status == 200


def test_without_a_token_nothing_is_told(service, function):
    assert service.call(function, "GET", "/usage").status == 401


def test_a_parameter_is_refused(service, function):
    answer = service.call(function, "GET", "/usage", query="tenant=another", token=service.token())

    assert (answer.status, answer.code) == (422, "parameter-invalid")


def test_without_a_ledger_the_answer_is_to_try_again(service, function, tmp_path):
    (tmp_path / "usage").mkdir()

    answer = service.call(function, "GET", "/usage", token=service.token())

    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "quota-unavailable", "5")
