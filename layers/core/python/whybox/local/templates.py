"""template.yaml as the local gateway needs it: routes, authorizers, other sources of events, and functions.

The template is translated by AWS's own SAM translator, so the routes served here are the routes that
``sam deploy`` would create, defaults and globals included:

    template.yaml ──load──▶ functions and HTTP API only ──SAM──▶ OpenAPI body ──▶ Route, Authorizer
                       │                                  ├────▶ Lambda function ──▶ Function
                       └─▶ queues, bucket, state machine ─┴────▶ mappings, rules ──▶ EventSources
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from samtranslator.metrics.metrics import DummyMetricsPublisher, Metrics
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from whybox.errors import TemplateError
from whybox.local.event_sources import KINDS, EventSourceReader, EventSources, Machine
from whybox.local.intrinsics import (
    LOCAL_REGION,
    NO_VALUE,
    DeployedValueError,
    Intrinsics,
    load_template,
    named_resource,
)

# Lambda's own defaults, and the longest an HTTP API waits for a function.
_DEFAULT_TIMEOUT_SECONDS = 3
_DEFAULT_MEMORY_MEGABYTES = 128
MAX_INTEGRATION_SECONDS = 30.0

_INVOCATION_TARGET = re.compile(r"/functions/(?P<target>.+)/invocations$")
_HTTP_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_ANY_METHOD = "x-amazon-apigateway-any-method"
# The translator demands a place in S3 for code; the local folder stands in its key.
_CODE_PREFIX = "s3://local/"


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda function: where its code lies and what it may use."""

    name: str
    code_dir: Path
    handler: str
    timeout_seconds: float
    memory_megabytes: int
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A REQUEST authorizer with simple responses; ``identity_sources`` are lower-case header names."""

    name: str
    function: str
    identity_sources: tuple[str, ...]
    cache_seconds: int


@dataclass(frozen=True, slots=True)
class Route:
    """``method`` and ``path`` as an HTTP API writes them: ANY is every method, $default every path."""

    method: str
    path: str
    function: str
    authorizer: Authorizer | None
    timeout_seconds: float = MAX_INTEGRATION_SECONDS

    @property
    def key(self) -> str:
        """The route key, as in the event."""
        return self.path if self.path == "$default" else f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything of a template that is served here; ``functions`` are those that something calls."""

    routes: tuple[Route, ...]
    events: EventSources
    functions: Mapping[str, Function]


