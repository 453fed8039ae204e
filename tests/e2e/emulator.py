"""AWS over HTTP for functions in containers: moto behind one lock, with what our template makes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

from botocore.awsrequest import AWSPreparedRequest
from moto.core.models import botocore_stubber
from tests.architecture.conftest import read_template
from tests.contract.emulated_aws import REGION, TEMPLATE, EmulatedAws, emulated_aws

SCOPE = re.compile(r"/\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request")
"""Where a signature says which service it is for (Signature Version 4, credential scope)."""

FROM_THE_CONNECTION = {"connection", "date", "server", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Emulator:
    """A new account that answers at a port, and the secret in it that signs tokens."""

    account: EmulatedAws
    port: int
    jwt_secret: str
    bucket: str = "DataBucket"


@contextmanager
def running_emulator(host: str, *, runs_state_machines: bool = False) -> Iterator[Emulator]:
    """Answer for AWS on a free port of an address, with what the template defines."""
    with emulated_aws(runs_state_machines=runs_state_machines) as account:
        secret = _create_resources(account)
        with ThreadingHTTPServer((host, 0), _service_of(account)) as server:
            thread = Thread(target=server.serve_forever, daemon=True)
            thread.start()
            try:
                yield Emulator(account, server.server_address[1], secret)
            finally:
                server.shutdown()
                thread.join()


def _create_resources(account: EmulatedAws) -> str:
    """Make what the template makes, under its resource's name, which is what ``!Ref`` is under sam local."""
    jwt_secret = secrets.token_hex(32)
    for name, resource in read_template(TEMPLATE)["Resources"].items():
        match resource["Type"]:
            case "AWS::DynamoDB::Table":
                account.create_table(name)
            case "AWS::S3::Bucket":
                account.client("s3").create_bucket(Bucket=name)
                account.client("s3").put_bucket_versioning(
                    Bucket=name, VersioningConfiguration={"Status": "Enabled"}
                )
            case "AWS::SQS::Queue":
                account.client("sqs").create_queue(QueueName=name)
            case "AWS::SecretsManager::Secret":
                account.client("secretsmanager").create_secret(Name=name, SecretString=jwt_secret)
    return jwt_secret


def _service_of(account: EmulatedAws) -> type[BaseHTTPRequestHandler]:
    class Service(BaseHTTPRequestHandler):
        """Hand each request to moto under the account's lock, addressed to the service it is signed for."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            scope = SCOPE.search(self.headers.get("Authorization") or unquote(self.path))
            if scope is None:
                self._send(403, {}, b"not signed")
                return
            url = f"https://{scope[1]}.{REGION}.amazonaws.com{self.path}"
            request = AWSPreparedRequest(self.command, url, dict(self.headers.items()), body, False)
            with account.lock:
                status, headers, content = botocore_stubber.process_request(request)
            self._send(status, headers, content.encode() if isinstance(content, str) else content)

        do_GET = do_PUT = do_DELETE = do_HEAD = do_POST  # noqa: N815 (http.server's names)

        def _send(self, status: int, headers: dict[str, Any], content: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in FROM_THE_CONNECTION:
                    self.send_header(name, str(value))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    return Service
