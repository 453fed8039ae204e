"""``whybox upload``: a table of any size into the service, by a signed link."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

from whybox.cli.service_calls import add_service, reach_service
from whybox.cli.transfer_progress import watch_transfer
from whybox.errors import ServiceCallFailedError

_EXAMPLES = """\
examples:
  whybox upload big.csv                                   to the service on this machine
  ID=$(whybox upload big.csv)                             keep the upload's id, which is all that is printed
  whybox upload big.csv --url https://api.example.org     WHYBOX_TOKEN holds the access token

The service is told size and SHA-256 first and answers with a link that stores exactly this file, once, within
five minutes. Then start a job with the id:

  curl -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -H 'Prefer: respond-async' \\
    -d '{"source": {"upload_id": "ID"}, "target": "target"}' http://127.0.0.1:8000/v1/explanations
  whybox jobs JOB --follow
  whybox result JOB --format parquet -o result.parquet
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "upload",
        help="upload a table that is too large for one request",
        description="Upload a table, and print the id under which jobs find it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="a CSV")
    add_service(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the upload's id and nothing else; how far it is goes to standard error."""
    path: Path = options.file
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        n_bytes = file.tell()
    service = reach_service(options)
    announced = service.ask(
        "POST",
        "/v1/uploads",
        document={"filename": path.name, "bytes": n_bytes, "content_type": "text/csv", "sha256": sha256},
    ).document
    with watch_transfer(f"uploading {path.name}", n_bytes) as on_bytes:
        service.send_file(path, announced, on_bytes=on_bytes)
    # Asking tells the service that the file is there, and us whether it is the one that was announced.
    state = service.ask("GET", f"/v1/uploads/{announced['upload_id']}").document
    if state["status"] != "received":
        raise ServiceCallFailedError(f"The upload is {state['status']}: did {path.name} change on the way?")
    print(f"{path.name}: {state['bytes']:,} bytes received", file=sys.stderr)
    print(announced["upload_id"])
