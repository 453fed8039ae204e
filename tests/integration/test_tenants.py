"""Two tenants through the real gateway: what is another's is answered as what is not there, at every door."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from .conftest import RunningGateway

ROWS = [f"{row % 7},{row % 5},{row % 2}" for row in range(40)]
TABLE = "\n".join(["a,b,target", *ROWS]).encode()
MODEL = {"model": {"family": "sklearn", "name": "LogisticRegression"}}
COMPATIBLE = {
    "/mlclassification": "base_model=LogisticRegression&n_hidden_features=0",
    "/mlregression": "base_model=Ridge&n_hidden_features=0",
    "/gbdtclassification": "model_type=lightgbm",
    "/gbdtregression": "model_type=lightgbm",
}
MISSING = ("0" * 32, "f" * 31, "x" * 80, "nothing")
OWN_HEADERS = ("x-request-id", "date", "connection")


@dataclass(frozen=True)
class Caller:
    """Somebody with a token, and what is theirs."""

    client: httpx.Client
    headers: dict[str, str]

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = self.headers | request.pop("headers", {})
        return self.client.request(method, path, headers=headers, **request)

    def upload(self) -> str:
        announced = {"filename": "t.csv", "bytes": len(TABLE), "content_type": "text/csv"}
        link = self.ask("POST", "/v1/uploads", json=announced).json()
        sent = self.client.request(link["method"], link["url"], headers=link["headers"], content=TABLE)
        assert sent.status_code == 200, sent.text
        return str(link["upload_id"])

    def job(self, upload_id: str, **request: Any) -> str:
        document = {"source": {"upload_id": upload_id}, **MODEL}
        return str(self.ask("POST", "/v1/explanations", json=document, **request).json()["job_id"])


@pytest.fixture(scope="module")
def client(gateway: RunningGateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def owner(gateway: RunningGateway, client: httpx.Client) -> Caller:
    return Caller(client, gateway.headers("owner"))


@pytest.fixture(scope="module")
def other(gateway: RunningGateway, client: httpx.Client) -> Caller:
    return Caller(client, gateway.headers("other"))


@pytest.fixture(scope="module")
def nobody(client: httpx.Client) -> Caller:
    return Caller(client, {})


@pytest.fixture(scope="module")
def upload_id(owner: Caller) -> str:
    return owner.upload()


@pytest.fixture(scope="module")
def job_id(owner: Caller, upload_id: str) -> str:
    return owner.job(upload_id)


def told(response: httpx.Response) -> tuple[Any, ...]:
    """Everything that a caller is told, but for the request's own id, and the seconds left of the month."""
    headers = {name: text for name, text in response.headers.items() if name not in OWN_HEADERS}
    headers["ratelimit"] = re.sub("t=[0-9]+", "t=", headers.get("ratelimit", ""))
    return response.status_code, headers, {**response.json(), "instance": ""}


Door = Callable[[Caller, str], httpx.Response]

UPLOAD_DOORS: dict[str, Door] = {
    "GET /v1/uploads/{upload_id}": lambda who, given: who.ask("GET", f"/v1/uploads/{given}"),
    "POST /v1/explanations": lambda who, given: who.ask(
        "POST", "/v1/explanations", json={"source": {"upload_id": given}, **MODEL}
    ),
    "POST /v1/explanations, a job": lambda who, given: who.ask(
        "POST",
        "/v1/explanations",
        json={"source": {"upload_id": given}, "seed": 3, **MODEL},
        headers={"prefer": "respond-async"},
    ),
    **{
        f"POST {path}": lambda who, given, path=path, query=query: who.ask(
            "POST", f"{path}?{query}&upload_id={given}"
        )
        for path, query in COMPATIBLE.items()
    },
}
JOB_DOORS: dict[str, Door] = {
    "GET /v1/jobs/{job_id}": lambda who, given: who.ask("GET", f"/v1/jobs/{given}"),
    "GET /v1/jobs/{job_id}/result": lambda who, given: who.ask("GET", f"/v1/jobs/{given}/result"),
    **{
        f"GET result as {name}": lambda who, given, name=name: who.ask(
            "GET", f"/v1/jobs/{given}/result?format={name}"
        )
        for name in ("json", "parquet", "csv", "html")
    },
    "DELETE /v1/jobs/{job_id}": lambda who, given: who.ask("DELETE", f"/v1/jobs/{given}"),
}


