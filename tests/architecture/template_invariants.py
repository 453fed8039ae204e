"""Twenty things no linter knows that must hold in the template as CloudFormation sees it, each as a function.

An invariant takes the translated document and returns its breaches in words; none means that it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

Document = dict[str, Any]
Invariant = Callable[[Document], list[str]]

DAY_SECONDS: Final = 24 * 3600
GATEWAY_SECONDS: Final = 29
"""An HTTP API gives up after 30 seconds, so what answers it must be done before."""
VISIBILITY_PER_TIMEOUT: Final = 6
"""AWS's advice: a message stays hidden six times as long as its consumer may run."""
MIN_RECEIVES: Final = 5
DEAD_LETTER_DAYS: Final = 14
SUPPORTED_RUNTIMES: Final = frozenset({"python3.12", "python3.13", "python3.14"})
PUBLIC_PATHS: Final = frozenset(
    {"/", "/health", "/openapi.json", "/docs", "/problems", "/problems/{code}", "$default"}
)
OPEN_ACTIONS: Final = frozenset(
    {
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
    }
)
"""Actions that AWS gives no resource to name: tracing, and how a state machine gets its log."""
SECRET_NAME: Final = re.compile(r"secret|password|passwd|token|api_?key|private", re.IGNORECASE)
SECRET_VALUE: Final = re.compile(
    r"AKIA[0-9A-Z]{16}|resolve:(?:ssm-secure|secretsmanager)|-----BEGIN|eyJ[\w-]{10}"
)
HEAVY_FUNCTION: Final = "ExplainHeavy"
PROTECTIONS: Final = {
    "AWS::DynamoDB::Table": "DeletionProtectionEnabled",
    "AWS::S3::Bucket": "VersioningConfiguration",
    "AWS::SecretsManager::Secret": None,
    "AWS::KMS::Key": "EnableKeyRotation",
}
RETAINED: Final = frozenset({"Retain", "RetainExceptOnCreate"})


