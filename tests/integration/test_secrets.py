"""Canaries: over a run of good and bad requests, what a caller sends is in no log and in no refusal."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from whybox.local.server import project_template
from whybox.services.create_key import create_key
from whybox.settings import Settings
from whybox.wiring import connect

from .conftest import GatewayProcess, gateway_process

PLACES = (
    "token", "subject", "key", "cell", "column", "file", "header", "query", "cookie", "agent", "form",
    "body", "type", "boundary", "method",
)  # fmt: skip
CANARIES = {place: f"canary{place}4711" for place in PLACES}
NUMBER = "8151623.4711"
PATH = "/mlclassification"


def write_table(*, n_rows: int = 40, column: str = "", cell: str = "") -> str:
    """Return a table that is read without complaint, with canaries in a name and in cells."""
    names = f"a,{column or CANARIES['column']},text,target"
    rows = [f"{row},{NUMBER},{cell or CANARIES['cell']}{row % 3},{row % 2}" for row in range(n_rows)]
    return "\n".join([names, *rows, ""])


BAD_TABLES = {
    "ragged": write_table() + f"{CANARIES['cell']},1\n",
    "quote": write_table() + f'"{CANARIES["cell"]},1,1,1\n',
    "nul": write_table() + f"{CANARIES['cell']}\x00,1,1,1\n",
    "infinite": write_table() + "1,1e999,x,1\n",
    "precise": write_table() + "1,99999999999999999999,x,1\n",
    "decimal comma": write_table().replace(NUMBER, '"8151623,4711"'),
    "delimiter": write_table().replace(",", ";"),
    "two headers": write_table().split("\n")[0] + "\n" + write_table(),
    "no target": write_table().replace("target", CANARIES["cell"]),
    "one class": re.sub(r",[01]\n", f",{CANARIES['cell']}\n", write_table()),
    "many classes": "\n".join(["a,target", *[f"{row},{CANARIES['cell']}{row}" for row in range(200)], ""]),
    "empty target": write_table() + f"1,1,{CANARIES['cell']},\n",
    "long cell": write_table() + f"1,1,{CANARIES['cell'] * 10_000},1\n",
    "html": f"<!doctype html><p>{CANARIES['cell']}",
    "json": json.dumps({CANARIES["cell"]: CANARIES["cell"]}),
    "xml": f"<?xml version='1.0'?><{CANARIES['cell']}/>",
    "header only": write_table().split("\n")[0],
    "empty": "",
    "numeric header": f"1,2,3\n{CANARIES['cell']},1,1\n",
    "blank name": write_table().replace("text", ""),
    "duplicate name": write_table().replace("text", "A"),
    "latin-1": "é" + write_table(),
}


@dataclass
class Run:
    """A gateway, and all that it answered with a refusal."""

    gateway: GatewayProcess
    client: httpx.Client
    keys: list[str] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    refusals: list[httpx.Response] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)

    def send(self, method: str = "POST", path: str = PATH, **request: object) -> httpx.Response:
        token = self.gateway.token(CANARIES["subject"])
        headers = {"authorization": f"Bearer {token}", "x-canary": CANARIES["header"]}
        headers |= {"cookie": f"session={CANARIES['cookie']}", "user-agent": CANARIES["agent"]}
        headers |= request.pop("headers", {})  # type: ignore[arg-type]  # a dictionary of texts
        url = self.gateway.url + path
        answer = self.client.request(method, url, headers=headers, **request)  # type: ignore[arg-type]  # as httpx takes them,
        if answer.status_code >= 400:
            self.refusals.append(answer)
            self.codes.add(answer.json()["type"].removeprefix("/problems/"))
        return answer

    def send_table(
        self, table: str, *, query: str = "", encoding: str = "utf-8", **request: object
    ) -> httpx.Response:
        files = {"file": (f"{CANARIES['file']}.csv", table.encode(encoding), "text/csv")}
        return self.send(path=PATH + query, files=files, **request)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run of everything that a caller can do well or badly, and a worker that dies of a signal."""
    home = tmp_path_factory.mktemp("secrets")
    settings = Settings(home=home, monthly_limit=12)
    with (
        (home / "stderr.log").open("wb") as stderr,
        gateway_process(settings, project_template(), stderr=stderr) as gateway,
        httpx.Client(timeout=60, trust_env=False) as client,
    ):
        run = Run(gateway, client)
        _ask_well(run)
        _ask_for_nothing_there(run)
        _call_with_bad_tokens(run)
        _call_with_keys(run)
        _send_bad_bodies(run)
        _use_links(run)
        for table in BAD_TABLES.values():
            run.send_table(table, encoding="latin-1" if table.startswith("é") else "utf-8")
        _kill_a_worker(run)
        while run.send_table(write_table()).status_code == 200:
            pass
        yield run


