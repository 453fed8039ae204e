"""Jobs over HTTP: what is told about one, the list page by page, results in every form, ends."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from whybox.domain.jobs.jobs import Job, Outcome, Progress, new_job
from whybox.domain.jobs.object_keys import result_key
from whybox.http import jobs
from whybox.services.charge_job import job_receipt

ALL = ("explain:write", "jobs:read")
FILES = {
    "result.json": (b'{"metrics":{}}', "application/json"),
    "attributions.parquet": (b"PAR1...PAR1", "application/vnd.apache.parquet"),
    "attributions.csv": (b"row,value.a\n0,-0.5\n", "text/csv; charset=utf-8"),
    "report.html": (b"<!doctype html><p>report</p>", "text/html; charset=utf-8"),
}


@pytest.fixture
def function(service):
    return service.function(jobs.router)


@pytest.fixture
def ask(service, function):
    def ask(method, path, *, sub="ada", **request):
        request.setdefault("token", service.token(sub, scopes=ALL))
        return service.call(function, method, path, **request)

    return ask


@pytest.fixture
def put_job(service):
    def put_job(job_id: str = "j1", *, sub: str = "ada", after: int = 0, **changes) -> Job:
        now = service.clock.now() + timedelta(seconds=after)
        given = {
            "door": "queue",
            "document": {},
            "estimate": {"seconds": 40.0, "memory_mb": 500, "route": "heavy"},
        }
        return service.jobs.create(new_job(service.tenant(sub), job_id, now=now, **given | changes))

    return put_job


@pytest.fixture
def finish(service):
    def finish(job_id: str = "j1", *, sub: str = "ada", files=FILES, status="done", problem=None) -> None:
        tenant = service.tenant(sub)
        held = service.jobs.claim(tenant, job_id, lease_seconds=60, now=service.clock.now()).job
        prefix = result_key(tenant, job_id, fence=held.fence, name="x").removesuffix("/x")
        for name, (content, content_type) in files.items():
            service.objects.put(f"{prefix}/{name}", content, content_type=content_type)
        outcome = Outcome(
            status,
            result_key=prefix if status == "done" else None,
            actual={"seconds": 1.5, "peak_memory_mb": 300, "function": "explain_heavy", "files": list(files)},
            problem=problem,
        )
        service.jobs.finish(tenant, job_id, fence=held.fence, outcome=outcome, now=service.clock.now())

    return finish


def test_a_job_that_waits_is_told_with_its_estimate_and_when_to_ask_again(ask, put_job):
    put_job()

    answer = ask("GET", "/v1/jobs/j1")

    assert answer.status == 200
    assert answer.headers["retry-after"] == "40"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.document == {
        "job_id": "j1",
        "status": "queued",
        "door": "queue",
        "created_at": "2026-11-20T12:00:00+00:00",
        "progress": {"rows_done": 0, "rows_total": None},
        "attempts": 0,
        "estimate": {"seconds": 40.0, "memory_mb": 500, "route": "heavy"},
        "links": {"self": "/v1/jobs/j1"},
    }


def test_a_job_that_runs_is_told_in_rows_and_the_wait_shrinks_with_them(service, ask, put_job):
    job = put_job()
    now = service.clock.now()
    held = service.jobs.claim(job.tenant, "j1", lease_seconds=60, now=now).job
    service.jobs.renew(
        job.tenant, "j1", fence=held.fence, lease_seconds=60, now=now, progress=Progress(750, 1000)
    )

    answer = ask("GET", "/v1/jobs/j1")

    assert answer.document["status"] == "running"
    assert answer.document["progress"] == {"rows_done": 750, "rows_total": 1000}
    assert answer.document["started_at"] == "2026-11-20T12:00:00+00:00"
    assert answer.document["attempts"] == 1
    assert answer.headers["retry-after"] == "10"


def test_a_job_that_is_done_leads_to_its_result(ask, put_job, finish):
    put_job()
    finish()

    answer = ask("GET", "/v1/jobs/j1")

    assert answer.document["links"] == {"self": "/v1/jobs/j1", "result": "/v1/jobs/j1/result"}
    assert answer.document["actual"] == {
        "seconds": 1.5, "peak_memory_mb": 300, "function": "explain_heavy"
    }  # fmt: skip
    assert answer.document["finished_at"] == "2026-11-20T12:00:00+00:00"
    assert "retry-after" not in answer.headers


def test_a_job_that_is_done_has_done_all_its_rows(service, ask, put_job, finish):
    job = put_job()
    now = service.clock.now()
    fence = service.jobs.claim(job.tenant, "j1", lease_seconds=1, now=now).job.fence
    progress = Progress(750, 1000)
    service.jobs.renew(job.tenant, "j1", fence=fence, lease_seconds=1, now=now, progress=progress)
    service.clock.time += timedelta(seconds=2)
    finish()

    assert ask("GET", "/v1/jobs/j1").document["progress"] == {"rows_done": 1000, "rows_total": 1000}


def test_a_job_that_failed_says_why(ask, put_job, finish):
    problem = {"type": "/problems/csv-empty", "title": "t", "status": 422, "detail": "d", "instance": "i"}
    put_job()
    finish(status="failed", problem=problem, files={})

    document = ask("GET", "/v1/jobs/j1").document

    assert (document["status"], document["problem"]) == ("failed", problem)
    assert "result" not in document["links"]


def test_a_wait_that_nobody_can_foresee_is_a_minute_at_most(ask, put_job):
    put_job("long", estimate={"seconds": 4000.0})
    put_job("unknown", estimate=None, after=1)

    assert ask("GET", "/v1/jobs/long").headers["retry-after"] == "60"
    unknown = ask("GET", "/v1/jobs/unknown")
    assert (unknown.headers["retry-after"], unknown.document["estimate"]) == ("1", None)


def test_the_list_goes_on_page_by_page_from_the_latest(ask, put_job):
    for number in range(5):
        put_job(f"j{number}", after=number)

    seen, query = [], "limit=2"
    while query:
        answer = ask("GET", "/v1/jobs", query=query)
        seen.append([job["job_id"] for job in answer.document["jobs"]])
        if answer.document["next"] is None:
            assert "link" not in answer.headers
            break
        url, _, relation = answer.headers["link"].partition("; ")
        assert relation == 'rel="next"'
        query = urlsplit(url.strip("<>")).query
        assert parse_qs(query) == {"limit": ["2"], "cursor": [answer.document["next"]]}

    assert seen == [["j4", "j3"], ["j2", "j1"], ["j0"]]


def test_nobody_has_jobs_to_begin_with(ask):
    assert ask("GET", "/v1/jobs").document == {"jobs": [], "next": None}


def test_a_list_is_of_the_callers_own_jobs(ask, put_job):
    put_job("mine")
    put_job("theirs", sub="eve")

    assert [job["job_id"] for job in ask("GET", "/v1/jobs").document["jobs"]] == ["mine"]


@pytest.mark.parametrize(
    "query",
    [
        *(
            "limit=0",
            "limit=-1",
            "limit=101",
            "limit=1e9",
            "limit=abc",
            "limit=1&limit=2",
            "limit=",
            "page=2",
        ),
        "cursor=" + "a" * 1001,
    ],
)
def test_a_list_with_a_wrong_parameter_is_refused(ask, query):
    answer = ask("GET", "/v1/jobs", query=query)

    assert (answer.status, answer.code) == (422, "parameter-invalid")


def test_a_cursor_that_was_changed_or_is_anothers_is_refused(ask, put_job):
    for number in range(3):
        put_job(f"j{number}", after=number)
        put_job(f"e{number}", sub="eve", after=number)
    mine = ask("GET", "/v1/jobs", query="limit=1").document["next"]
    theirs = ask("GET", "/v1/jobs", query="limit=1", sub="eve").document["next"]
    swapped = mine[:-1] + ("A" if mine[-1] != "A" else "B")

    for cursor in (theirs, swapped, mine[:-2], "x", "%00", "a" * 1000, "é"):
        answer = ask("GET", "/v1/jobs", query=f"limit=1&cursor={cursor}")
        assert (answer.status, answer.code) == (400, "cursor-invalid"), cursor


@pytest.mark.parametrize("name", FILES)
def test_a_result_comes_in_the_format_asked_for(ask, put_job, finish, name):
    put_job()
    finish()
    content, content_type = FILES[name]
    wanted = {"json": "json", "parquet": "parquet", "csv": "csv", "html": "html"}[name.rpartition(".")[2]]

    answer = ask("GET", "/v1/jobs/j1/result", query=f"format={wanted}")

    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, content, content_type)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    is_file = name != "result.json"
    assert answer.headers.get("content-disposition") == (
        f'attachment; filename="{name}"' if is_file else None
    )


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/json;q=0.1, text/csv;q=0.5", "text/csv"),
        ("text/*", "text/csv"),
    ],
)
def test_without_a_format_the_accept_header_decides(ask, put_job, finish, accept, expected):
    put_job()
    finish()

    answer = ask("GET", "/v1/jobs/j1/result", headers={} if accept is None else {"accept": accept})

    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, expected)


def test_a_format_in_the_query_says_more_than_a_clients_usual_accept_header(ask, put_job, finish):
    put_job()
    finish()

    answer = ask("GET", "/v1/jobs/j1/result", query="format=csv", headers={"accept": "application/json"})

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


def test_a_type_no_result_has_is_not_acceptable(ask, put_job, finish):
    put_job()
    finish()

    assert ask("GET", "/v1/jobs/j1/result", headers={"accept": "image/png"}).code == "not-acceptable"


@pytest.mark.parametrize("query", ["format=xlsx", "format=", "format=json&format=csv", "fmt=csv"])
def test_a_format_there_is_not_is_refused(ask, put_job, finish, query):
    put_job()
    finish()

    assert ask("GET", "/v1/jobs/j1/result", query=query).code == "parameter-invalid"


def test_a_format_this_result_does_not_have_names_those_it_has(ask, put_job, finish):
    put_job()
    finish(files={name: FILES[name] for name in ("result.json", "attributions.parquet")})

    answer = ask("GET", "/v1/jobs/j1/result", query="format=csv")

    assert (answer.status, answer.code) == (422, "result-format-unavailable")
    assert "parquet" in answer.document["detail"]


def test_a_large_result_is_behind_a_link_that_reads_it_without_a_token(service, ask, put_job, finish):
    content = b"x" * 4_000_001
    put_job()
    finish(files=FILES | {"attributions.parquet": (content, "application/vnd.apache.parquet")})

    answer = ask("GET", "/v1/jobs/j1/result", query="format=parquet")

    assert (answer.status, answer.body) == (303, b"")
    link = urlsplit(answer.headers["location"])._replace(scheme="", netloc="").geturl()
    fetched = service.uploads.download(link, [])
    with fetched.file as file:
        assert file.read() == content
    assert fetched.disposition == 'attachment; filename="attributions.parquet"'


@pytest.mark.parametrize(
    ("status", "expected"),
    [(None, (409, "result-not-ready")), ("failed", (409, "job-without-result")),
     ("cancelled", (409, "job-without-result"))],
)  # fmt: skip
def test_a_job_that_is_not_done_has_no_result(ask, put_job, finish, status, expected):
    put_job()
    if status is not None:
        finish(status=status, files={})

    answer = ask("GET", "/v1/jobs/j1/result")

    assert (answer.status, answer.code) == expected
    assert ("retry-after" in answer.headers) is (status is None)


def test_a_result_that_was_deleted_is_gone(service, ask, put_job, finish):
    job = put_job()
    finish()
    service.objects.delete_all(f"results/{job.tenant}/")

    answer = ask("GET", "/v1/jobs/j1/result")

    assert (answer.status, answer.code) == (410, "result-expired")


def test_a_job_that_waits_is_cancelled_and_refunded(service, ask, put_job):
    job = put_job()
    service.usage.reserve(job.tenant, receipt_id=job_receipt("j1"), lease_seconds=60, now=service.clock.now())

    answer = ask("DELETE", "/v1/jobs/j1")

    assert (answer.status, answer.body) == (204, b"")
    assert ask("GET", "/v1/jobs/j1").document["status"] == "cancelled"
    assert service.used() == 0
    assert ask("DELETE", "/v1/jobs/j1").status == 204


def test_a_job_that_runs_is_told_to_stop_and_one_that_is_done_stays(service, ask, put_job, finish):
    job = put_job()
    put_job("j2", after=1)
    finish("j2")
    service.jobs.claim(job.tenant, "j1", lease_seconds=60, now=service.clock.now())

    assert [ask("DELETE", f"/v1/jobs/{name}").status for name in ("j1", "j2")] == [204, 204]

    assert service.jobs.read(job.tenant, "j1").is_cancel_requested
    assert ask("GET", "/v1/jobs/j2").document["status"] == "done"


ODD_IDS = ["none", "../x", "%00", "a" * 81, "a" * 5000, "é", "j1%2F", "%2e%2e", "%E2%80%AE", "j1 ", "J1"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("job_id", ODD_IDS)
def test_an_id_that_nobody_has_is_not_found_whatever_it_looks_like(ask, put_job, method, job_id):
    put_job()

    answer = ask(method, f"/v1/jobs/{job_id}")

    assert (answer.status, answer.code) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/jobs/{}"), ("GET", "/v1/jobs/{}/result"), ("DELETE", "/v1/jobs/{}")]
)
def test_anothers_job_is_answered_as_one_that_is_not_there(service, ask, put_job, finish, method, path):
    put_job("theirs", sub="eve")
    finish("theirs", sub="eve")
    before = service.jobs.read(service.tenant("eve"), "theirs")

    anothers, missing = (ask(method, path.format(job_id)) for job_id in ("theirs", "f" * 32))

    own = ("x-request-id",)
    told = [
        (answer.status, {k: v for k, v in answer.headers.items() if k not in own},
         {**json.loads(answer.body), "instance": ""})
        for answer in (anothers, missing)
    ]  # fmt: skip
    assert told[0] == told[1]
    assert anothers.code == "not-found"
    assert service.jobs.read(service.tenant("eve"), "theirs") == before


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/v1/jobs", ("explain:write",)),
        ("GET", "/v1/jobs/j1", ("explain:write",)),
        ("GET", "/v1/jobs/j1/result", ("explain:write",)),
        ("DELETE", "/v1/jobs/j1", ("jobs:read",)),
    ],
)
def test_looking_needs_one_scope_and_ending_the_other(service, ask, put_job, method, path, scopes):
    put_job()

    assert ask(method, path, token=service.token(scopes=scopes)).code == "insufficient-scope"
    assert ask(method, path, token=None).code == "unauthenticated"
