"""What S3 refuses is a failure of the store, to be tried again; only an object that is gone is gone."""

from __future__ import annotations

from functools import partial

import boto3
import pytest
from botocore.stub import Stubber

from whybox.adapters.aws.s3_objects import S3Objects
from whybox.errors import DependencyUnavailableError, ObjectNotFoundError


@pytest.fixture
def client():
    return boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="stubbed", aws_secret_access_key="stubbed"
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDenied", 403),  # also where the role may not use the key of an object
        ("KMS.DisabledException", 400),
        ("KMS.KMSInvalidStateException", 400),
        ("ThrottlingException", 400),
        ("SlowDown", 503),
        ("InternalError", 500),
    ],
)
@pytest.mark.parametrize("operation", ["get", "head", "put"])
def test_a_refusal_is_not_taken_for_a_missing_object(client, code, status, operation):
    call = partial(getattr(S3Objects(client, "bucket"), operation), "key")
    if operation == "put":
        call = partial(call, b"", content_type="text/csv")
    with Stubber(client) as stubber:
        stubber.add_client_error(f"{operation}_object", code, http_status_code=status)

        with pytest.raises(DependencyUnavailableError):
            call()


@pytest.mark.parametrize("code", ["NoSuchKey", "NoSuchVersion", "404"])
def test_an_object_that_is_gone_is_said_to_be(client, code):
    with Stubber(client) as stubber:
        stubber.add_client_error("get_object", code, http_status_code=404)

        with pytest.raises(ObjectNotFoundError):
            S3Objects(client, "bucket").get("key", version="1")