@pytest.fixture(scope="module")
def log(run: Run) -> str:
    """Everything the gateway and its workers logged or printed."""
    return "".join(path.read_text() for path in sorted(run.gateway.home.glob("*.log*")))


def _ask_well(run: Run) -> None:
    for query in (
        "",
        "?interpretability=permutation&n_repeats=1",
        f"?split={CANARIES['column']}&target=target",
    ):
        run.send_table(write_table(), query=query, headers={"idempotency-key": CANARIES["key"] + query[:3]})
    run.send_table(write_table(n_rows=41), headers={"idempotency-key": CANARIES["key"]})
    assert run.send("GET", "/usage").status_code == 200


def _ask_for_nothing_there(run: Run) -> None:
    secret = CANARIES["query"]
    run.send_table(write_table(), query=f"?{secret}=1")
    for name in (
        "target",
        "split",
        "scoring",
        "encoding",
        "seed",
        "n_repeats",
        "interpretability",
        "decimal",
    ):
        run.send_table(write_table(), query=f"?{name}={secret}")
    run.send("GET", f"/usage?{secret}={secret}")
    run.send("GET", f"/nowhere?{secret}")
    run.send(CANARIES["method"].upper(), PATH)
    run.send("GET", "/usage", headers={"accept": f"text/{CANARIES['type']}"})
    run.send("GET", "/usage", headers={"x-long": CANARIES["header"] * 1000})


def _call_with_bad_tokens(run: Run) -> None:
    gateway, secret = run.gateway, CANARIES["token"]
    good = gateway.token(CANARIES["subject"])
    old = datetime.now(UTC) - timedelta(days=2)
    for value in (
        secret, f"Bearer {secret}", f"Basic {secret}", f"Bearer {secret}.{secret}.{secret}",
        f"Bearer {good}{secret}", f"Bearer wbx_{secret}_{secret}",
        f"Bearer {good.rpartition('.')[0]}.{secret}",
        f"Bearer {gateway.token(CANARIES['subject'], now=old)}", f"Bearer {good}, Bearer {secret}",
    ):  # fmt: skip
        run.send("GET", "/usage", headers={"authorization": value})
        run.send_table(write_table(), headers={"authorization": value})
    run.send("GET", f"/usage?token={secret}", headers={"authorization": ""})
    run.send("GET", "/usage", headers={"authorization": "", "x-api-key": f"wbx_{secret}"})
    for scopes in ((secret,), ("jobs:read",)):
        other = gateway.token(CANARIES["subject"], scopes=scopes)
        run.send_table(write_table(), headers={"authorization": f"Bearer {other}"})


def _call_with_keys(run: Run) -> None:
    """Use one key well, then one with another secret, one that was revoked, and one with rubbish."""
    settings = run.gateway.settings
    accounts = connect(settings).accounts
    for _ in range(2):
        text, _stored = create_key(
            CANARIES["subject"],
            issuer=settings.jwt_issuer,
            scopes=("explain:write",),
            lifetime=timedelta(days=1),
            now=datetime.now(UTC),
            keys=accounts.keys,
        )
        run.keys.append(text)
    used, revoked = run.keys
    accounts.keys.revoke(revoked.split("_")[1], now=datetime.now(UTC))
    assert run.send("GET", "/usage", headers={"authorization": f"Bearer {used}"}).status_code == 200
    changed = used[:-1] + ("a" if used[-1] != "a" else "b")
    for key in (changed, revoked, used + CANARIES["token"], f"{used}, Bearer {revoked}"):
        assert run.send("GET", "/usage", headers={"authorization": f"Bearer {key}"}).status_code == 401
        run.send("GET", f"/usage?key={key}", headers={"x-api-key": key})


def _send_bad_bodies(run: Run) -> None:
    secret = CANARIES["body"].encode()
    form = {"content-type": f"multipart/form-data; boundary={CANARIES['boundary']}"}
    run.send(content=secret, headers={"content-type": f"text/{CANARIES['type']}"})
    run.send(content=b'{"%b": "%b"}' % (secret, secret), headers={"content-type": "application/json"})
    run.send(content=secret, headers=form)
    run.send(content=b"--" + CANARIES["boundary"].encode() + b"\r\n" + secret, headers=form)
    run.send(content=b"", headers=form)
    run.send(data={"file": CANARIES["form"]}, files={CANARIES["form"]: (CANARIES["file"], b"a")})
    run.send(files={"file": (CANARIES["file"], secret), "more": (CANARIES["file"], secret)})
    run.send(content=secret * 500_000, headers=form)
    run.send_table(write_table(), headers={"idempotency-key": CANARIES["key"] * 30})