@pytest.mark.parametrize("door", UPLOAD_DOORS)
def test_an_upload_is_its_owners_alone(
    owner: Caller, other: Caller, nobody: Caller, upload_id: str, door: str
) -> None:
    knock = UPLOAD_DOORS[door]

    assert knock(owner, upload_id).is_success
    check_others(knock, upload_id, other, nobody)


@pytest.mark.parametrize("door", JOB_DOORS)
def test_a_job_is_its_owners_alone(
    owner: Caller, other: Caller, nobody: Caller, job_id: str, door: str
) -> None:
    knock = JOB_DOORS[door]

    check_others(knock, job_id, other, nobody)
    assert knock(owner, job_id).is_success


def check_others(knock: Door, given: str, other: Caller, nobody: Caller) -> None:
    """Another tenant learns nothing, not even that there is something; without a token nobody does."""
    refused = told(knock(other, given))
    assert refused[0] == 404
    assert refused[2]["type"] == "/problems/not-found"
    for missing in MISSING:
        assert told(knock(other, missing)) == refused
    unknown = told(knock(nobody, given))
    assert unknown[0] == 401
    assert unknown == told(knock(nobody, MISSING[0]))


def test_another_tenants_attempts_change_nothing(owner: Caller, other: Caller, job_id: str) -> None:
    before = owner.ask("GET", f"/v1/jobs/{job_id}").json()

    for door in JOB_DOORS.values():
        door(other, job_id)

    assert owner.ask("GET", f"/v1/jobs/{job_id}").json() == before
    assert job_id not in other.ask("GET", "/v1/jobs?limit=100").text


def test_a_job_that_runs_can_only_be_ended_by_its_owner(owner: Caller, other: Caller, upload_id: str) -> None:
    """Queued jobs are taken up at once here, so the end may be either; what counts is who can ask for it."""
    job_id = owner.job(upload_id, headers={"prefer": "respond-async"})

    assert other.ask("DELETE", f"/v1/jobs/{job_id}").status_code == 404
    assert owner.ask("DELETE", f"/v1/jobs/{job_id}").status_code == 204


def test_a_cursor_fits_only_the_caller_it_was_made_for(owner: Caller, other: Caller, upload_id: str) -> None:
    for seed in (11, 12):
        owner.ask(
            "POST", "/v1/explanations", json={"source": {"upload_id": upload_id}, "seed": seed, **MODEL}
        )
    cursor = owner.ask("GET", "/v1/jobs?limit=1").json()["next"]
    assert cursor is not None

    assert owner.ask("GET", f"/v1/jobs?limit=1&cursor={cursor}").status_code == 200
    refused = told(other.ask("GET", f"/v1/jobs?limit=1&cursor={cursor}"))
    assert refused[0] == 400
    assert refused == told(other.ask("GET", "/v1/jobs?limit=1&cursor=nothing"))


def test_the_same_document_of_two_tenants_is_two_jobs_and_two_charges(
    owner: Caller, other: Caller, job_id: str
) -> None:
    before = other.ask("GET", "/usage").json()["used"]

    theirs = other.job(other.upload())

    assert theirs != job_id
    assert other.ask("GET", "/usage").json()["used"] == before + 1


def test_an_idempotency_key_is_one_tenants(owner: Caller, other: Caller) -> None:
    headers = {"idempotency-key": "one key for both"}
    announced = {"filename": "t.csv", "bytes": 7}

    first, second = (
        who.ask("POST", "/v1/uploads", json=announced, headers=headers) for who in (owner, other)
    )

    assert first.json()["upload_id"] != second.json()["upload_id"]
    assert "idempotency-replayed" not in second.headers
