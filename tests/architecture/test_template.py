"""template.yaml: translates, lints clean, and agrees with the folders, the code and the promises."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.decode.cfn_yaml import loads
from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from whybox.http.openapi import build_openapi
from whybox.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "core" / "python" / "whybox"
TEMPLATE = ROOT / "template.yaml"
REGION = "us-east-1"
PUBLIC_ROUTES = {
    ("get", "/"),
    ("get", "/health"),
    ("get", "/openapi.json"),
    ("get", "/docs"),
    ("get", "/problems"),
    ("get", "/problems/{code}"),
    ("x-amazon-apigateway-any-method", "$default"),
}
SUPPORTED_RUNTIMES = {"python3.12", "python3.13", "python3.14"}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return json.loads(json.dumps(loads(TEMPLATE.read_text())))


@pytest.fixture(scope="module")
def translated(template) -> dict[str, Any]:
    """Translate as CloudFormation does, with every parameter at its default and code in a bucket."""
    document = json.loads(json.dumps(template))
    for resource in document["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = f"s3://bucket/{resource['Properties'][name]}"
    metrics = Metrics(metrics_publisher=DummyMetricsPublisher())
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=SimpleNamespace(region_name=REGION),
        metrics=metrics,
    )
    parameters = {name: given["Default"] for name, given in document["Parameters"].items()}
    return translator.translate(document, parameter_values=parameters)


def of_type(document: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: part for name, part in document["Resources"].items() if part["Type"] == kind}


def strings(part: Any) -> list[str]:
    if isinstance(part, dict):
        return [text for value in part.values() for text in strings(value)]
    if isinstance(part, list):
        return [text for value in part for text in strings(value)]
    return [part] if isinstance(part, str) else []


def complaints(document: dict[str, Any]) -> list[str]:
    found = lint(json.dumps(document), config=ManualArgs(regions=[REGION]))
    return [f"{match.rule.id} {match.message}" for match in found]


def test_the_template_as_cloudformation_sees_it_lints_clean(translated):
    assert complaints(translated) == []


def test_the_linter_would_notice(translated):
    broken = json.loads(json.dumps(translated))
    broken["Resources"]["UsageTable"]["Properties"]["BillingMode"] = "FREE"

    assert complaints(broken)


def test_every_folder_of_functions_is_a_function_and_every_function_a_folder(template):
    functions = of_type(template, "AWS::Serverless::Function")

    folders = {part["Properties"]["CodeUri"]: name for name, part in functions.items()}
    assert set(folders) == {f"functions/{path.parent.name}" for path in ROOT.glob("functions/*/handler.py")}
    for folder, name in folders.items():
        assert name.lower() == folder.removeprefix("functions/").replace("_", "")


def test_every_route_but_the_public_ones_asks_the_authorizer(translated):
    (api,) = of_type(translated, "AWS::ApiGatewayV2::Api").values()

    public, closed = set(), set()
    for path, operations in api["Properties"]["Body"]["paths"].items():
        for method, operation in operations.items():
            asked = [name for needed in operation.get("security", []) for name in needed if name != "NONE"]
            (closed if asked == ["TokenAuthorizer"] else public).add((method, path))
    assert public == PUBLIC_ROUTES
    assert closed


def test_the_authorizer_answers_simply_and_is_cached_by_the_token(translated):
    (api,) = of_type(translated, "AWS::ApiGatewayV2::Api").values()
    schemes = api["Properties"]["Body"]["components"]["securitySchemes"]
    authorizer = schemes["TokenAuthorizer"]["x-amazon-apigateway-authorizer"]

    assert authorizer["type"] == "request"
    assert authorizer["enableSimpleResponses"] is True
    assert authorizer["identitySource"] == ["$request.header.Authorization"]
    assert authorizer["authorizerPayloadFormatVersion"] == "2.0"


def test_the_routes_are_those_of_the_openapi_document(translated):
    (api,) = of_type(translated, "AWS::ApiGatewayV2::Api").values()
    routed = {
        (method, path)
        for path, operations in api["Properties"]["Body"]["paths"].items()
        for method in operations
        if path != "$default"
    }
    described = {(method, path) for path, part in build_openapi()["paths"].items() for method in part}

    assert routed == described


def test_forms_reach_the_functions_as_bytes(translated):
    (api,) = of_type(translated, "AWS::ApiGatewayV2::Api").values()

    assert "multipart/form-data" in api["Properties"]["Body"]["x-amazon-apigateway-binary-media-types"]


def test_no_function_shares_a_role_or_outlives_the_gateway(translated):
    functions = of_type(translated, "AWS::Lambda::Function")
    roles = [json.dumps(part["Properties"]["Role"]) for part in functions.values()]

    assert len(set(roles)) == len(roles) == len(functions)
    for part in functions.values():
        assert part["Properties"]["Timeout"] <= 29
        assert part["Properties"]["Runtime"] in SUPPORTED_RUNTIMES
        assert part["Properties"]["TracingConfig"] == {"Mode": "Active"}


def test_no_policy_of_ours_is_open(translated):
    for role in of_type(translated, "AWS::IAM::Role").values():
        for policy in role["Properties"].get("Policies", []):
            statements = policy["PolicyDocument"]["Statement"]
            for statement in statements if isinstance(statements, list) else [statements]:
                assert "*" not in "".join(strings(statement["Action"]))
                assert statement["Resource"] != "*"


def test_only_functions_that_charge_may_write_the_ledger(translated):
    writers = set()
    for name, role in of_type(translated, "AWS::IAM::Role").items():
        if "dynamodb:UpdateItem" in strings(role):
            writers.add(name.removesuffix("Role"))

    assert writers == {"MlClassification", "MlRegression", "GbdtClassification", "GbdtRegression"}


def test_light_functions_carry_no_numeric_layer(translated):
    for name, part in of_type(translated, "AWS::Lambda::Function").items():
        layers = json.dumps(part["Properties"]["Layers"])
        assert ("ScienceLayer" in layers) is (name not in {"Authorizer", "Usage", "Site"})
        assert "CoreLayer" in layers


def test_no_secret_stands_in_an_environment_and_every_variable_is_known_to_the_settings(translated):
    settings = (PACKAGE / "settings.py").read_text(encoding="utf-8")
    for part in of_type(translated, "AWS::Lambda::Function").values():
        variables = part["Properties"]["Environment"]["Variables"]
        for name, value in variables.items():
            assert name != "WHYBOX_JWT_SECRET"
            assert not re.search(r"resolve:secretsmanager", json.dumps(value))
            assert not name.startswith("WHYBOX_") or f'"{name}"' in settings, name


def test_everything_that_is_kept_is_retained_and_every_log_ends(translated):
    for kind in ("AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"):
        for part in of_type(translated, kind).values():
            assert part["DeletionPolicy"] == "RetainExceptOnCreate"
            assert part["UpdateReplacePolicy"] == "Retain"
    functions, groups = (
        of_type(translated, kind) for kind in ("AWS::Lambda::Function", "AWS::Logs::LogGroup")
    )
    assert all(part["Properties"]["RetentionInDays"] for part in groups.values())
    for name, part in functions.items():
        assert part["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}


def test_the_access_log_holds_no_token_no_query_and_no_address(translated):
    (stage,) = of_type(translated, "AWS::ApiGatewayV2::Stage").values()
    line = stage["Properties"]["AccessLogSettings"]["Format"]

    assert set(json.loads(line)) >= {"requestId", "routeKey", "status"}
    for word in ("authorization", "header", "querystring", "identity.", "$context.path", "authorizer.tenant"):
        assert word not in line.lower()


def test_no_output_is_a_secret_and_no_function_has_an_address_of_its_own(translated):
    assert "resolve:" not in json.dumps(translated["Outputs"])
    assert not of_type(translated, "AWS::Lambda::Url")


def test_the_defaults_of_the_template_are_those_of_the_settings(template):
    defaults = {name: given["Default"] for name, given in template["Parameters"].items()}

    assert defaults["JwtIssuer"] == Settings().jwt_issuer
    assert defaults["JwtAudience"] == Settings().jwt_audience
    assert int(defaults["MonthlyLimit"]) == Settings().monthly_limit
