"""The compatible endpoints and tables too large for a form or a request: uploads in, jobs out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from whybox.domain.jobs.object_keys import upload_key
from whybox.domain.jobs.uploads import UploadRequest
from whybox.services.create_upload import create_upload

from .small_tables import classes_table, numbers_table, without_seconds, write_table

CLASSIFY = "/mlclassification"
REGRESS = "/mlregression"
TREE = "base_model=DecisionTreeClassifier&n_hidden_features=0"
RIDGE = "base_model=Ridge&n_hidden_features=0"


def queued(service) -> list[str]:
    return [message.body for message in service.explain_queue.receive(max_messages=10, visibility_seconds=60)]


@pytest.fixture
def upload(service):
    """Announce a table and store it; returns the id."""

    def upload(content: bytes, *, sub: str = "ada") -> str:
        tenant = service.tenant(sub)
        opened = create_upload(
            UploadRequest("t.csv", len(content), "text/csv"),
            tenant=tenant,
            uploads=service.uploads,
            announcements=service.announcements,
            clock=service.clock,
        )
        upload_id = opened.announcement.upload_id
        service.objects.put(upload_key(tenant, upload_id), content, content_type="text/csv")
        return upload_id

    return upload


@pytest.fixture
def send_upload(service, functions):
    def send_upload(path: str, query: str, *, body: bytes = b"", **headers: str):
        return service.call(
            functions[path], "POST", path, query=query, token=service.token(), body=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )  # fmt: skip

    return send_upload


@pytest.mark.parametrize(
    ("path", "query", "table"),
    [
        (CLASSIFY, f"{TREE}&interpretability=shap", classes_table()),
        (REGRESS, f"{RIDGE}&return_pi=True", numbers_table()),
        ("/gbdtclassification", "model_type=xgboost", classes_table()),
        ("/gbdtregression", "model_type=lightgbm", numbers_table()),
    ],
)
def test_an_upload_gives_the_answer_of_the_same_file_in_a_form(
    send, send_upload, upload, used, path, query, table
):
    by_form = send(path, query, table)
    by_upload = send_upload(path, f"{query}&upload_id={upload(table)}")

    assert (by_form.status, by_upload.status) == (200, 200)
    assert without_seconds(by_upload.document) == without_seconds(by_form.document)
    assert used() == 2


@pytest.mark.parametrize(
    ("make_id", "status", "code"),
    [
        (lambda _service, upload: upload(classes_table(), sub="eve"), 404, "not-found"),
        (lambda _service, _upload: "0" * 32, 404, "not-found"),
        (lambda _service, _upload: "..%2Fx", 422, "parameter-invalid"),
        (lambda _service, _upload: "x%0A", 422, "parameter-invalid"),
        (lambda service, _upload: announced(service), 409, "upload-incomplete"),
    ],
)
def test_an_upload_that_is_not_there_is_told_so_and_costs_nothing(
    service, send_upload, upload, used, make_id, status, code
):
    answer = send_upload(CLASSIFY, f"{TREE}&upload_id={make_id(service, upload)}")

    assert (answer.status, answer.code) == (status, code)
    assert used() == 0


def announced(service) -> str:
    return create_upload(
        UploadRequest("t.csv", 5, "text/csv"),
        tenant=service.tenant(),
        uploads=service.uploads,
        announcements=service.announcements,
        clock=service.clock,
    ).announcement.upload_id


def test_a_table_comes_by_one_way_only(send, send_upload, upload, used):
    both = send(CLASSIFY, f"{TREE}&upload_id={upload(classes_table())}", classes_table())
    neither = send_upload(CLASSIFY, TREE)

    assert (both.status, both.code) == (422, "parameter-invalid")
    assert (neither.status, neither.code) == (400, "body-missing")
    assert used() == 0


def test_a_body_beyond_the_limit_is_told_of_uploads(send):
    answer = send(CLASSIFY, TREE, b"x" * 4_400_001)

    assert (answer.status, answer.code) == (413, "body-too-large")
    assert "/v1/uploads" in answer.document["detail"]
    assert "upload_id" in answer.document["detail"]


def test_work_beyond_the_light_budget_becomes_a_job_instead_of_a_time_out(service, send, used):
    # A hundred shuffles of forty columns, each through a forest of a hundred trees.
    generator = np.random.default_rng(2)
    columns = {f"x{column}": generator.normal(size=6000).round(3).tolist() for column in range(40)}
    table = write_table({**columns, "target": [row % 2 for row in range(6000)]})

    answer = send(CLASSIFY, "n_hidden_features=0&interpretability=permutation&n_repeats=100", table)

    document = answer.document
    assert answer.status == 202
    assert list(document) == ["job_id", "status", "estimate", "links"]
    assert document["estimate"]["route"] != "light"
    assert document["estimate"]["seconds"] > 10
    assert int(answer.headers["retry-after"]) >= 1
    assert json.loads(queued(service)[0])["job_id"] == document["job_id"]
    assert used() == 1


def test_a_small_request_becomes_a_job_where_its_caller_prefers_so(service, send, used):
    answer = send(CLASSIFY, TREE, classes_table(), prefer="respond-async")

    assert answer.status == 202
    assert answer.headers["preference-applied"] == "respond-async"
    assert answer.document["estimate"]["route"] == "heavy"
    assert len(queued(service)) == 1
    assert used() == 1


def test_a_repeated_job_is_the_same_one_and_one_charge(service, send, used):
    first, again = (
        send(CLASSIFY, TREE, classes_table(), prefer="respond-async", idempotency_key="k") for _ in range(2)
    )

    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert (
        send(CLASSIFY, TREE, classes_table(), prefer="respond-async").document["job_id"]
        == (first.document["job_id"])
    )
    assert used() == 1


def test_a_key_of_an_answer_at_once_is_not_one_of_a_job(send, used):
    send(CLASSIFY, TREE, classes_table(), idempotency_key="k")

    answer = send(CLASSIFY, TREE, classes_table(), prefer="respond-async", idempotency_key="k")

    assert (answer.status, answer.code) == (422, "idempotency-key-reused")
    assert used() == 1


def test_a_result_too_large_for_one_answer_becomes_a_job(service, send, used):
    n_rows = 110_000
    short = [row % 89 / 100 for row in range(n_rows)]
    marks = [int(row < 60) for row in range(n_rows)]
    table = write_table({"a": short, "target": [row % 7 for row in range(n_rows)], "training_index": marks})

    answer = send(REGRESS, f"{RIDGE}&return_pi=True", table)

    assert (answer.status, answer.document["status"]) == (202, "queued")
    assert answer.headers["location"] == f"/v1/jobs/{answer.document['job_id']}"
    assert len(queued(service)) == 1
    assert used() == 1
