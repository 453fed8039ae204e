"""What each function may load: light ones no numeric package, boosted trees no scikit-learn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
NUMERIC = {"numpy", "scipy", "pandas", "sklearn", "xgboost", "lightgbm", "shap", "fastparquet"}
NOT_FOR_TREES = {"sklearn", "pandas", "shap", "fastparquet"}
FORBIDDEN = {
    "authorizer": NUMERIC | {"fastapi", "starlette", "pydantic", "mangum"},
    "uploads": NUMERIC,
    "jobs": NUMERIC,
    "fail_job": NUMERIC,
    "sweep": NUMERIC,
    "usage": NUMERIC,
    "site": NUMERIC,
    "mlclassification": NOT_FOR_TREES | {"xgboost", "lightgbm"},
    "mlregression": NOT_FOR_TREES | {"xgboost", "lightgbm"},
    "gbdtclassification": NOT_FOR_TREES | {"lightgbm"},
    "gbdtregression": NOT_FOR_TREES | {"lightgbm"},
    "explain_heavy": NOT_FOR_TREES | {"xgboost", "lightgbm"},
    "explain_batch": NOT_FOR_TREES | {"xgboost", "lightgbm"},
    "explanations": NOT_FOR_TREES | {"xgboost", "lightgbm"},
}

LOAD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import handler
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""

REQUEST = """
import base64, json, os, sys
sys.path.insert(0, sys.argv[1])
import handler
from whybox.http.bearer_tokens import authorize
from whybox.services.issue_token import issue_token
from whybox.settings import Settings
from whybox.wiring import connect, signing_secret

settings = Settings.from_environment(os.environ)
ports = connect(settings)
token = issue_token(
    "ada", secret=signing_secret(settings), issuer="whybox", audience="whybox-api", now=ports.clock.now()
)
headers = {"authorization": "Bearer " + token, "content-type": "multipart/form-data; boundary=B"}
rows = "".join(f"{i % 7},{i % 5},{(i % 7) + 0.5 * (i % 5)},{int(i % 3 > 0)}\\n" for i in range(60))
table = "a,b,target,training_index\\n" + rows
form = "--B\\r\\nContent-Disposition: form-data; name=file; filename=t\\r\\n\\r\\n"
form += table + "\\r\\n--B--\\r\\n"
said = authorize({"headers": headers}, key=ports.token_key, clock=ports.clock)["context"]
event = {
    "version": "2.0", "rawPath": "/gbdtregression",
    "rawQueryString": "model_type=xgboost&interpretability=shap",
    "headers": headers, "isBase64Encoded": True, "body": base64.b64encode(form.encode()).decode(),
    "requestContext": {
        "requestId": "r", "http": {"method": "POST", "path": "/gbdtregression", "sourceIp": "::1"},
        "authorizer": {"lambda": said},
    },
}
class Context:
    function_name = "f"; memory_limit_in_mb = "1769"; invoked_function_arn = "arn"; aws_request_id = "r"
answer = handler.handler(event, Context())
assert answer["statusCode"] == 200, answer["body"]
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


EXPLAIN = """
import json, sys
from whybox.domain.models.lone_boosters import keep_boosters_alone
keep_boosters_alone()
import numpy as np
import xgboost
from whybox.domain.explanations import attribute_rows
X = np.random.default_rng(0).normal(size=(60, 4))
booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(X, X[:, 0], nthread=1), 5)
for method in ("path_dependent", "auto"):
    found = attribute_rows(booster, X, background=X[:9], method=method)
    assert found.is_exact
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def run(script: str, function: str, home: Path) -> set[str]:
    """Return the top-level modules a fresh process has loaded after the script."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "layers" / "core" / "python"),
        "WHYBOX_HOME": str(home),
    }
    printed = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(ROOT / "functions" / function)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return set(json.loads(printed.stdout.strip().splitlines()[-1]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_loads_without_warnings_and_within_its_budget(function, tmp_path):
    loaded = run(LOAD, function, tmp_path)

    assert not loaded & {"boto3", "hypothesis", "pytest", "uvicorn", "httpx"}
    assert not loaded & {"jwt", "cryptography"}  # only for the keys of an issuer
    assert not loaded & FORBIDDEN[function]


def test_a_request_for_xgboost_loads_no_scikit_learn_and_no_pandas(tmp_path):
    loaded = run(REQUEST, "gbdtregression", tmp_path)

    assert "xgboost" in loaded
    assert not loaded & (NOT_FOR_TREES | {"lightgbm"})


def test_a_request_for_lightgbm_loads_it_alone(tmp_path):
    request = REQUEST.replace("model_type=xgboost", "model_type=lightgbm")

    loaded = run(request, "gbdtregression", tmp_path)

    assert "lightgbm" in loaded
    assert not loaded & NOT_FOR_TREES


def test_exact_values_of_xgboosts_trees_need_no_scikit_learn_no_shap_and_no_pandas(tmp_path):
    loaded = run(EXPLAIN, "gbdtregression", tmp_path)

    assert "xgboost" in loaded
    assert not loaded & NOT_FOR_TREES


def test_a_package_module_reads_nothing_and_connects_to_nothing_when_imported(tmp_path):
    script = """
import builtins, ctypes, io, json, os, pkgutil, socket, sqlite3, sys
import numpy
import whybox
def refuse(*arguments, **keywords): raise AssertionError(f"at import: {arguments}")
sqlite3.connect = refuse
ctypes.CDLL = refuse
os.environ = {}
for module in list(pkgutil.walk_packages(whybox.__path__, "whybox.")):
    if module.name.startswith(("whybox.domain", "whybox.services", "whybox.http", "whybox.adapters",
                               "whybox.settings", "whybox.ports", "whybox.wiring")):
        __import__(module.name)
print("[]")
"""
    assert run(script, "site", tmp_path) == set()
    assert not list(tmp_path.iterdir())
