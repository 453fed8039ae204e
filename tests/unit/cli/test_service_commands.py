"""upload, jobs, result: what they send to a service, what they print, and what they do with a refusal."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from whybox.cli.main import main
from whybox.services.verify_token import verify_token
from whybox.settings import Settings
from whybox.wiring import connect

JOB = "0123456789abcdef0123456789abcdef"
LINK_HEADERS = {"content-type": "text/csv", "if-none-match": "*", "x-amz-checksum-sha256": "c3Vt"}


@dataclass
class Stub:
    """Answers as the service does, and keeps what it was asked."""

    url: str = ""
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[str] = field(default_factory=lambda: ["done"])
    result: bytes = b'{"metrics":{}}'
    is_linked: bool = False
    upload_status: str = "received"

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict, bytes]:
        self.requests.append((method, path, headers, body))
        if path.startswith("/bucket/"):
            return 200, {}, b"" if method == "PUT" else self.result
        if (method, path) == ("POST", "/v1/uploads"):
            asked = json.loads(body)
            link = {
                "upload_id": "u1",
                "method": "PUT",
                "url": f"{self.url}/bucket/u1?signature=s",
                "headers": LINK_HEADERS | {"content-length": str(asked["bytes"])},
            }
            return 201, {}, json.dumps(link).encode()
        if path == "/v1/uploads/u1":
            state = {"upload_id": "u1", "status": self.upload_status, "bytes": 12, "sha256": None}
            return 200, {}, json.dumps(state).encode()
        if path.startswith("/v1/jobs?"):
            return 200, {}, json.dumps({"jobs": [self.job("done")], "next": "more"}).encode()
        if path == f"/v1/jobs/{JOB}":
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            return 200, {}, json.dumps(self.job(status)).encode()
        if path.startswith(f"/v1/jobs/{JOB}/result"):
            if self.is_linked:
                return 303, {"location": f"{self.url}/bucket/result?signature=s"}, b""
            return 200, {}, self.result
        problem = {"title": "Nothing is here", "detail": "There is no job of this id.", "status": 404}
        return 404, {"content-type": "application/problem+json"}, json.dumps(problem).encode()

    def job(self, status: str) -> dict[str, Any]:
        return {
            "job_id": JOB,
            "status": status,
            "door": "queue",
            "created_at": "2026-11-20T12:00:00+00:00",
            "progress": {"rows_done": 60 if status == "done" else 20, "rows_total": 60},
            "attempts": 1,
            "estimate": {"seconds": 3.5, "memory_mb": 400, "route": "heavy"},
            "links": {"self": f"/v1/jobs/{JOB}"},
            **({"problem": {"title": "No rows", "detail": "It is empty."}} if status == "failed" else {}),
        }


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stub]:
    for name in [name for name in os.environ if name.startswith("WHYBOX_")]:
        monkeypatch.delenv(name)
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, content = stub.answer(self.command, self.path, headers, body)
            self.send_response(status)
            for name, value in {**more, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = respond  # noqa: N815 - names of the library

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stub.url = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("WHYBOX_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("WHYBOX_URL", stub.url)
        # A proxy that is not there: this machine is asked directly.
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield stub
        server.shutdown()
        thread.join()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "big.csv"
    path.write_bytes(b"a,b\n1,2\n3,4\n")
    return path


def test_upload_announces_the_file_sends_it_by_the_link_and_prints_its_id(service, table, capsys):
    assert main(["upload", str(table)]) == 0

    out, err = capsys.readouterr()
    assert out == "u1\n"
    assert "big.csv: 12 bytes received" in err
    announced, put, asked = service.requests
    assert json.loads(announced[3]) == {
        "filename": "big.csv",
        "bytes": 12,
        "content_type": "text/csv",
        "sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
    }
    assert put[:2] == ("PUT", "/bucket/u1?signature=s")
    assert put[3] == table.read_bytes()
    assert {name: put[2][name] for name in (*LINK_HEADERS, "content-length")} == {
        **LINK_HEADERS,
        "content-length": "12",
    }
    assert asked[:2] == ("GET", "/v1/uploads/u1")


@pytest.mark.parametrize("status", ["refused", "pending"])
def test_an_upload_that_did_not_arrive_as_announced_is_a_failure(service, table, capsys, status):
    service.upload_status = status

    assert main(["upload", str(table)]) == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert f"The upload is {status}" in err


def test_the_token_goes_to_the_service_and_never_along_a_link(service, table, tmp_path):
    service.is_linked = True
    main(["upload", str(table), "--token", "secret-1"])
    main(["result", JOB, "--token", "secret-1", "-o", str(tmp_path / "r.json")])

    for _, path, headers, _ in service.requests:
        assert headers.get("authorization") == (None if path.startswith("/bucket/") else "Bearer secret-1")


def test_without_a_token_one_is_made_for_the_service_on_this_machine(service, tmp_path):
    main(["jobs"])

    scheme, token = service.requests[0][2]["authorization"].split()
    ports = connect(Settings(home=tmp_path / "home"))
    identity = verify_token(token, key=ports.token_key, now=ports.clock.now())
    assert (scheme, identity.subject) == ("Bearer", "me")


def test_a_token_of_this_machine_is_never_sent_to_another(service, capsys):
    assert main(["jobs", "--url", "https://api.example.org"]) == 1

    assert "--token" in capsys.readouterr().err
    assert not service.requests


def test_the_token_of_the_environment_is_used(service, monkeypatch):
    monkeypatch.setenv("WHYBOX_TOKEN", "from-the-environment")
    main(["jobs"])

    assert service.requests[0][2]["authorization"] == "Bearer from-the-environment"


def test_a_large_file_is_sent_whole_and_its_progress_is_plain_lines(service, tmp_path, capsys):
    path = tmp_path / "large.csv"
    path.write_bytes(os.urandom(3_000_000))

    main(["upload", str(path)])

    assert service.requests[1][3] == path.read_bytes()
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("uploading")]
    assert len(lines) == 4
    assert lines[-1] == "uploading large.csv: 3.0 of 3.0 MB"


def test_jobs_lists_the_latest(service, capsys):
    assert main(["jobs", "--limit", "5"]) == 0

    out = capsys.readouterr().out
    assert service.requests[0][1] == "/v1/jobs?limit=5"
    assert f"{JOB}  done       queue  2026-11-20T12:00:00   60 of 60" in out
    assert "There are more" in out


def test_one_job_is_shown_with_what_is_known(service, capsys):
    service.statuses = ["running"]

    assert main(["jobs", JOB]) == 0

    out = capsys.readouterr().out
    assert JOB in out
    for fact in ("running", "20 of 60", "seconds 3.5, memory_mb 400, route heavy"):
        assert fact in out
    assert "finished_at" not in out


@pytest.mark.parametrize(("last", "status"), [("done", 0), ("failed", 1), ("cancelled", 1)])
def test_a_job_is_followed_to_its_end(service, capsys, last, status):
    service.statuses = ["queued", last]

    assert main(["jobs", JOB, "--follow"]) == status

    err = capsys.readouterr().err
    assert err.splitlines()[0] == "queued 20 of 60 rows"
    assert err.splitlines()[-1].startswith(last)


def test_programs_get_the_documents(service, capsys):
    main(["jobs", JOB, "--json"])
    main(["jobs", "--json"])

    one, many = map(json.loads, capsys.readouterr().out.splitlines())
    assert one["job_id"] == many["jobs"][0]["job_id"] == JOB


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_result_is_written_whole_wherever_it_is(service, tmp_path, is_linked, capsys):
    service.is_linked, service.result = is_linked, os.urandom(700_000)
    path = tmp_path / "out.parquet"

    assert main(["result", JOB, "--format", "parquet", "-o", str(path)]) == 0

    assert path.read_bytes() == service.result
    assert service.requests[0][1] == f"/v1/jobs/{JOB}/result?format=parquet"
    assert "700,000 bytes" in capsys.readouterr().err


def test_without_a_file_the_result_is_printed(service, capfdbinary):
    assert main(["result", JOB]) == 0

    assert capfdbinary.readouterr().out == service.result


@pytest.mark.parametrize("arguments", [["jobs", "other"], ["result", "other"]])
def test_a_refusal_is_one_line_that_says_what_the_problem_says(service, capsys, arguments):
    assert main(arguments) == 1

    err = capsys.readouterr().err
    assert err == "whybox: 404, Nothing is here: There is no job of this id.\n"


def test_a_refused_result_leaves_no_file(service, tmp_path):
    before = tmp_path / "keep.json"
    before.write_text("as it was")

    assert main(["result", "other", "-o", str(before)]) == 1

    assert before.read_text() == "as it was"
    assert not list(tmp_path.glob("*.draft"))


def test_no_service_is_one_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("WHYBOX_HOME", str(tmp_path))

    assert main(["jobs", "--url", "http://127.0.0.1:9"]) == 1

    err = capsys.readouterr().err
    assert err.startswith("whybox: The service at http://127.0.0.1:9 does not answer")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "url", ["ftp://x", "127.0.0.1:8000", "http://", "http://x/?a=b", "file:///etc/passwd"]
)
def test_an_address_that_is_none_is_refused(url, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("WHYBOX_HOME", str(tmp_path))

    assert main(["jobs", "--url", url]) == 1
    assert "An address is needed" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_one_line_and_nothing_is_asked(service, tmp_path, capsys):
    assert main(["upload", str(tmp_path / "none.csv")]) == 1

    assert capsys.readouterr().err.count("\n") == 1
    assert not service.requests
