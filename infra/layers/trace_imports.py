"""Find the modules that functions import, by running them on a built layer: writes imported_modules.txt.

usage: python3.13 infra/layers/trace_imports.py .aws-sam/build/CoreLayer .aws-sam/build/ScienceLayer

Every function is loaded in a process of its own and asked for everything it can do: each model, each way to
explain it. That nothing fails shows that no package is missing; what the usual requests load is written down.
Needed after a change of packages or of what functions import: a list that is behind makes starts slower,
never wrong.
"""

from __future__ import annotations

import base64
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("imported_modules.txt")
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
PARQUET = "parquet"
"""Traced like a function: what writes large results."""

USUAL = {"RandomForestClassifier", "RidgeCV", "ElasticNet", "xgboost", "lightgbm"}
"""Models whose modules are compiled: the defaults, and what existing users ask for."""

CALLS = {
    "dynamodb": "list_tables",
    "s3": "list_buckets",
    "secretsmanager": "list_secrets",
    "sqs": "list_queues",
    "stepfunctions": "list_state_machines",
}


class Context:
    """What Lambda tells a function about its invocation."""

    function_name = "traced"
    memory_limit_in_mb = "1769"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:traced"
    aws_request_id = "traced"


def trace(function: str, layers: list[Path]) -> set[str]:
    """Return the modules of the layers that a function's usual requests load; all others must work too."""
    packages = [str(layer.resolve() / "python") for layer in layers]
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([str(ROOT / "functions" / function), *packages]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LD_LIBRARY_PATH": os.pathsep.join(str(layer.resolve() / "lib") for layer in layers),
            "WHYBOX_HOME": home,
            "WHYBOX_MONTHLY_LIMIT": "1000000",
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = [sys.executable, "-s", __file__, "--inside", function]
        printed = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    files: dict[str, str] = json.loads(printed.stdout.splitlines()[-1])
    return {
        name
        for name, file in files.items()
        if file.startswith(tuple(packages)) and file.endswith((".py", ".pyc"))
    }


def trace_all(layers: list[Path]) -> set[str]:
    """Return what all functions load, but for our own modules, which are all compiled."""
    found = set().union(*(trace(function, layers) for function in (*FUNCTIONS, PARQUET)))
    return {name for name in found if not name.startswith("whybox")}


def run_inside(function: str) -> dict[str, str]:
    """Load a function, send it its requests, and return the file of each module the usual ones loaded."""
    if function == PARQUET:
        write_parquet()
        return loaded_files()
    handler = importlib.import_module("handler")
    call_clients()
    plan = list(queries(function))
    for _, path, query in (request for request in plan if request[0]):
        ask(handler, path, query)
    loaded = loaded_files()
    for _, path, query in (request for request in plan if not request[0]):
        ask(handler, path, query)
    return loaded


def loaded_files() -> dict[str, str]:
    """Return the file of each module that is loaded."""
    modules = [(name, module) for name, module in sys.modules.items() if name != "__main__"]
    return {name: getattr(module, "__file__", None) or "" for name, module in modules}


def write_parquet() -> None:
    """Write a file with every kind of column that a result has, and read it."""
    import fastparquet
    import pandas as pd

    columns = {"row": range(9), "value": [float(row) for row in range(9)], "text": list("abcabcabc")}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/result.parquet"
        fastparquet.write(path, pd.DataFrame(columns), compression="SNAPPY")
        read = fastparquet.ParquetFile(path).to_pandas()
    if read.to_dict("list") != {name: list(column) for name, column in columns.items()}:
        raise SystemExit("a Parquet file does not hold what was written")


def call_clients() -> None:
    """Load what a first call to each AWS service loads; the call itself fails, nobody listens there."""
    from botocore.config import Config
    from botocore.exceptions import EndpointConnectionError
    from botocore.session import get_session

    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none", "region_name": "us-east-1"}
    config = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=1)
    for name, call in CALLS.items():
        client = get_session().create_client(name, endpoint_url="http://127.0.0.1:9", config=config, **keys)
        try:
            getattr(client, call)()
        except EndpointConnectionError:
            continue


def queries(function: str) -> Iterator[tuple[bool, str, dict[str, str]]]:
    """Yield everything a function can be asked for: whether it is usual, the path, the query."""
    if not function.startswith(("ml", "gbdt")):
        for path in ("/", "/health", "/docs", "/openapi.json", "/problems", "/usage", "/nothing"):
            yield True, path, {}
        return
    from whybox.domain.models.catalogue import list_models

    key = "base_model" if function.startswith("ml") else "model_type"
    for entry in list_models()["classification" if function.endswith("classification") else "regression"]:
        if (entry.family == "sklearn") == (key == "base_model"):
            name = entry.name if entry.family == "sklearn" else entry.family
            for method in ("permutation", "shap"):
                yield name in USUAL, f"/{function}", {key: name, "interpretability": method}


def ask(handler: Any, path: str, query: dict[str, str]) -> None:
    """Send a request; an error that nobody foresaw, such as a missing package, ends the trace."""
    kind = "classification" if path.endswith("classification") else "regression"
    method = "POST" if query else "GET"
    answer = handler.handler(event(method, path, query, table(kind)), Context())
    if answer.get("body", "").startswith('{"type":"/problems/internal"'):
        raise SystemExit(f"{path} {query} answered {answer['body']}")


def table(kind: str) -> bytes:
    """Write a table with a text column, empty cells and a target of numbers or two classes."""
    draw = random.Random(0)  # noqa: S311 (a sample table)
    lines = ["a,b,c,target,training_index"]
    for row in range(80):
        target = row % 3 % 2 if kind == "classification" else draw.gauss(10, 1)
        lines.append(
            f"{draw.random()},{draw.choice('xyz')},{draw.choice(['1.5', '2', ''])},{target},{row % 4 and 1}"
        )
    return "\r\n".join(lines).encode()


def event(method: str, path: str, query: dict[str, str], file: bytes) -> dict[str, Any]:
    """Make the event of a request with a valid token, and what the authorizer said of it."""
    from whybox.http.bearer_tokens import authorize
    from whybox.services.issue_token import issue_token
    from whybox.settings import Settings
    from whybox.wiring import connect, signing_secret

    settings = Settings.from_environment(os.environ)
    ports = connect(settings)
    token = issue_token(
        "ada",
        secret=signing_secret(settings),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        now=ports.clock.now(),
    )
    headers = {"authorization": f"Bearer {token}", "content-type": "multipart/form-data; boundary=B"}
    form = b"--B\r\nContent-Disposition: form-data; name=file; filename=t\r\n\r\n" + file + b"\r\n--B--\r\n"
    said = authorize({"headers": headers}, key=ports.token_key, clock=ports.clock)["context"]
    http = {"method": method, "path": path, "sourceIp": "::1"}
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "headers": headers,
        "isBase64Encoded": True,
        "body": base64.b64encode(form).decode(),
        "requestContext": {"requestId": "r", "http": http, "authorizer": {"lambda": said}},
    }


def main() -> None:
    """Trace every function, or be the process of one."""
    if sys.argv[1] == "--inside":
        print(json.dumps(run_inside(sys.argv[2])))  # noqa: T201
        return
    layers = [Path(layer) for layer in sys.argv[1:]]
    others = sorted(trace_all(layers))
    LIST.write_text("".join(f"{name}\n" for name in others), encoding="utf-8")
    print(f"{len(others)} modules in {LIST}")  # noqa: T201


if __name__ == "__main__":
    main()
