"""Settings: what the environment may say, and what the service refuses to start with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import whybox.settings as settings_module
from whybox.errors import ConfigurationError
from whybox.settings import AWS_VARIABLES, JOB_VARIABLES, AwsSettings, Settings, share_of

GOOD_SECRET = "Zk3vQ9xTb7Lw2NpR8sYd5HgJ1mCf4KaE"


def test_an_empty_environment_means_this_machine_and_a_secret_to_be_made():
    settings = Settings.from_environment({})

    assert settings == Settings(
        home=Path(".whybox"),
        jwt_secret=None,
        jwt_issuer="whybox",
        jwt_audience="whybox-api",
        monthly_limit=100,
    )


def test_every_variable_is_read():
    settings = Settings.from_environment(
        {
            "WHYBOX_HOME": "/srv/whybox",
            "WHYBOX_STORAGE": "local",
            "WHYBOX_JWT_SECRET": GOOD_SECRET,
            "WHYBOX_JWT_ISSUER": "https://issuer.example",
            "WHYBOX_JWT_AUDIENCE": "tables",
            "WHYBOX_MONTHLY_LIMIT": "7",
            "WHYBOX_HEAVY_MEMORY": "10240",
            "WHYBOX_URL": "http://127.0.0.1:9000",
            "WHYBOX_THREADS": "3",
        }
    )

    assert settings.home == Path("/srv/whybox")
    assert settings.jwt_secret == GOOD_SECRET.encode()
    assert (settings.jwt_issuer, settings.jwt_audience) == ("https://issuer.example", "tables")
    assert settings.monthly_limit == 7
    assert settings.heavy_memory_megabytes == 10_240
    assert settings.url == "http://127.0.0.1:9000"
    assert settings.threads == 3


def test_an_empty_variable_counts_as_not_set():
    source = Path(settings_module.__file__).read_text(encoding="utf-8")
    names = set(re.findall(r'"(WHYBOX_[A-Z_]+)"', source))

    assert len(names) > 20
    assert Settings.from_environment(dict.fromkeys(names, "")) == Settings()


@pytest.mark.parametrize(
    "secret",
    [
        "short",
        GOOD_SECRET[:31],
        "changeme" * 4,
        "please-change-me-please-change-me",
        "Your_Secret_Your_Secret_Your_Secret",
        "x" * 64,
        "abcabcabcabcabcabcabcabcabcabcabcabc",
    ],
)
def test_a_short_or_guessable_secret_is_refused(secret):
    with pytest.raises(ConfigurationError):
        Settings.from_environment({"WHYBOX_JWT_SECRET": secret})


def test_a_refused_secret_does_not_stand_in_the_message():
    with pytest.raises(ConfigurationError) as refusal:
        Settings.from_environment({"WHYBOX_JWT_SECRET": "hunter2"})

    assert "hunter2" not in str(refusal.value)
    assert refusal.value.limit == 32


def test_the_secret_does_not_stand_in_a_printed_settings_object():
    settings = Settings.from_environment({"WHYBOX_JWT_SECRET": GOOD_SECRET})

    assert GOOD_SECRET not in repr(settings)


@pytest.mark.parametrize("limit", ["-1", "1.5", "many", "1e3", "٣", "10000000000", " 5", "1_000"])
def test_a_limit_that_is_no_plain_number_is_refused(limit):
    with pytest.raises(ConfigurationError, match="WHYBOX_MONTHLY_LIMIT"):
        Settings.from_environment({"WHYBOX_MONTHLY_LIMIT": limit})


@pytest.mark.parametrize("memory", ["-1", "2.5", "10241", "3GB"])
def test_a_memory_that_no_function_can_have_is_refused(memory):
    with pytest.raises(ConfigurationError, match="WHYBOX_HEAVY_MEMORY"):
        Settings.from_environment({"WHYBOX_HEAVY_MEMORY": memory})


@pytest.mark.parametrize("threads", ["0", "-1", "1.5", "65", "all", " 2", "٣"])
def test_a_number_of_threads_that_nobody_could_want_is_refused(threads):
    with pytest.raises(ConfigurationError, match="WHYBOX_THREADS must be a whole number from 1 to 64"):
        Settings.from_environment({"WHYBOX_THREADS": threads})


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"),
    reason="macOS has no call that narrows a process to some processors: there is nothing to tell apart",
)
def test_without_a_number_there_is_a_thread_for_each_processor_this_process_may_run_on():
    program = """
