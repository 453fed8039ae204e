"""Clients of AWS: none waits for ever, none tries for ever, and none is paid for before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from whybox.adapters.aws.clients import PATIENCE, AwsClients, client_config

GATEWAY_SECONDS = 29


@pytest.mark.parametrize("service", PATIENCE)
def test_every_client_gives_up_before_the_gateway_does(service):
    config = client_config(service)
    patience = PATIENCE[service]

    assert (config.connect_timeout, config.read_timeout) == (patience.connect_seconds, patience.read_seconds)
    assert config.retries == {"mode": "standard", "total_max_attempts": patience.attempts}
    assert patience.attempts <= 3
    assert patience.longest_seconds < GATEWAY_SECONDS


@pytest.mark.parametrize("service", PATIENCE)
def test_every_service_has_a_client_with_that_patience(service, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = getattr(AwsClients(region="eu-central-1"), service)()

    assert client.meta.config.connect_timeout == PATIENCE[service].connect_seconds
    assert client.meta.config.retries["mode"] == "standard"
    assert client.meta.config.retries["total_max_attempts"] == PATIENCE[service].attempts
    assert client.meta.region_name == "eu-central-1"


@pytest.mark.parametrize(
    ("region", "endpoint_url", "begins"),
    [
        ("us-east-1", None, "https://bucket.s3.us-east-1.amazonaws.com/key?X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        ("eu-central-1", "", "https://bucket.s3.eu-central-1.amazonaws.com/key?X-Amz-Algorithm=AWS4-"),
        ("us-east-1", "http://emulator:5000", "http://emulator:5000/bucket/key?X-Amz-Algorithm=AWS4-"),
    ],
)
def test_links_to_s3_name_the_buckets_own_region_and_are_signed_with_version_4(
    region, endpoint_url, begins, monkeypatch
):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "emulated")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "emulated")
    client = AwsClients(region=region, endpoint_url=endpoint_url).s3()

    url = client.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": "key"})

    assert url.startswith(begins)
    assert "checksum" not in url.lower()


def test_the_sdk_is_loaded_when_a_client_is_made_and_not_before():
    script = (
        "import sys, whybox.adapters.aws.clients; print([n for n in sys.modules if n.startswith('boto')])"
    )

    printed = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert printed.stdout.strip() == "[]"
