"""The template, as it stands and as CloudFormation sees it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cfnlint.decode.cfn_yaml import loads
from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"


def read_template(path: Path) -> dict[str, Any]:
    """Return a template with its short tags written out."""
    return json.loads(json.dumps(loads(path.read_text(encoding="utf-8"))))


def translate(template: dict[str, Any]) -> dict[str, Any]:
    """Translate as CloudFormation does, with every parameter at its default and code in a bucket."""
    document = json.loads(json.dumps(template))
    for resource in document["Resources"].values():
        if "DefinitionUri" in resource.get("Properties", {}):  # so that the linter reads it, too
            definition = (ROOT / resource["Properties"].pop("DefinitionUri")).read_text(encoding="utf-8")
            resource["Properties"]["Definition"] = json.loads(definition)
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = f"s3://bucket/{resource['Properties'][name]}"
    function = document.get("Globals", {}).get("Function", {})
    if "CodeUri" in function:
        function["CodeUri"] = f"s3://bucket/{function['CodeUri']}"
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=SimpleNamespace(region_name=REGION),
        metrics=Metrics(metrics_publisher=DummyMetricsPublisher()),
    )
    parameters = {name: given["Default"] for name, given in document["Parameters"].items()}
    return translator.translate(document, parameter_values=parameters)


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return read_template(ROOT / "template.yaml")


@pytest.fixture(scope="session")
def translated(template) -> dict[str, Any]:
    return translate(template)


@pytest.fixture(scope="session")
def known_bad() -> dict[str, Any]:
    return translate(read_template(ROOT / "infra" / "known_bad" / "template.yaml"))
