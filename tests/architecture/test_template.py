"""template.yaml: translates, lints clean, and agrees with the folders, the code and the promises."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cfnlint.api import lint
from cfnlint.config import ManualArgs
from tests.architecture.template_invariants import PUBLIC_PATHS, of_type, statements, strings

from whybox.domain.jobs.object_keys import batch_prefix, result_key, tenant_prefixes, upload_key
from whybox.http.openapi import build_openapi
from whybox.job_ports import JOB_RETENTION
from whybox.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "core" / "python" / "whybox"
REGION = "us-east-1"
LIGHT = {"Authorizer", "Uploads", "Jobs", "FailJob", "Sweep", "Usage", "Site"}


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


def test_the_public_paths_are_those_that_the_invariant_lets_through(translated):
    (api,) = of_type(translated, "AWS::ApiGatewayV2::Api").values()

    open_paths = {
        path
        for path, operations in api["Properties"]["Body"]["paths"].items()
        for operation in operations.values()
        if not any(name == "TokenAuthorizer" for needed in operation.get("security", []) for name in needed)
    }
    assert open_paths == PUBLIC_PATHS


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


def test_every_function_is_traced(translated):
    for part in of_type(translated, "AWS::Lambda::Function").values():
        assert part["Properties"]["TracingConfig"] == {"Mode": "Active"}


def test_only_functions_that_charge_refund_or_keep_replies_may_write_the_ledger(translated):
    writers = set()
    for name, statement in statements(translated):
        if "dynamodb:UpdateItem" in statement["Action"] and "UsageTable" in json.dumps(statement["Resource"]):
            writers.add(name.removesuffix("Role"))

    compatible = {"MlClassification", "MlRegression", "GbdtClassification", "GbdtRegression"}
    assert writers == compatible | {
        "Uploads",
        "Explanations",
        "Jobs",
        "ExplainBatch",
        "ExplainHeavy",
        "FailJob",
        "Sweep",
    }


def test_light_functions_carry_no_numeric_layer(translated):
    for name, part in of_type(translated, "AWS::Lambda::Function").items():
        layers = json.dumps(part["Properties"]["Layers"])
        assert ("ScienceLayer" in layers) is (name not in LIGHT)
        assert "CoreLayer" in layers


def test_no_secret_stands_in_an_environment_and_every_variable_is_known_to_the_settings(translated):
    settings = (PACKAGE / "settings.py").read_text(encoding="utf-8")
    for part in of_type(translated, "AWS::Lambda::Function").values():
        variables = part["Properties"]["Environment"]["Variables"]
        for name, value in variables.items():
            assert name != "WHYBOX_JWT_SECRET"
            assert not re.search(r"resolve:secretsmanager", json.dumps(value))
            assert not name.startswith("WHYBOX_") or f'"{name}"' in settings, name


def test_every_function_writes_to_the_log_group_of_its_name(translated):
    for name, part in of_type(translated, "AWS::Lambda::Function").items():
        assert part["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}


def test_the_access_log_holds_no_token_no_query_and_no_address(translated):
    (stage,) = of_type(translated, "AWS::ApiGatewayV2::Stage").values()
    line = stage["Properties"]["AccessLogSettings"]["Format"]

    assert set(json.loads(line)) >= {"requestId", "routeKey", "status"}
    for word in ("authorization", "header", "querystring", "identity.", "$context.path", "authorizer.tenant"):
        assert word not in line.lower()


def test_the_defaults_of_the_template_are_those_of_the_settings(template):
    defaults = {name: given["Default"] for name, given in template["Parameters"].items()}

    assert defaults["JwtIssuer"] == Settings().jwt_issuer
    assert defaults["JwtAudience"] == Settings().jwt_audience
    assert int(defaults["MonthlyLimit"]) == Settings().monthly_limit
    assert int(defaults["HeavyMemory"]) == Settings().heavy_memory_megabytes


def test_the_buckets_rules_are_about_the_keys_that_we_make(template):
    resources = template["Resources"]
    rules = resources["DataBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    days = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    (once,) = (
        statement
        for statement in resources["DataBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "UploadsAreWrittenOnce"
    )
    pattern = once["Resource"]["Fn::Sub"].removeprefix("${DataBucket.Arn}/")
    tenant = "a" * 64

    assert fnmatchcase(upload_key(tenant, "u"), pattern)
    assert not fnmatchcase(result_key(tenant, "j", fence=1, name="result.json"), pattern)
    assert {next(it for it in days if prefix.startswith(it)) for prefix in tenant_prefixes(tenant)} == set(
        days
    )
    assert days["results/"] >= JOB_RETENTION.days


def test_a_dropped_table_is_told_to_the_batch_queue(template):
    (told,) = template["Resources"]["DataBucket"]["Properties"]["NotificationConfiguration"][
        "QueueConfigurations"
    ]
    rules = {rule["Name"]: rule["Value"] for rule in told["Filter"]["S3Key"]["Rules"]}

    assert told["Queue"] == {"Fn::GetAtt": ["BatchQueue", "Arn"]}
    assert batch_prefix("a" * 64).startswith(rules["prefix"])
    assert rules["suffix"] == ".csv"


def test_what_encrypts_for_the_stack_is_sealed_to_its_own_bucket(translated):
    """The queue's and the key's policies say the bucket's name before there is a bucket."""
    name = translated["Resources"]["DataBucket"]["Properties"]["BucketName"]["Fn::Sub"][0]
    arns = [
        text for text in strings(translated["Resources"]) if text.startswith("arn:${AWS::Partition}:s3:::")
    ]

    assert len(arns) == 3
    assert set(arns) == {"arn:${AWS::Partition}:s3:::" + name}
