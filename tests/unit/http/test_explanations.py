"""POST /v1/explanations: three ways in for a table, one job for one request, and an answer now or later."""

from __future__ import annotations

import csv
import io
import json
import threading
import time

import pytest
from tests.unit.row_threads import row_threads

from whybox.domain.explanations.row_blocks import LEAST_ROWS
from whybox.domain.jobs.object_keys import upload_key
from whybox.domain.jobs.uploads import UploadRequest
from whybox.http import explanations, jobs
from whybox.http.job_workers import worker_of
from whybox.services.create_upload import create_upload
from whybox.services.run_job import run_job

from .conftest import BOUNDARY
from .small_tables import classes_table, numbers_table

ALL = ("explain:write", "jobs:read")
JSON = {"content-type": "application/json"}
FAST = {"model": {"family": "sklearn", "name": "Ridge"}}
TABLE = numbers_table()


def records(table: bytes) -> list[dict[str, object]]:
    rows = csv.DictReader(io.StringIO(table.decode()))
    return [{name: float(text) if "." in text or "e" in text else int(text) for name, text in row.items()}
            for row in rows]  # fmt: skip


@pytest.fixture
def function(service):
    return service.function(explanations.router)


@pytest.fixture
def ask(service, function):
    def ask(document=None, *, sub="ada", body=None, **request):
        request.setdefault("token", service.token(sub, scopes=ALL))
        content = json.dumps(document).encode() if body is None else body
        headers = JSON | request.pop("headers", {})
        return service.call(function, "POST", "/v1/explanations", body=content, headers=headers, **request)

    return ask


@pytest.fixture
def look(service):
    function = service.function(jobs.router)

    def look(path, *, sub="ada", **request):
        return service.call(function, "GET", path, token=service.token(sub, scopes=ALL), **request)

    return look


@pytest.fixture
def upload(service):
    """Announce a table and store it; returns the id."""

    def upload(content: bytes = TABLE, *, sub: str = "ada", is_stored: bool = True) -> str:
        tenant = service.tenant(sub)
        announcement = create_upload(
            UploadRequest("t.csv", len(content), "text/csv"),
            tenant=tenant,
            uploads=service.uploads,
            announcements=service.announcements,
            clock=service.clock,
        ).announcement
        if is_stored:
            key = upload_key(tenant, announcement.upload_id)
            service.objects.put(key, content, content_type="text/csv")
        return announcement.upload_id

    return upload


@pytest.fixture
def work(service):
    """Do the queued jobs, as the function with more memory does; returns how many."""

    def work() -> int:
        messages = service.explain_queue.receive(max_messages=10, visibility_seconds=600)
        for message in messages:
            told = json.loads(message.body)
            run_job(
                told["tenant"], told["job_id"], jobs=service.jobs, objects=service.objects,
                usage=service.usage, batches=None, clock=service.clock,
                worker=worker_of(None, function="explain_heavy", request_id="r", n_threads=1),
            )  # fmt: skip
            service.explain_queue.delete(message)
        return len(messages)

    return work


def multipart(*parts: tuple[str, bytes]) -> tuple[dict[str, str], bytes]:
    body = b""
    for disposition, content in parts:
        body += f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
        body += content + b"\r\n"
    return {
        "content-type": f"multipart/form-data; boundary={BOUNDARY}"
    }, body + f"--{BOUNDARY}--\r\n".encode()


def without_times(result):
    receipt = {**result["receipt"], "seconds": 0, "route": "", "function": ""}
    return {**result, "receipt": {name: receipt[name] for name in sorted(receipt) if name != "memory_mb"}}