def of_type(document: Document, kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of one type by their ids."""
    return {name: part for name, part in document["Resources"].items() if part["Type"] == kind}


def properties(document: Document, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield id and properties of each resource of one type."""
    for name, part in of_type(document, kind).items():
        yield name, part.get("Properties", {})


def strings(part: Any) -> list[str]:
    """Return every text in a part of the document."""
    if isinstance(part, dict):
        return [text for value in part.values() for text in strings(value)]
    if isinstance(part, list):
        return [text for value in part for text in strings(value)]
    return [part] if isinstance(part, str) else []


def every_choice(part: Any) -> Iterator[Any]:
    """Yield a part, or each of those that an ``Fn::If`` chooses from."""
    if isinstance(part, dict) and set(part) == {"Fn::If"}:
        for choice in part["Fn::If"][1:]:
            yield from every_choice(choice)
    else:
        yield part


def as_list(part: Any) -> list[Any]:
    """Return a list of one or many, as policies may write either."""
    return part if isinstance(part, list) else [part]


def statements(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the statements of every role's and managed policy."""
    for name, role in properties(document, "AWS::IAM::Role"):
        policies = [policy for entry in role.get("Policies", []) for policy in every_choice(entry)]
        for policy in policies:
            for statement in as_list(policy.get("PolicyDocument", {}).get("Statement", [])):
                yield name, statement


def referred(part: Any) -> str | None:
    """Return the id that a Ref or GetAtt names."""
    if not isinstance(part, dict):
        return None
    if "Ref" in part:
        return str(part["Ref"])
    names = part.get("Fn::GetAtt")
    return str(names[0] if isinstance(names, list) else names.split(".")[0]) if names else None


def called_function(document: Document, part: Any) -> str | None:
    """Return the function that a part names, by itself or by an alias of it."""
    name = referred(part)
    alias = of_type(document, "AWS::Lambda::Alias").get(name or "")
    return name if alias is None else referred(alias["Properties"]["FunctionName"])


def denies(policy: dict[str, Any], condition: str) -> bool:
    """Tell whether a policy has a Deny whose condition names a key."""
    return any(
        statement["Effect"] == "Deny" and condition in json.dumps(statement.get("Condition", {}))
        for statement in as_list(policy["PolicyDocument"]["Statement"])
        if "Effect" in statement  # one that stands in a condition may not be there
    )


def bucket_policies(document: Document, bucket: str) -> list[dict[str, Any]]:
    """Return the policies of one bucket."""
    found = properties(document, "AWS::S3::BucketPolicy")
    return [policy for _, policy in found if referred(policy["Bucket"]) == bucket]


def consumers(document: Document) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
    """Yield mapping id, mapping, queue id and the consuming function of each queue that feeds a function."""
    queues, functions = (of_type(document, kind) for kind in ("AWS::SQS::Queue", "AWS::Lambda::Function"))
    for name, mapping in properties(document, "AWS::Lambda::EventSourceMapping"):
        queue = referred(mapping["EventSourceArn"])
        function = called_function(document, mapping["FunctionName"])
        if queue in queues and function in functions:
            yield name, mapping, queue, functions[function]["Properties"]


def dead_letter_queues(document: Document) -> set[str]:
    """Return the queues that others send their dead letters to."""
    targets = (
        referred(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn"))
        for _, queue in properties(document, "AWS::SQS::Queue")
    )
    return {target for target in targets if target}


def routes_ask_the_authorizer(document: Document) -> list[str]:
    """Every route asks for a token, but for the public pages."""
    breaches = []
    for _, api in properties(document, "AWS::ApiGatewayV2::Api"):
        for path, operations in api["Body"]["paths"].items():
            for method, operation in operations.items():
                needed = [name for entry in operation.get("security", []) for name in entry if name != "NONE"]
                if not needed and path not in PUBLIC_PATHS:
                    breaches.append(f"{method} {path} is open")
    return breaches


def no_origin_is_a_star(document: Document) -> list[str]:
    """No page of any origin may read answers, or write objects."""
    return [f"{name} allows every origin" for name, origins in _origins(document) if "*" in "".join(origins)]


def _origins(document: Document) -> Iterator[tuple[str, list[str]]]:
    for name, api in properties(document, "AWS::ApiGatewayV2::Api"):
        for place in (api.get("CorsConfiguration", {}), api["Body"].get("x-amazon-apigateway-cors", {})):
            for cors in every_choice(place):
                yield name, strings(cors.get("AllowOrigins", cors.get("allowOrigins")))
    for name, bucket in properties(document, "AWS::S3::Bucket"):
        for cors in every_choice(bucket.get("CorsConfiguration", {})):
            yield (
                name,
                [text for rule in cors.get("CorsRules", []) for text in strings(rule["AllowedOrigins"])],
            )


def buckets_refuse_plain_http(document: Document) -> list[str]:
    """Every bucket denies requests without TLS."""
    return [
        f"{name} takes plain HTTP"
        for name in of_type(document, "AWS::S3::Bucket")
        if not any(denies(policy, "aws:SecureTransport") for policy in bucket_policies(document, name))
    ]


def dead_letters_outlive_their_source(document: Document) -> list[str]:
    """Every queue hands what fails to another one, which keeps it 14 days and longer than the source."""
    queues, dead = of_type(document, "AWS::SQS::Queue"), dead_letter_queues(document)
    breaches = []
    for name, part in queues.items():
        queue = part.get("Properties", {})
        if name in dead:
            continue
        target = referred(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn"))
        kept = queues[target]["Properties"].get("MessageRetentionPeriod", 0) if target in queues else 0
        if kept < DEAD_LETTER_DAYS * DAY_SECONDS or kept <= queue.get(
            "MessageRetentionPeriod", 4 * DAY_SECONDS
        ):
            breaches.append(f"{name} loses what fails")
    return breaches


def messages_stay_hidden_long_enough(document: Document) -> list[str]:
    """A message is hidden six times as long as its function may run."""
    queues = of_type(document, "AWS::SQS::Queue")
    return [
        f"{queue} shows a message again while it may still be worked on"
        for _, _, queue, function in consumers(document)
        if queues[queue].get("Properties", {}).get("VisibilityTimeout", 30)
        < VISIBILITY_PER_TIMEOUT * function.get("Timeout", 3)
    ]


def batches_fail_one_by_one(document: Document) -> list[str]:
    """Queue consumers report single failures and have a bound on how many run."""
    return [
        f"{name} repeats whole batches, or takes all of the account's concurrency"
        for name, mapping, _, _ in consumers(document)
        if "ReportBatchItemFailures" not in mapping.get("FunctionResponseTypes", [])
        or "MaximumConcurrency" not in mapping.get("ScalingConfig", {})
    ]


def messages_are_tried_five_times(document: Document) -> list[str]:
    """A throttled poller does not burn a message in fewer than five receives."""
    return [
        f"{name} gives up too early"
        for name, queue in properties(document, "AWS::SQS::Queue")
        if "RedrivePolicy" in queue and queue["RedrivePolicy"].get("maxReceiveCount", 0) < MIN_RECEIVES
    ]


def functions_answer_before_the_gateway_gives_up(document: Document) -> list[str]:
    """A function that is neither a queue's consumer nor called by a clock answers within 29 seconds."""
    background = {called_function(document, it["FunctionName"]) for _, it, _, _ in consumers(document)}
    for _, rule in properties(document, "AWS::Events::Rule"):
        background |= {called_function(document, target["Arn"]) for target in rule["Targets"]}
    return [
        f"{name} may run longer than the gateway waits"
        for name, function in properties(document, "AWS::Lambda::Function")
        if name not in background and function.get("Timeout", 3) > GATEWAY_SECONDS
    ]


def functions_share_no_role(document: Document) -> list[str]:
    """One role per function."""
    owners: dict[str, str] = {}
    breaches = []
    for name, function in properties(document, "AWS::Lambda::Function"):
        role = json.dumps(function["Role"], sort_keys=True)
        if role in owners:
            breaches.append(f"{name} and {owners[role]} share a role")
        owners[role] = name
    return breaches


def no_policy_is_open(document: Document) -> list[str]:
    """No action is a star, and no resource but for tracing."""
    breaches = []
    for name, statement in statements(document):
        actions = strings(statement.get("Action", []))
        if any("*" in action for action in actions):
            breaches.append(f"{name} allows actions by a star")
        if "*" in as_list(statement.get("Resource")) and not set(actions) <= OPEN_ACTIONS:
            breaches.append(f"{name} allows every resource")
    return breaches


def no_environment_holds_a_secret(document: Document) -> list[str]:
    """Environments name where a secret is, never the secret."""
    breaches = []
    for name, function in properties(document, "AWS::Lambda::Function"):
        for variable, value in function.get("Environment", {}).get("Variables", {}).items():
            is_plain_text = isinstance(value, str) and value and SECRET_NAME.search(variable)
            if is_plain_text or SECRET_VALUE.search(json.dumps(value)):
                breaches.append(f"{name} has a secret in {variable}")
    return breaches


def logs_end_and_can_be_encrypted(document: Document) -> list[str]:
    """Every log group has a retention and takes the customer's key."""
    return [
        f"{name} is kept for ever, or never takes the customer's key"
        for name, group in properties(document, "AWS::Logs::LogGroup")
        if not group.get("RetentionInDays") or not group.get("KmsKeyId")
    ]


def what_is_kept_is_protected(document: Document) -> list[str]:
    """Tables, buckets, secrets and keys survive the stack and are protected against mistakes."""
    breaches = []
    for kind, protection in PROTECTIONS.items():
        for name, part in of_type(document, kind).items():
            is_kept = {part.get("DeletionPolicy"), part.get("UpdateReplacePolicy")} <= RETAINED
            if not is_kept or (protection and not part.get("Properties", {}).get(protection)):
                breaches.append(f"{name} can be lost")
    return breaches


def everything_that_can_fail_has_an_alarm(document: Document) -> list[str]:
    """Every function, queue and state machine is named by an alarm."""
    watched = {
        referred(dimension["Value"]) or referred({"Fn::GetAtt": dimension["Value"].get("Fn::GetAtt", "")})
        for _, alarm in properties(document, "AWS::CloudWatch::Alarm")
        for dimension in alarm.get("Dimensions", [])
    }
    kinds = ("AWS::Lambda::Function", "AWS::SQS::Queue", "AWS::StepFunctions::StateMachine")
    return [
        f"nobody watches {name}" for kind in kinds for name in of_type(document, kind) if name not in watched
    ]


def runtimes_are_supported(document: Document) -> list[str]:
    """Every function runs on a runtime that is still kept."""
    return [
        f"{name} runs on {function.get('Runtime')}"
        for name, function in properties(document, "AWS::Lambda::Function")
        if function.get("Runtime") not in SUPPORTED_RUNTIMES
    ]


def only_our_buckets_send_to_our_queues(document: Document) -> list[str]:
    """A queue that S3 may send to says which account's and which bucket's."""
    breaches = []
    for name, policy in properties(document, "AWS::SQS::QueuePolicy"):
        for statement in as_list(policy["PolicyDocument"]["Statement"]):
            is_for_buckets = "s3.amazonaws.com" in strings(statement.get("Principal"))
            if not is_for_buckets or statement["Effect"] != "Allow":
                continue
            condition = json.dumps(statement.get("Condition", {}))
            if "aws:SourceAccount" not in condition or "aws:SourceArn" not in condition:
                breaches.append(f"{name} lets anybody's bucket send")
    return breaches


def uploads_are_written_once(document: Document) -> list[str]:
    """The bucket that takes uploads denies a PUT without if-none-match."""
    return [
        f"{name} lets an upload be overwritten"
        for name, bucket in properties(document, "AWS::S3::Bucket")
        if "CorsConfiguration" in bucket  # only a bucket that browsers upload to has one
        and not any(denies(policy, "s3:if-none-match") for policy in bucket_policies(document, name))
    ]


def no_function_has_an_address_of_its_own(document: Document) -> list[str]:
    """There is one door: the gateway."""
    return [f"{name} is a second door" for name in of_type(document, "AWS::Lambda::Url")]


def outputs_hold_no_secret(document: Document) -> list[str]:
    """Outputs can be read by everybody who may describe the stack."""
    return [
        f"output {name} holds a secret"
        for name, output in document.get("Outputs", {}).items()
        if SECRET_VALUE.search(json.dumps(output["Value"])) or "SecretString" in json.dumps(output["Value"])
    ]


def heavy_work_gets_more_memory(document: Document) -> list[str]:
    """The heavy function has more memory than any that answers the gateway."""
    sizes = {
        name: _default(document, function.get("MemorySize", 128))
        for name, function in properties(document, "AWS::Lambda::Function")
    }
    heavy = sizes.pop(HEAVY_FUNCTION, None)
    return [
        f"{name} has as much as the heavy function" for name, size in sizes.items() if heavy and size >= heavy
    ]


def _default(document: Document, size: Any) -> int:
    """Return a number, or the default of the parameter that holds it; 0 where there is none."""
    if isinstance(size, dict):
        return int(document.get("Parameters", {}).get(referred(size), {}).get("Default", 0))
    return int(size)


INVARIANTS: Final[tuple[Invariant, ...]] = (
    routes_ask_the_authorizer,
    no_origin_is_a_star,
    buckets_refuse_plain_http,
    dead_letters_outlive_their_source,
    messages_stay_hidden_long_enough,
    batches_fail_one_by_one,
    messages_are_tried_five_times,
    functions_answer_before_the_gateway_gives_up,
    functions_share_no_role,
    no_policy_is_open,
    no_environment_holds_a_secret,
    logs_end_and_can_be_encrypted,
    what_is_kept_is_protected,
    everything_that_can_fail_has_an_alarm,
    runtimes_are_supported,
    only_our_buckets_send_to_our_queues,
    uploads_are_written_once,
    no_function_has_an_address_of_its_own,
    outputs_hold_no_secret,
    heavy_work_gets_more_memory,
)