import os
from whybox.settings import Settings
print(Settings.from_environment({"WHYBOX_THREADS": ""}).threads)
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
print(Settings.from_environment({}).threads, Settings.from_environment({"WHYBOX_THREADS": "5"}).threads)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.split() == [str(min(64, len(os.sched_getaffinity(0)))), "1", "5"]


@pytest.mark.parametrize(
    ("memory", "share"), [(128, 1), (1769, 1), (2653, 1), (2654, 2), (3008, 2), (5307, 3), (10_240, 6)]
)
def test_inside_lambda_a_function_has_the_processors_of_its_memory(memory, share):
    visible = Settings().cores

    found = Settings.from_environment({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory)})

    assert found.threads == min(visible, share)
    assert share_of(memory, n_visible=64) == share
    asked = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory), "WHYBOX_THREADS": "4"}
    assert Settings.from_environment(asked).threads == 4


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "ftp://h", "http://h/path", "http://h?", "http://h\n", "http:"]
)
def test_an_address_that_links_cannot_begin_with_is_refused(url):
    with pytest.raises(ConfigurationError, match="WHYBOX_URL"):
        Settings.from_environment({"WHYBOX_URL": url})


@pytest.mark.parametrize("issuer", ["a|b", " whybox", "why\nbox", "x" * 256])
def test_an_issuer_that_could_blur_two_tenants_is_refused(issuer):
    with pytest.raises(ConfigurationError, match="WHYBOX_JWT_ISSUER"):
        Settings.from_environment({"WHYBOX_JWT_ISSUER": issuer})


ON_AWS = {
    "WHYBOX_STORAGE": "aws",
    "WHYBOX_USAGE_TABLE": "usage",
    "WHYBOX_ACCOUNTS_TABLE": "accounts",
    "WHYBOX_JWT_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:1:secret:x",
}


def test_storage_on_aws_is_tables_and_a_secret_by_name():
    settings = Settings.from_environment(ON_AWS | {"AWS_ENDPOINT_URL": "http://127.0.0.1:5000"})

    assert settings.aws == AwsSettings(
        "usage", "accounts", ON_AWS["WHYBOX_JWT_SECRET_ARN"], "http://127.0.0.1:5000"
    )
    assert Settings.from_environment(ON_AWS | {"AWS_ENDPOINT_URL": ""}).aws.endpoint_url is None


@pytest.mark.parametrize("variable", sorted(set(ON_AWS) - {"WHYBOX_STORAGE"}))
def test_storage_on_aws_needs_each_of_its_variables(variable):
    with pytest.raises(ConfigurationError, match=variable):
        Settings.from_environment(ON_AWS | {variable: ""})


def test_a_secret_never_stands_in_a_functions_configuration():
    with pytest.raises(ConfigurationError, match="WHYBOX_JWT_SECRET ") as refusal:
        Settings.from_environment(ON_AWS | {"WHYBOX_JWT_SECRET": GOOD_SECRET})

    assert GOOD_SECRET not in str(refusal.value)


def test_what_jobs_need_is_read_where_it_is_given_and_left_out_where_it_is_not():
    given = {
        "WHYBOX_JOBS_TABLE": "jobs",
        "WHYBOX_BUCKET": "bucket",
        "WHYBOX_EXPLAIN_QUEUE_URL": "https://sqs/explain",
        "WHYBOX_BATCH_QUEUE_URL": "https://sqs/batch",
        "WHYBOX_BATCH_MACHINE_ARN": "arn:aws:states:::machine",
    }
    aws = Settings.from_environment(ON_AWS | given).aws
    without = Settings.from_environment(ON_AWS).aws

    names = ("jobs_table", "bucket", "explain_queue_url", "batch_queue_url", "batch_machine_arn")
    assert [getattr(aws, name) for name in names] == [*given.values()]
    assert [getattr(without, name) for name in names] == [""] * 5


@pytest.mark.parametrize("variable", [*AWS_VARIABLES, *JOB_VARIABLES])
def test_what_is_in_aws_is_refused_on_this_machine(variable):
    with pytest.raises(ConfigurationError, match=variable):
        Settings.from_environment({variable: "somewhere"})


def test_an_unknown_storage_is_refused():
    with pytest.raises(ConfigurationError, match="WHYBOX_STORAGE"):
        Settings.from_environment({"WHYBOX_STORAGE": "cloud"})