def test_a_small_table_is_answered_at_once_with_its_result(service, ask):
    answer = ask({"source": {"records": records(TABLE)}, **FAST})

    document = answer.document
    assert answer.status == 200
    assert list(document) == ["job_id", "status", "result", "links"]
    assert document["status"] == "done"
    assert document["result"]["explanation"]["method"] == "shap"
    assert document["result"]["explanation"]["feature_names"] == ["a", "b"]
    assert document["links"]["result"] == f"/v1/jobs/{document['job_id']}/result"
    assert answer.headers["location"] == f"/v1/jobs/{document['job_id']}"
    assert answer.headers["x-ratelimit-remaining"] == "99"
    assert service.used() == 1


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_table_is_explained_in_its_functions_threads(start_service, n_threads):
    service = start_service(n_threads=n_threads)
    table = numbers_table(3 * (LEAST_ROWS + 100))
    body = json.dumps({"source": {"records": records(table)}, "model": {"family": "xgboost"}}).encode()

    with row_threads() as names:
        answer = service.call(
            service.function(explanations.router),
            "POST",
            "/v1/explanations",
            body=body,
            headers=JSON,
            token=service.token(scopes=ALL),
        )

    assert (answer.status, answer.document["status"]) == (200, "done")
    assert bool(names) == (n_threads > 1)


def test_every_way_in_is_the_same_job_where_the_bytes_are_the_same(ask, upload, service):
    by_upload = ask({"source": {"upload_id": upload()}, **FAST})
    headers, body = multipart(
        ('name="file"; filename="t.csv"', TABLE), ('name="job"', json.dumps(FAST).encode())
    )
    by_form = ask(headers=headers, body=body)

    assert (by_upload.status, by_form.status) == (200, 200)
    assert by_form.document == by_upload.document
    assert service.used() == 1


def test_rows_in_the_document_give_the_numbers_of_the_file(ask, upload):
    by_records = ask({"source": {"records": records(TABLE)}, **FAST}).document["result"]
    header = next(csv.reader(io.StringIO(TABLE.decode())))
    data = [list(record.values()) for record in records(TABLE)]
    by_rows = ask({"source": {"columns": header, "data": data}, **FAST}).document["result"]
    by_file = ask({"source": {"upload_id": upload()}, **FAST}).document["result"]

    assert by_rows["predictions"] == by_records["predictions"] == by_file["predictions"]
    assert by_rows["explanation"] == by_records["explanation"] == by_file["explanation"]


def test_a_form_without_a_job_has_the_documented_defaults(ask):
    headers, body = multipart(('name="file"; filename="t.csv"', TABLE))

    document = ask(headers=headers, body=body).document

    assert document["result"]["receipt"]["model"]["family"] == "xgboost"
    assert document["result"]["receipt"]["seed"] == 0


def test_the_same_request_again_is_answered_from_what_is_stored_and_not_charged_again(service, ask, upload):
    first = ask({"source": {"upload_id": upload()}, **FAST})
    service.clock.time = service.clock.time.replace(hour=13)
    again = ask({"source": {"upload_id": upload()}, "seed": 0, **FAST})
    other = ask({"source": {"upload_id": upload()}, "seed": 1, **FAST})

    assert again.body == first.body
    assert other.document["job_id"] != first.document["job_id"]
    assert service.used() == 2


def test_the_same_request_of_another_caller_is_another_job(service, ask, upload):
    mine = ask({"source": {"upload_id": upload()}, **FAST}).document
    theirs = ask({"source": {"upload_id": upload(sub="eve")}, **FAST}, sub="eve").document

    assert mine["job_id"] != theirs["job_id"]
    assert (service.used(), service.used("eve")) == (1, 1)


