"""The functions behind queues, built and in their containers, called with events that sam generates."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.containers import OPTIONS, ROOT, SAM, addresses, sam_environment
from tests.e2e.emulator import Emulator
from tests.integration.test_s3_door import RESULT, RIDGE, table

from whybox.domain.jobs.job_documents import TablePin, document_of, job_id_of
from whybox.domain.jobs.job_messages import write_message
from whybox.domain.jobs.jobs import Job, new_job
from whybox.http.dropped_tables import read_request
from whybox.settings import AwsSettings, Settings
from whybox.wiring import Ports, connect

TENANT = "b" * 64
Invoke = Callable[[str, dict[str, Any]], Any]


def generate(*words: str) -> dict[str, Any]:
    """Return an event that sam generates."""
    printed = subprocess.run(
        [SAM, "local", "generate-event", *words],
        check=True,
        capture_output=True,
        text=True,
        env=sam_environment(),
    )
    return dict(json.loads(printed.stdout))


def messages(*bodies: str) -> dict[str, Any]:
    """Return the event of a queue with such messages."""
    (record,) = generate("sqs", "receive-message")["Records"]
    return {"Records": [record | {"messageId": f"{n}", "body": body} for n, body in enumerate(bodies)]}


def put_event(name: str) -> str:
    """Return what S3 says of a table that was put into the tenant's folder."""
    return json.dumps(generate("s3", "put", "--bucket", "data", "--key", f"batch/{TENANT}/{name}"))


@pytest.fixture(scope="module")
def ports(emulator) -> Ports:
    aws = AwsSettings(
        usage_table="UsageTable",
        accounts_table="AccountsTable",
        secret_arn="JwtSecret",
        endpoint_url=f"http://{addresses()[0]}:{emulator.port}",
        jobs_table="JobsTable",
        bucket=emulator.bucket,
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
        }.items():
            patch.setenv(name, value)
        yield connect(Settings(aws=aws))


@pytest.fixture
def invoke(emulator: Emulator, tmp_path: Path) -> Invoke:
    """Call a built function once, in a container of its own."""

    def call(function: str, event: dict[str, Any]) -> Any:
        path = tmp_path / "event.json"
        path.write_text(json.dumps(event), encoding="utf-8")
        command = [SAM, "local", "invoke", function, "--event", str(path), *OPTIONS]
        endpoint = f"http://{addresses()[1]}:{emulator.port}"
        command += ["--parameter-overrides", f"ParameterKey=AwsEndpointUrl,ParameterValue={endpoint}"]
        for _ in range(3):  # sam now and then loses what a container printed; every call here may be repeated
            printed = subprocess.run(
                command, cwd=ROOT, env=sam_environment(), capture_output=True, text=True, timeout=300
            )
            answers = [line for line in printed.stdout.splitlines() if line.startswith("{")]
            if answers:
                return json.loads(answers[-1])
        raise AssertionError(printed.stdout + printed.stderr)

    return call


def put(emulator: Emulator, key: str, content: bytes) -> str:
    answer = emulator.account.client("s3").put_object(Bucket=emulator.bucket, Key=key, Body=content)
    return str(answer["VersionId"])


def drop(emulator: Emulator, name: str, content: bytes) -> None:
    put(emulator, f"batch/{TENANT}/{name}.json", json.dumps(RIDGE).encode())
    put(emulator, f"batch/{TENANT}/{name}.csv", content)


def published(ports: Ports, job: Job) -> set[str]:
    prefix = f"results/{TENANT}/{job.job_id}/"
    names = {it.key.removeprefix(prefix) for it in ports.objects.list(prefix)}
    return {name for name in names if "/" not in name}


def test_explain_batch_explains_a_dropped_table_and_writes_its_result(emulator, ports, invoke):
    drop(emulator, "one", table())

    assert invoke("ExplainBatch", messages(put_event("one.csv"))) == {"batchItemFailures": []}

    (job,) = ports.jobs.list(TENANT, limit=10).jobs
    assert (job.status, job.door) == ("done", "s3")
    assert published(ports, job) >= RESULT


def test_a_bad_record_in_a_batch_of_ten_comes_back_alone(emulator, ports, invoke):
    for number in range(9):
        drop(emulator, f"many-{number}", table(shift=1.0 + number))
    bodies = [put_event(f"many-{number}.csv") for number in range(9)]
    bodies.insert(4, "this is no notification")

    answer = invoke("ExplainBatch", messages(*bodies))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "4"}]}
    assert all(job.status == "done" for job in ports.jobs.list(TENANT, limit=100).jobs)


def test_explain_heavy_explains_a_queued_job_and_writes_its_result(emulator, ports, invoke):
    content = table(shift=100.0)
    key = f"tenants/{TENANT}/uploads/u"
    digest = hashlib.sha256(content).hexdigest()
    pin = TablePin(key, put(emulator, key, content), digest, len(content))
    document = document_of(read_request(json.dumps(RIDGE).encode()), pin)
    job_id = job_id_of(TENANT, document, digest)
    job = new_job(TENANT, job_id, door="queue", document=document, now=ports.clock.now())
    message = write_message(ports.jobs.create(job))

    assert invoke("ExplainHeavy", messages(message, "no message")) == {
        "batchItemFailures": [{"itemIdentifier": "1"}]
    }

    done = ports.jobs.read(TENANT, job_id)
    assert done.status == "done"
    names = {it.key.rpartition("/")[2] for it in ports.objects.list(f"{done.result_key}/")}
    assert names >= RESULT


def test_fail_job_ends_the_job_of_a_dead_letter(emulator, ports, invoke):
    drop(emulator, "dead", table(shift=200.0))

    assert invoke("FailJob", messages(put_event("dead.csv"))) == {"batchItemFailures": []}

    job = ports.jobs.list(TENANT, limit=1).jobs[0]
    assert job.status == "failed"
    assert published(ports, job) == {"problem.json"}


def test_sweep_answers_what_it_found(invoke):
    assert set(invoke("Sweep", {})) == {"n_refunded", "n_sent", "n_ended", "n_told"}
