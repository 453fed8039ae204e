from typing import Any

import pytest

from whybox.errors import TemplateError
from whybox.local.intrinsics import DeployedValueError, Intrinsics, load_template

TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev}
  Limit: {Type: Number, Default: 100}
  Bare: {Type: String}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsSmall: !And [!Not [!Condition IsProd], !Equals [!Ref Limit, "100"]]
Mappings:
  Sizes: {dev: {memory: 512}, prod: {memory: 3008}}
Resources:
  Table: {Type: AWS::DynamoDB::Table}
"""


def resolve(text: str, **overrides: str) -> Any:
    template = load_template(TEMPLATE + f"X: {text}")
    return Intrinsics.of_template(template, overrides).resolve(template["X"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref Limit", 100),
        ("!Sub '${Stage}-${AWS::Region}-${!literal}'", "dev-us-east-1-${literal}"),
        ("!Sub ['${a}/${Stage}', {a: !Ref Limit}]", "100/dev"),
        ("!If [IsProd, 1, 2]", 2),
        ("!If [IsSmall, yes, !Ref Table]", True),
        ("{a: !If [IsProd, 1, !Ref 'AWS::NoValue'], b: [1, !Ref 'AWS::NoValue']}", {"b": [1]}),
        ("!Join ['-', [a, !Ref Stage]]", "a-dev"),
        ("!Select [1, !Split [',', 'a,b']]", "b"),
        ("!FindInMap [Sizes, !Ref Stage, memory]", 512),
        ("{Fn::Sub: 'x${Stage}'}", "xdev"),
    ],
)
def test_what_is_known_before_a_deployment_is_resolved(text: str, value: Any) -> None:
    assert resolve(text) == value


def test_a_parameter_given_by_hand_goes_before_its_default() -> None:
    assert resolve("!FindInMap [Sizes, !Ref Stage, memory]", Stage="prod") == 3008


@pytest.mark.parametrize(
    "text", ["!Ref Table", "!GetAtt Table.Arn", "!Sub '${Table}'", "!Sub 'a/${Table.Arn}'"]
)
def test_what_belongs_to_a_deployed_resource_says_so(text: str) -> None:
    with pytest.raises(DeployedValueError, match="Table"):
        resolve(text)


@pytest.mark.parametrize(
    "text",
    [
        "!Ref Nothing",
        "!Ref Bare",
        "!Sub '${Nothing}'",
        "!If [Nothing, 1, 2]",
        "!ImportValue x",
        "!FindInMap [Sizes, x, y]",
    ],
)
def test_what_the_template_does_not_define_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError) as caught:
        resolve(text)

    assert not isinstance(caught.value, DeployedValueError)


def test_a_parameter_that_does_not_exist_cannot_be_given() -> None:
    with pytest.raises(TemplateError, match="Nope"):
        resolve("1", Nope="x")


@pytest.mark.parametrize("text", ["", "[]", "a: [", "Resources: []", "a: b"])
def test_what_is_no_template_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError):
        load_template(text)