def _use_links(run: Run) -> None:
    """Upload by a link and by one that was changed, explain, and fetch the result."""
    table = write_table().encode()
    announced = {"filename": f"{CANARIES['file']}.csv", "bytes": len(table), "content_type": "text/csv"}
    link = run.send(path="/v1/uploads", json=announced).json()
    run.signatures.append(link["url"].rpartition("signature=")[2])
    changed = link["url"].replace("headers=", f"headers={CANARIES['query']}")
    assert run.client.put(changed, headers=link["headers"], content=table).status_code == 403
    assert run.client.put(link["url"], headers=link["headers"], content=table).status_code == 200
    document = {
        "source": {"upload_id": link["upload_id"]},
        "model": {"family": "sklearn", "name": "LogisticRegression"},
    }
    job_id = run.send(path="/v1/explanations", json=document).json()["job_id"]
    assert run.send("GET", f"/v1/jobs/{job_id}/result").status_code == 200
    for fields in (
        {"target": CANARIES["query"]},
        {"explain": {"groups": {CANARIES["query"]: [CANARIES["query"]]}}},
        {"model": {"family": "xgboost", "parameters": {CANARIES["query"]: CANARIES["query"]}}},
        {CANARIES["query"]: CANARIES["query"]},
    ):
        run.send(path="/v1/explanations", json=document | fields)
    run.send("GET", f"/v1/jobs?cursor={CANARIES['query']}")


def _kill_a_worker(run: Run) -> None:
    """End the process that computes, in the middle of a request."""
    answers: list[httpx.Response] = []
    table = write_table(n_rows=4_000)
    query = "?interpretability=permutation&n_repeats=40"
    request = threading.Thread(target=lambda: answers.append(run.send_table(table, query=query)))
    gateway = psutil.Process(run.gateway.process.pid)
    before = {worker.pid: worker.cpu_times().user for worker in gateway.children()}
    request.start()
    for worker in _busy_workers(gateway, before):
        worker.kill()
    request.join()
    assert answers[0].status_code == 502


def _busy_workers(gateway: psutil.Process, before: dict[int, float]) -> list[psutil.Process]:
    """Return the workers that compute: no other uses the processor for so long, however busy that is."""
    for _ in range(300):
        time.sleep(0.1)
        workers = [worker for worker in gateway.children() if worker.pid in before]
        if busy := [worker for worker in workers if worker.cpu_times().user - before[worker.pid] > 0.1]:
            return busy
    pytest.fail("no worker computes")


def test_the_run_met_what_a_caller_can_do_wrong(run: Run) -> None:
    assert {
        "unauthenticated", "insufficient-scope", "quota-exceeded", "not-found", "method-not-allowed",
        "not-acceptable", "headers-too-large",
        "body-missing", "body-too-large", "content-type-unsupported", "multipart-invalid",
        "parameter-invalid", "idempotency-key-reused",
        "csv-ragged-rows", "csv-malformed-quote", "csv-nul-byte", "csv-encoding", "target-not-found",
        "function-failed",
    } <= run.codes  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_the_logs_have_nothing_of_what_was_sent(log: str, place: str) -> None:
    assert CANARIES[place] not in log.lower()


def test_the_logs_have_no_number_of_a_cell_and_no_token(run: Run, log: str) -> None:
    assert NUMBER not in log
    assert not re.search(r"eyJ[\w-]{10,}|Bearer \w{10,}", log)
    assert "answered" in log
    assert "function MlClassification" in log


@pytest.mark.parametrize("place", [place for place in PLACES if place != "column"])
def test_no_refusal_repeats_what_was_sent(run: Run, place: str) -> None:
    for answer in run.refusals:
        said = answer.text + str(answer.headers)
        assert CANARIES[place] not in said.lower(), answer.text
        assert NUMBER not in said


def test_no_log_has_what_makes_a_link_work(run: Run, log: str) -> None:
    assert all(len(signature) >= 64 for signature in run.signatures)
    assert not [signature for signature in run.signatures if signature in log]


def test_no_log_and_no_refusal_has_the_secret_of_a_key(run: Run, log: str) -> None:
    said = log + "".join(answer.text + str(answer.headers) for answer in run.refusals)

    assert len(run.keys) == 2
    for key in run.keys:
        assert key.split("_")[2] not in said


def test_only_a_problem_of_a_column_names_a_column(run: Run) -> None:
    naming = {answer.json()["type"] for answer in run.refusals if CANARIES["column"] in answer.text}

    pointing = {"csv-decimal-comma", "integer-precision", "non-finite-values", "split-empty"}
    offering_what_comes_closest = {"target-not-found", "split-not-found"}
    assert naming <= {f"/problems/{code}" for code in pointing | offering_what_comes_closest}


def test_a_refusal_is_ours_from_the_first_word_to_the_last(run: Run) -> None:
    for answer in run.refusals:
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Traceback" not in answer.text
        assert str(Path(__file__).parents[2]) not in answer.text
