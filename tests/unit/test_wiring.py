"""Wiring: connected ports on this machine, and on AWS as far as none of them is used."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from whybox.domain.jobs.jobs import new_job
from whybox.domain.jobs.object_keys import upload_key
from whybox.errors import ConfigurationError
from whybox.services.issue_token import issue_token
from whybox.services.verify_token import verify_token
from whybox.settings import AwsSettings, Settings
from whybox.wiring import connect, signing_secret


def test_the_ports_of_one_home_share_a_secret_and_a_ledger(tmp_path):
    settings = Settings(home=tmp_path, monthly_limit=3)
    first, second = connect(settings), connect(settings)
    now = first.clock.now()
    token = issue_token(
        "ada", secret=signing_secret(settings), issuer="whybox", audience="whybox-api", now=now
    )

    identity = verify_token(token, key=second.token_key, now=now)
    first.usage.reserve(identity.tenant, receipt_id="r", lease_seconds=60, now=now)

    assert second.usage.read(identity.tenant, now=now).remaining == 2


def test_connecting_touches_no_database_until_it_is_needed(tmp_path):
    connect(Settings(home=tmp_path))

    assert [path.name for path in tmp_path.iterdir()] == ["jwt-secret"]


def test_a_secret_in_the_settings_leaves_no_file(tmp_path):
    secret = b"Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"

    assert signing_secret(Settings(home=tmp_path, jwt_secret=secret)) == secret
    assert not list(tmp_path.iterdir())


def test_the_ports_of_one_home_share_jobs_objects_and_queues(tmp_path):
    first, second = (connect(Settings(home=tmp_path)) for _ in range(2))
    job = new_job("a" * 64, "j", door="http", document={"seed": 0}, now=datetime(2026, 1, 1, tzinfo=UTC))

    first.jobs.create(job)
    version = first.objects.put("results/x", b"1", content_type="text/csv")
    first.explain_queue.send("explain")
    first.batch_queue.send("batch")
    first.batches.start("j", payload="{}")

    assert second.jobs.read(job.tenant, "j") == job
    assert second.objects.head("results/x").version == version
    for queue, body in ((second.explain_queue, "explain"), (second.batch_queue, "batch")):
        (message,) = queue.receive(max_messages=10, visibility_seconds=60)
        assert message.body == body
    assert (tmp_path / "batches.sqlite3").exists()


def test_links_begin_with_the_address_in_the_settings(tmp_path):
    ports = connect(Settings(home=tmp_path, url="http://127.0.0.1:9000"))

    signed = ports.uploads.sign_upload(
        upload_key("a" * 64, "u"), n_bytes=1, content_type="text/csv", sha256=None
    )

    assert signed.url.startswith("http://127.0.0.1:9000/bucket/tenants/")


JOB_PORTS = ("jobs", "objects", "uploads", "explain_queue", "batch_queue", "batches")


@pytest.fixture
def region(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.parametrize("port", JOB_PORTS)
def test_on_aws_a_port_of_jobs_is_missed_only_when_it_is_asked_for(region, port):
    ports = connect(Settings(aws=AwsSettings("usage", "accounts", "arn")))

    with pytest.raises(ConfigurationError, match="the template sets it"):
        getattr(ports, port)


def test_on_aws_a_port_is_made_once_and_connects_to_nothing(region):
    aws = AwsSettings("u", "a", "arn", None, "jobs", "bucket", "https://e", "https://b", "arn:aws:states:::m")
    ports = connect(Settings(aws=aws))

    for port in JOB_PORTS:
        assert getattr(ports, port) is getattr(ports, port)
