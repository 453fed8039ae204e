"""CloudFormation's short tags and intrinsic functions, as far as they are known before a deployment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from whybox.errors import TemplateError

LOCAL_REGION = "us-east-1"
LOCAL_ACCOUNT = "000000000000"

# What AWS::Region and its kin are on a laptop: well-formed, and plainly nobody's account.
_PSEUDO_PARAMETERS = {
    "AWS::AccountId": LOCAL_ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": LOCAL_REGION,
    "AWS::StackName": "whybox",
    "AWS::URLSuffix": "amazonaws.com",
}
_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")


class DeployedValueError(TemplateError):
    """The value is the name or an attribute of a resource, which exists only once it is deployed."""


class _NoValue:
    """What ``AWS::NoValue`` resolves to: the key or list item that holds it disappears."""


NO_VALUE = _NoValue()


class _TemplateLoader(yaml.SafeLoader):
    """A safe loader of its own, so that CloudFormation's tags do not leak into PyYAML's shared one."""


def _construct_tag(loader: _TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Write ``!Sub x`` out as ``{"Fn::Sub": x}``; ``!Ref`` has no prefix, ``!GetAtt a.b`` is a list."""
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(cast("yaml.MappingNode", node), deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_TemplateLoader.add_multi_constructor("!", _construct_tag)


def load_template(text: str) -> dict[str, Any]:
    """Parse a template's YAML; raises TemplateError where it is not a mapping or not YAML at all."""
    try:
        template = yaml.load(text, Loader=_TemplateLoader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise TemplateError(f"it is not valid YAML: {error}") from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise TemplateError("it has no Resources section")
    return template


def named_resource(reference: Any) -> str:
    """Return the logical id that a Ref or GetAtt names, or an empty string."""
    if not isinstance(reference, dict) or len(reference) != 1:
        return ""
    kind, argument = next(iter(reference.items()))
    if kind == "Fn::GetAtt":
        return str(argument[0] if isinstance(argument, list) else argument).split(".", 1)[0]
    return str(argument).split(".", 1)[0] if kind == "Ref" else ""


@dataclass(frozen=True)
class Intrinsics:
    """Resolves intrinsic functions against parameters, conditions and mappings.

    ``resolve`` returns plain data, or raises DeployedValueError where the value is a resource's own, and
    TemplateError where the template names something it does not have.
    """

    parameters: Mapping[str, Any]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    resources: frozenset[str] = frozenset()

    @classmethod
    def of_template(cls, template: Mapping[str, Any], overrides: Mapping[str, str]) -> Intrinsics:
        """Take the parameters' defaults, replaced by ``overrides``."""
        declared = template.get("Parameters") or {}
        unknown = sorted(set(overrides) - set(declared))
        if unknown:
            raise TemplateError(f"it has no parameter called {', '.join(unknown)}")
        defaults = {name: body["Default"] for name, body in declared.items() if "Default" in body}
        return cls(
            parameters={**defaults, **overrides},
            conditions=template.get("Conditions") or {},
            mappings=template.get("Mappings") or {},
            resources=frozenset(template["Resources"]),
        )

    def resolve(self, value: Any) -> Any:
        """Return ``value`` with every intrinsic function in it replaced by what it stands for."""
        if isinstance(value, dict):
            if len(value) == 1:
                name, argument = next(iter(value.items()))
                function = _FUNCTIONS.get(name)
                if function is not None:
                    return function(self, argument)
                if name.startswith("Fn::"):
                    raise TemplateError(f"it uses {name}, which the local gateway cannot resolve")
            resolved = {key: self.resolve(item) for key, item in value.items()}
            return {key: item for key, item in resolved.items() if item is not NO_VALUE}
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not NO_VALUE]
        return value

    def chosen(self, value: Any) -> Any:
        """Follow ``Fn::If`` around a value, and leave what stands inside it as it is written."""
        while isinstance(value, dict) and set(value) == {"Fn::If"}:
            condition, if_true, if_false = value["Fn::If"]
            value = if_true if self.holds(condition) else if_false
        return NO_VALUE if value == {"Ref": "AWS::NoValue"} else value

    def holds(self, condition: str) -> bool:
        """Whether the named condition is true."""
        if condition not in self.conditions:
            raise TemplateError(f"it has no condition called {condition}")
        return bool(self.resolve(self.conditions[condition]))

    def _name(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        for known in (self.parameters, _PSEUDO_PARAMETERS):
            if name in known:
                return known[name]
        if name.split(".", 1)[0] in self.resources:
            raise DeployedValueError(f"{name} exists only once the template is deployed")
        raise TemplateError(f"{name} is neither a resource nor a parameter with a default")

    def _attribute(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else list(map(str, argument))
        return self._name(".".join(parts))

    def _substitute(self, argument: Any) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})
        known = {name: self.resolve(item) for name, item in given.items()}

        def fill(match: re.Match[str]) -> str:
            name = match.group(1).strip()
            return str(known[name] if name in known else self._name(name))

        return _PLACEHOLDER.sub(fill, text).replace("${!", "${")

    def _choose(self, argument: Any) -> Any:
        condition, if_true, if_false = argument
        return self.resolve(if_true if self.holds(condition) else if_false)

    def _join(self, argument: Any) -> str:
        separator, items = argument
        return str(separator).join(str(item) for item in self.resolve(items))

    def _select(self, argument: Any) -> Any:
        index, items = self.resolve(argument)
        return items[int(index)]

    def _split(self, argument: Any) -> list[str]:
        separator, text = self.resolve(argument)
        return str(text).split(separator)

    def _find_in_map(self, argument: Any) -> Any:
        name, first, second = self.resolve(argument)
        try:
            return self.mappings[name][first][second]
        except KeyError as error:
            raise TemplateError(f"it has no mapping {name}.{first}.{second}") from error

    def _equals(self, argument: Any) -> bool:
        left, right = self.resolve(argument)
        return str(left) == str(right)  # CloudFormation compares parameters as strings


_FUNCTIONS: Mapping[str, Callable[[Intrinsics, Any], Any]] = {
    "Ref": Intrinsics._name,
    "Condition": Intrinsics.holds,
    "Fn::GetAtt": Intrinsics._attribute,
    "Fn::Sub": Intrinsics._substitute,
    "Fn::If": Intrinsics._choose,
    "Fn::Join": Intrinsics._join,
    "Fn::Select": Intrinsics._select,
    "Fn::Split": Intrinsics._split,
    "Fn::FindInMap": Intrinsics._find_in_map,
    "Fn::Equals": Intrinsics._equals,
    "Fn::And": lambda self, items: all(self.resolve(item) for item in items),
    "Fn::Or": lambda self, items: any(self.resolve(item) for item in items),
    "Fn::Not": lambda self, items: not self.resolve(items[0]),
}