def read_stack(path: Path, *, parameters: Mapping[str, str] | None = None) -> Stack:
    """Read the template at ``path``; raises TemplateError for whatever is needed and cannot be resolved."""
    try:
        template = load_template(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TemplateError(f"{path} cannot be read ({error.strerror})") from error
    intrinsics = Intrinsics.of_template(template, parameters or {})
    resources = _translate(template, intrinsics)
    routes = tuple(_read_routes(resources, intrinsics))
    needed = {route.function for route in routes}
    needed |= {route.authorizer.function for route in routes if route.authorizer}
    events = EventSourceReader(
        template["Resources"], resources, intrinsics=intrinsics, folder=path.parent
    ).read()
    needed |= events.functions | _named_in(events.machine, resources)
    functions = {
        name: _read_function(name, resources, intrinsics=intrinsics, folder=path.parent)
        for name in sorted(needed)
    }
    return Stack(routes=routes, events=events, functions=functions)


def _named_in(machine: Machine | None, resources: Mapping[str, Any]) -> set[str]:
    """Return the functions that the tasks of a state machine call."""
    written = set() if machine is None else set(_strings(machine.definition))
    return {name for name in written if resources.get(name, {}).get("Type") == "AWS::Lambda::Function"}


def _strings(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for item in part.values() if isinstance(part, dict) else part:
            yield from _strings(item)


def _translate(template: Mapping[str, Any], intrinsics: Intrinsics) -> dict[str, Any]:
    """Let SAM turn functions and the HTTP API into CloudFormation; tables and roles do not matter here."""
    kept = copy.deepcopy(dict(template))
    kept["Resources"] = {
        name: _without_deployment(name, resource)
        for name, resource in kept["Resources"].items()
        if resource.get("Type") in ("AWS::Serverless::Function", "AWS::Serverless::HttpApi")
    }
    kept.get("Globals", {}).get("Function", {}).pop("Layers", None)
    metrics = Metrics(metrics_publisher=DummyMetricsPublisher())
    translator = Translator(
        None, Parser(), boto_session=SimpleNamespace(region_name=LOCAL_REGION), metrics=metrics
    )
    try:
        translated = translator.translate(kept, parameter_values=dict(intrinsics.parameters))
    except InvalidDocumentException as error:
        causes = "; ".join(str(cause.message) for cause in error.causes) or str(error)
        raise TemplateError(f"SAM refuses it: {causes.rstrip('.')}") from error
    finally:
        metrics.publish()  # an unpublished one complains on standard error when it is collected
    return {
        name: resource
        for name, resource in translated["Resources"].items()
        if "Condition" not in resource or intrinsics.holds(resource["Condition"])
    }


def _without_deployment(name: str, resource: dict[str, Any]) -> dict[str, Any]:
    """Drop what only a deployment needs: roles, layers, where a function writes to when it fails."""
    properties = resource.get("Properties") or {}
    for part in ("Policies", "Role", "Layers", "DeadLetterQueue", "EventInvokeConfig"):
        properties.pop(part, None)
    if isinstance(properties.get("CodeUri"), str):
        properties["CodeUri"] = _CODE_PREFIX + properties["CodeUri"]
    for event in (properties.get("Events") or {}).values():
        if event.get("Type") not in KINDS:
            raise TemplateError(f"function {name} waits for {event.get('Type')}, which nothing here sends")
    return {**resource, "Properties": properties}


def _read_routes(resources: Mapping[str, Any], intrinsics: Intrinsics) -> Iterator[Route]:
    apis = [resource for resource in resources.values() if resource["Type"] == "AWS::ApiGatewayV2::Api"]
    if len(apis) != 1:
        raise TemplateError(f"it has {len(apis)} HTTP APIs where the local gateway serves exactly one")
    body = apis[0]["Properties"].get("Body") or {}
    schemes = (body.get("components") or {}).get("securitySchemes") or {}
    for path, operations in (body.get("paths") or {}).items():
        for method, written in operations.items():
            if method not in _HTTP_METHODS and method != _ANY_METHOD:
                continue
            operation = intrinsics.chosen(written)
            if operation is NO_VALUE:
                continue
            integration = operation["x-amazon-apigateway-integration"]
            yield Route(
                method="ANY" if method == _ANY_METHOD else method.upper(),
                path=path,
                function=_read_target(integration["uri"], resources, intrinsics),
                authorizer=_read_authorizer(operation, schemes, resources=resources, intrinsics=intrinsics),
                timeout_seconds=_read_integration_timeout(integration, intrinsics),
            )


def _read_integration_timeout(integration: Mapping[str, Any], intrinsics: Intrinsics) -> float:
    milliseconds = intrinsics.resolve(integration.get("timeoutInMillis"))
    return MAX_INTEGRATION_SECONDS if milliseconds is None else float(milliseconds) / 1000


def _read_target(uri: Any, resources: Mapping[str, Any], intrinsics: Intrinsics) -> str:
    """Find the function an integration's or authorizer's URI calls, through its alias if it has one."""
    written = intrinsics.chosen(uri)
    substituted = written.get("Fn::Sub") if isinstance(written, dict) else written
    text, given = substituted if isinstance(substituted, list) else (substituted, {})
    match = _INVOCATION_TARGET.search(str(text))
    placeholder = match and match.group("target").removeprefix("${").removesuffix("}")
    name = named_resource(given.get(placeholder, {"Ref": placeholder}))
    if name in resources and resources[name]["Type"] == "AWS::Lambda::Alias":
        name = named_resource(resources[name]["Properties"]["FunctionName"])
    if name not in resources or resources[name]["Type"] != "AWS::Lambda::Function":
        raise TemplateError(f"an integration calls {name or uri}, which is not a function of this template")
    return name


def _read_authorizer(
    operation: Mapping[str, Any],
    schemes: Mapping[str, Any],
    *,
    resources: Mapping[str, Any],
    intrinsics: Intrinsics,
) -> Authorizer | None:
    names = [
        name for requirement in operation.get("security") or [] for name in requirement if name != "NONE"
    ]
    if not names:
        return None
    name = names[0]
    definition = (schemes.get(name) or {}).get("x-amazon-apigateway-authorizer") or {}
    if (
        definition.get("type") != "request"
        or str(definition.get("authorizerPayloadFormatVersion")) != "2.0"
        or definition.get("enableSimpleResponses") is not True
    ):
        raise TemplateError(
            f"authorizer {name} is not a Lambda authorizer with format 2.0 and simple responses"
        )
    written = intrinsics.resolve(definition.get("identitySource") or [])
    sources = written.split(",") if isinstance(written, str) else written
    return Authorizer(
        name=name,
        function=_read_target(definition.get("authorizerUri"), resources, intrinsics),
        identity_sources=tuple(_header_of(str(source).strip(), name) for source in sources),
        cache_seconds=int(intrinsics.resolve(definition.get("authorizerResultTtlInSeconds") or 0)),
    )


def _header_of(source: str, authorizer: str) -> str:
    prefix = "$request.header."
    if not source.startswith(prefix):
        raise TemplateError(f"authorizer {authorizer} reads {source}; the local gateway knows headers only")
    return source.removeprefix(prefix).lower()


def _read_function(
    name: str, resources: Mapping[str, Any], *, intrinsics: Intrinsics, folder: Path
) -> Function:
    properties = resources[name]["Properties"]
    code = properties.get("Code") or {}
    handler = intrinsics.resolve(properties.get("Handler"))
    if code.get("S3Bucket") != "local" or not isinstance(handler, str):
        raise TemplateError(f"function {name} has no CodeUri folder and Handler")
    code_dir = (folder / code["S3Key"]).resolve()
    module = code_dir / (handler.rpartition(".")[0].replace(".", "/") + ".py")
    if not module.is_file():
        raise TemplateError(f"the handler of function {name} is missing: {module}")
    return Function(
        name=name,
        code_dir=code_dir,
        handler=handler,
        timeout_seconds=float(intrinsics.resolve(properties.get("Timeout", _DEFAULT_TIMEOUT_SECONDS))),
        memory_megabytes=int(intrinsics.resolve(properties.get("MemorySize", _DEFAULT_MEMORY_MEGABYTES))),
        environment=_read_environment(properties, intrinsics),
    )


def _read_environment(properties: Mapping[str, Any], intrinsics: Intrinsics) -> dict[str, str]:
    """Resolve the variables; one that names a deployed resource is left out: here is none."""
    resolved = {}
    for name, value in ((properties.get("Environment") or {}).get("Variables") or {}).items():
        try:
            plain = intrinsics.resolve(value)
        except DeployedValueError:
            continue
        if plain is not NO_VALUE:
            resolved[name] = str(plain).lower() if isinstance(plain, bool) else str(plain)
    return resolved