def test_who_prefers_so_gets_a_job_and_later_the_same_numbers(service, ask, look, work, upload):
    document = {"source": {"upload_id": upload()}, **FAST}

    queued = ask(document, headers={"prefer": "respond-async"})
    job_id = queued.document["job_id"]

    assert (queued.status, queued.document["status"]) == (202, "queued")
    assert list(queued.document) == ["job_id", "status", "estimate", "links"]
    assert queued.document["links"] == {"self": f"/v1/jobs/{job_id}"}
    assert queued.headers["location"] == f"/v1/jobs/{job_id}"
    assert queued.headers["preference-applied"] == "respond-async"
    assert int(queued.headers["retry-after"]) >= 1
    assert ask(document).document == {**queued.document, "status": "queued"}
    assert look(f"/v1/jobs/{job_id}").document["door"] == "queue"
    assert work() == 1
    assert look(f"/v1/jobs/{job_id}").document["status"] == "done"
    result = look(f"/v1/jobs/{job_id}/result").document
    assert ask(document).document["result"] == result
    assert service.used() == 1
    here = ask({**document, "source": {"upload_id": upload(sub="eve")}}, sub="eve").document["result"]
    assert here["predictions"] == result["predictions"]
    assert here["explanation"] == result["explanation"]
    assert here["metrics"] == result["metrics"]


def test_who_waits_gets_the_result_when_it_is_there_in_time(service, ask, work, upload):
    document = {"source": {"upload_id": upload()}, **FAST}
    ended = threading.Event()

    def work_soon() -> None:
        while not ended.is_set() and not work():
            time.sleep(0.05)

    worker = threading.Thread(target=work_soon)
    worker.start()
    answer = ask(document, headers={"prefer": "respond-async, wait=20"})
    ended.set()
    worker.join()

    assert (answer.status, answer.document["status"]) == (200, "done")
    assert answer.headers["preference-applied"] == "respond-async, wait=20"
    assert answer.document["result"]["explanation"]["method"] == "shap"


def test_who_waited_for_as_long_as_they_would_gets_the_job(ask, upload):
    answer = ask({"source": {"upload_id": upload()}, **FAST}, headers={"prefer": "respond-async, wait=1"})

    assert (answer.status, answer.document["status"]) == (202, "queued")
    assert answer.headers["preference-applied"] == "respond-async, wait=1"


def test_a_wait_for_what_is_computed_at_once_changes_nothing(ask, upload):
    answer = ask({"source": {"upload_id": upload()}, **FAST}, headers={"prefer": "wait=5"})

    assert answer.status == 200
    assert "preference-applied" not in answer.headers


def test_a_job_that_fails_while_its_caller_waits_is_answered_with_its_problem(service, ask, work, upload):
    document = {"source": {"upload_id": upload()}, **FAST}
    ended = threading.Event()

    def work_soon() -> None:
        while not ended.is_set() and not service.jobs.list(service.tenant(), limit=1).jobs:
            time.sleep(0.05)
        service.objects.delete_all(f"tenants/{service.tenant()}/")
        while not ended.is_set() and not work():
            time.sleep(0.05)

    worker = threading.Thread(target=work_soon)
    worker.start()
    answer = ask(document, headers={"prefer": "respond-async, wait=20"})
    ended.set()
    worker.join()

    assert (answer.status, answer.code) == (410, "upload-expired")
    assert answer.document["instance"] == answer.headers["x-request-id"]
    assert answer.headers["location"].startswith("/v1/jobs/")
    assert service.used() == 0


@pytest.mark.parametrize(
    ("make_source", "status", "code"),
    [
        (lambda upload: {"upload_id": upload(sub="eve")}, 404, "not-found"),
        (lambda _upload: {"upload_id": "0" * 32}, 404, "not-found"),
        (lambda upload: {"upload_id": upload(is_stored=False)}, 409, "upload-incomplete"),
    ],
)
def test_an_upload_that_is_not_there_is_told_so_and_costs_nothing(
    service, ask, upload, make_source, status, code
):
    answer = ask({"source": make_source(upload), **FAST})

    assert (answer.status, answer.code) == (status, code)
    assert service.used() == 0


def test_anothers_upload_is_answered_as_one_that_is_not_there(ask, upload):
    told = []
    for upload_id in (upload(sub="eve"), "f" * 32):
        answer = ask({"source": {"upload_id": upload_id}, **FAST})
        headers = {name: text for name, text in answer.headers.items() if name != "x-request-id"}
        told.append((answer.status, headers, {**answer.document, "instance": ""}))

    assert told[0] == told[1]


