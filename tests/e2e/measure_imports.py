"""Time what a start of each function imports, inside containers, with and without the compiled modules.

usage: python -m tests.e2e.measure_imports     builds the layers from source, beside the built (downloads)

Each figure is a new process in a new container: the function's own handler.py, then what its first usual
request imports. Python's own library is compiled in both, as in Lambda. Of several, the fastest counts: the
others waited for whoever else was on the machine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

from tests.e2e.containers import BUILD, OPTIONS, ROOT, SAM, sam_environment

FOLDER = ROOT / ".build" / "starts"
LAYERS = {"CoreLayer": "core", "ScienceLayer": "science"}
EVERYTHING = "Everything"
"""Not a function: all that one may need which fits any model, explains it and writes Parquet."""

FIRST_REQUEST = {
    "Authorizer": (),
    "Usage": (),
    "MlClassification": ("sklearn.ensemble", "scipy.stats.qmc"),
    "MlRegression": ("sklearn.linear_model", "scipy.stats.qmc"),
    "GbdtClassification": ("xgboost.data",),
    "GbdtRegression": ("xgboost.data",),
    EVERYTHING: (
        "sklearn.ensemble",
        "sklearn.linear_model",
        "scipy.stats.qmc",
        "xgboost",
        "lightgbm",
        "pandas",
        "fastparquet",
    ),
}
MEASURED = """
import os, sys, time
started = time.perf_counter()
import handler
own = time.perf_counter() - started
for name in os.environ["THEN"].split():
    __import__(name)
whole = time.perf_counter() - started
def answer(event, context):
    return {"own": own, "whole": whole, "modules": len(sys.modules)}
"""
ENVIRONMENT = {  # nothing is connected to before a request
    "WHYBOX_STORAGE": "aws",
    "WHYBOX_USAGE_TABLE": "UsageTable",
    "WHYBOX_ACCOUNTS_TABLE": "AccountsTable",
    "WHYBOX_JWT_SECRET_ARN": "JwtSecret",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def prepare() -> None:
    """Build the layers from source, beside the built ones."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for layer, name in LAYERS.items():
        script = [ROOT / "infra/layers/build_layer.py", name, FOLDER / layer, "--source"]
        subprocess.run([sys.executable, *script], cwd=ROOT, check=True)


def write_stack() -> list[str]:
    """Write a stack of every function twice, with the built layers and the prepared; return the names."""
    resources: dict[str, Any] = {}
    for layer in LAYERS:
        for kind, folder in (("Compiled", BUILD / layer), ("Source", FOLDER / layer)):
            resources[f"{kind}{layer}"] = {
                "Type": "AWS::Serverless::LayerVersion",
                "Properties": {"ContentUri": str(folder), "CompatibleRuntimes": ["python3.13"]},
            }
    for name, then in FIRST_REQUEST.items():
        code = FOLDER / name
        shutil.copytree(
            BUILD / ("MlClassification" if name == EVERYTHING else name), code, dirs_exist_ok=True
        )
        (code / "measured.py").write_text(MEASURED, encoding="utf-8")
        for kind in ("Compiled", "Source"):
            variables = ENVIRONMENT | {"THEN": " ".join(then)}
            resources[f"{name}{kind}"] = {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "CodeUri": str(code),
                    "Handler": "measured.answer",
                    "Runtime": "python3.13",
                    "MemorySize": 1769,
                    "Timeout": 60,
                    "Layers": [{"Ref": f"{kind}{layer}"} for layer in LAYERS],
                    "Environment": {"Variables": variables},
                },
            }
    document = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    (FOLDER / "template.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return [name for name, resource in resources.items() if resource["Type"].endswith("Function")]


def measure(function: str) -> dict[str, float]:
    """Start a function in a new container and return its seconds and modules."""
    command = [SAM, "local", "invoke", function, "--template", str(FOLDER / "template.json"), *OPTIONS]
    for _ in range(3):  # sam now and then loses what a container printed
        printed = subprocess.run(
            command, env=sam_environment(), cwd=ROOT, capture_output=True, text=True, timeout=300
        )
        answers = [line for line in printed.stdout.splitlines() if line.startswith('{"own"')]
        if answers:
            return dict(json.loads(answers[-1]))
    raise SystemExit(printed.stdout + printed.stderr)


def measure_all(repeats: int) -> str:
    """Return the table, in Markdown."""
    functions = write_stack()
    seconds: dict[str, list[dict[str, float]]] = {name: [] for name in functions}
    for name in functions:
        measure(name)  # builds the image, and reads the files once
    for _ in range(repeats):
        for name in functions:
            seconds[name].append(measure(name))
    lines = [
        "| function | modules | handler, compiled | all, compiled | handler, source | all, source |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name in FIRST_REQUEST:
        kinds = seconds[f"{name}Compiled"], seconds[f"{name}Source"]
        cells = [f"{min(run[key] for run in runs):.2f} s" for runs in kinds for key in ("own", "whole")]
        lines.append(f"| {name} | {kinds[0][0]['modules']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    prepare()
