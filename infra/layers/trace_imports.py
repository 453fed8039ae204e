"""Find the modules that functions import, by running them on a built layer: writes imported_modules.txt.

usage: python3.13 infra/layers/trace_imports.py .aws-sam/build/CoreLayer .aws-sam/build/ScienceLayer

Every function is loaded in a process of its own and asked for everything it can do, by events of its own kind
(traced_work.py): each model, each way to explain it. That nothing fails shows that no package is missing;
what the usual work loads is written down. Needed after a change of packages or of what functions import: a
list that is behind makes starts slower, never wrong.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("imported_modules.txt")
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
CALLS = {
    "dynamodb": "list_tables",
    "s3": "list_buckets",
    "secretsmanager": "list_secrets",
    "sqs": "list_queues",
    "stepfunctions": "list_state_machines",
}


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
            "POWERTOOLS_LOG_LEVEL": "WARNING",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = [sys.executable, "-S", __file__, "--inside", function]  # no other packages than the layers'
        printed = subprocess.run(command, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    if printed.returncode:
        raise SystemExit(f"{printed.stdout}{function} did not do its work")
    files: dict[str, str] = json.loads(printed.stdout.splitlines()[-1])
    return {
        name
        for name, file in files.items()
        if file.startswith(tuple(packages)) and file.endswith((".py", ".pyc"))
    }


def trace_all(layers: list[Path]) -> set[str]:
    """Return what all functions load, but for our own modules, which are all compiled."""
    found = set().union(*(trace(function, layers) for function in FUNCTIONS))
    return {name for name in found if not name.startswith("whybox")}


def run_inside(function: str) -> dict[str, str]:
    """Load a function, have it do its work, and return the file of each module the usual work loaded."""
    handler = importlib.import_module("handler")  # before anything of ours, as Lambda does
    from traced_work import do_other_work, do_usual_work

    call_clients()
    do_usual_work(function, handler)
    loaded = loaded_files()
    do_other_work(function, handler)
    return loaded


def loaded_files() -> dict[str, str]:
    """Return the file of each module that is loaded."""
    modules = [(name, module) for name, module in sys.modules.items() if name != "__main__"]
    return {name: getattr(module, "__file__", None) or "" for name, module in modules}


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