def test_a_file_that_was_replaced_after_it_was_checked_is_refused(service, ask, upload):
    upload_id = upload()
    assert ask({"source": {"upload_id": upload_id}, **FAST}).status == 200
    other = TABLE.replace(b"1", b"2", 1)
    key = upload_key(service.tenant(), upload_id)
    pinned = service.objects.head(key).version
    service.objects.put(key, other, content_type="text/csv")

    again = ask({"source": {"upload_id": upload_id}, "seed": 5, **FAST})

    # The version that was seen first is the upload: what came later is never read.
    assert again.status == 200
    assert (
        again.document["result"]["receipt"]["data_sha256"]
        == (ask({"source": {"upload_id": upload_id}, **FAST}).document["result"]["receipt"]["data_sha256"])
    )
    assert service.objects.head(key).version != pinned


def test_another_file_than_the_one_announced_is_refused(service, ask, upload):
    upload_id = upload(is_stored=False)
    other = TABLE.replace(b"1", b"22", 1)
    service.objects.put(upload_key(service.tenant(), upload_id), other, content_type="text/csv")

    answer = ask({"source": {"upload_id": upload_id}, **FAST})

    assert (answer.status, answer.code) == (409, "upload-changed")
    assert service.used() == 0


def test_a_file_nobody_announced_is_refused(service, ask):
    service.objects.put(upload_key(service.tenant(), "smuggled"), TABLE, content_type="text/csv")

    answer = ask({"source": {"upload_id": "smuggled"}, **FAST})

    assert (answer.status, answer.code) == (422, "unknown-upload")


def test_an_upload_whose_time_is_over_is_gone(service, ask, upload):
    upload_id = upload()
    service.objects.delete_all(f"tenants/{service.tenant()}/")
    service.clock.time = service.clock.time.replace(hour=23)

    answer = ask({"source": {"upload_id": upload_id}, **FAST})

    assert (answer.status, answer.code) == (410, "upload-expired")


REFUSALS = [
    (b"", JSON, 400, "body-missing"),
    (b"{", JSON, 400, "json-invalid"),
    (b'{"seed": NaN}', JSON, 400, "json-invalid"),
    (b"[" * 40 + b"]" * 40, JSON, 400, "json-too-deep"),
    (b"{}", {"content-type": "text/plain"}, 415, "content-type-unsupported"),
    (b"{}", {"content-type": "application/json; charset=utf-16"}, 415, "content-type-unsupported"),
    (b"{}", JSON, 422, "schema-invalid"),
    (b" " * 4_400_001, JSON, 413, "body-too-large"),
    (b"x" * 4_400_001, {"content-type": "multipart/form-data; boundary=B"}, 413, "body-too-large"),
    (b"x", {"content-type": "multipart/form-data; boundary=B"}, 400, "multipart-invalid"),
    (b"x", {"content-type": "multipart/form-data"}, 400, "multipart-invalid"),
]


@pytest.mark.parametrize(("body", "headers", "status", "code"), REFUSALS)
def test_a_body_that_cannot_be_read_is_told_what_it_lacks(service, ask, body, headers, status, code):
    answer = ask(body=body, headers=headers)

    assert (answer.status, answer.code) == (status, code)
    assert service.used() == 0
    if status == 413:
        assert "/v1/uploads" in answer.document["detail"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"target": "nothing"}, 422, "target-not-found"),
        ({"split": {"column": "nothing"}}, 422, "split-not-found"),
        ({"task": "classification", "model": {"family": "xgboost"}}, 422, "task-mismatch"),
        ({"model": {"family": "sklearn", "name": "Nothing"}}, 422, "model-unknown"),
        ({"model": {"family": "catboost"}}, 422, "model-not-installed"),
        ({"model": {"family": "xgboost", "parameters": {"n_jobs": -1}}}, 422, "parameter-invalid"),
        ({"model": {"family": "xgboost", "parameters": {"n_estimators": 10**9}}}, 422, "parameter-invalid"),
        ({"model": {"family": "xgboost", "parameters": {"n_estimators": "9"}}}, 422, "parameter-invalid"),
        ({"explain": {"unit": "probability"}}, 422, "unit-unavailable"),
        ({"explain": {"method": "permutation", "scoring": "nothing"}}, 422, "scoring-unknown"),
        ({"explain": {"rows": []}}, 422, "explain-rows-invalid"),
        ({"explain": {"rows": [59_999]}}, 422, "explain-rows-invalid"),
        ({"explain": {"rows": [0, 0]}}, 422, "explain-rows-invalid"),
        ({"explain": {"groups": {"g": ["nothing"]}}}, 422, "parameter-invalid"),
        ({"dialect": {"delimiter": ";"}}, 422, "csv-delimiter"),
        ({"dialect": {"encoding": "rot13"}}, 422, "parameter-invalid"),
    ],
)
def test_what_does_not_fit_the_table_is_refused_and_costs_nothing(service, ask, upload, fields, status, code):
    answer = ask({"source": {"upload_id": upload()}, **FAST, **fields})

    assert (answer.status, answer.code) == (status, code)
    assert service.used() == 0


def test_nothing_of_a_callers_own_names_is_repeated(ask, upload):
    canary = "canary4711"
    source = {"upload_id": upload()}
    for fields in (
        {"target": canary},
        {canary: 1},
        {"model": {"family": "xgboost", "parameters": {canary: 1}}},
        {"model": {"family": "sklearn", "name": canary}},
        {"explain": {"groups": {canary: [canary]}}},
        {"explain": {"method": "permutation", "scoring": canary}},
        {"split": {"column": canary}},
        {"dialect": {"encoding": canary}},
    ):
        assert canary not in ask({"source": source, **FAST, **fields}).body.decode()


def test_a_repeat_under_a_key_gets_the_same_bytes(service, ask, upload):
    document = {"source": {"upload_id": upload()}, **FAST}
    first, again = (ask(document, headers={"idempotency-key": "k"}) for _ in range(2))
    other = ask({**document, "seed": 9}, headers={"idempotency-key": "k"})

    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert (other.status, other.code) == (422, "idempotency-key-reused")
    assert service.used() == 1


def test_a_key_whose_request_was_refused_is_free(ask, upload):
    headers = {"idempotency-key": "k"}
    assert ask({"source": {"upload_id": "0" * 32}, **FAST}, headers=headers).status == 404
    assert ask({"source": {"upload_id": upload()}, **FAST}, headers=headers).status == 200


def test_a_full_month_computes_nothing_and_queues_nothing(start_service):
    service = start_service(limit=0)
    function = service.function(explanations.router)
    body = json.dumps({"source": {"records": records(TABLE)}, **FAST}).encode()
    for headers in (JSON, JSON | {"prefer": "respond-async"}):
        answer = service.call(
            function, "POST", "/v1/explanations", body=body, headers=headers, token=service.token()
        )
        assert (answer.status, answer.code) == (429, "quota-exceeded")
    assert not service.explain_queue.receive(max_messages=1, visibility_seconds=1)
    assert not service.jobs.list(service.tenant(), limit=1).jobs


def test_asking_needs_the_scope_and_a_token(service, ask):
    document = {"source": {"records": records(TABLE)}, **FAST}

    assert ask(document, token=service.token(scopes=("jobs:read",))).code == "insufficient-scope"
    assert ask(document, token=None).code == "unauthenticated"


def test_classes_are_told_from_the_target_and_explained_in_probabilities(ask, upload):
    model = {"model": {"family": "sklearn", "name": "DecisionTreeClassifier"}}

    result = ask({"source": {"upload_id": upload(classes_table())}, **model}).document["result"]

    assert result["predictions"]["classes"] == ["no", "yes"]
    assert result["explanation"]["unit"] == "probability"
