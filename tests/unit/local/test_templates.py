from pathlib import Path

import pytest

from whybox.errors import TemplateError
from whybox.local.templates import Authorizer, Route, Stack, read_stack

HEAD = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Globals:
  Function: {Runtime: python3.13, Handler: handler.handler, Timeout: 7, MemorySize: 300,
             Environment: {Variables: {A: "1", B: two}}}
Resources:
  Queue: {Type: AWS::SQS::Queue}
"""
API = """
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        openapi: 3.0.1
        info: {title: whybox, version: "1"}
        x-amazon-apigateway-binary-media-types: [multipart/form-data]
        paths: {}
      Auth:
        DefaultAuthorizer: Token
        Authorizers:
          Token:
            AuthorizerPayloadFormatVersion: "2.0"
            EnableSimpleResponses: true
            FunctionArn: !GetAtt Guard.Arn
            Identity: {Headers: [Authorization], ReauthorizeEvery: 60}
  Guard: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/guard/, MemorySize: 128}}
"""
TASK = """
  Task:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/task/
      AutoPublishAlias: live
      Policies: [{SQSSendMessagePolicy: {QueueName: !GetAtt Queue.QueueName}}]
      Environment: {Variables: {B: !Ref Stage, QUEUE: !Ref Queue, FLAG: true}}
      Events:
        Post: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: post, Path: "/task/{id}"}}
        Open:
          Type: HttpApi
          Properties: {ApiId: !Ref Api, Method: ANY, Path: /open, Auth: {Authorizer: NONE}}
        Rest: {Type: HttpApi, Properties: {ApiId: !Ref Api, Auth: {Authorizer: NONE}}}
        Queue: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn}}
"""
TOKEN = Authorizer("Token", "Guard", ("authorization",), 60)


def stack(folder: Path, *parts: str, **parameters: str) -> Stack:
    for name in ("guard", "task"):
        (folder / "functions" / name).mkdir(parents=True, exist_ok=True)
        (folder / "functions" / name / "handler.py").touch()
    (folder / "template.yaml").write_text("".join(parts))
    return read_stack(folder / "template.yaml", parameters=parameters)


def test_routes_and_their_authorizers_are_those_a_deployment_would_create(tmp_path: Path) -> None:
    routes = stack(tmp_path, HEAD, API, TASK).routes

    assert {route.key: route for route in routes} == {
        "POST /task/{id}": Route("POST", "/task/{id}", "Task", TOKEN),
        "ANY /open": Route("ANY", "/open", "Task", None),
        "$default": Route("ANY", "$default", "Task", None),
    }


def test_a_function_has_its_own_settings_and_otherwise_the_global_ones(tmp_path: Path) -> None:
    functions = stack(tmp_path, HEAD, API, TASK).functions

    assert functions["Task"].code_dir == tmp_path / "functions" / "task"
    assert (functions["Task"].timeout_seconds, functions["Task"].memory_megabytes) == (7.0, 300)
    assert functions["Guard"].memory_megabytes == 128
    assert functions["Guard"].environment == {"A": "1", "B": "two"}


def test_a_variable_that_names_a_deployed_resource_is_not_set(tmp_path: Path) -> None:
    assert stack(tmp_path, HEAD, API, TASK).functions["Task"].environment == {
        "A": "1",
        "B": "dev",
        "FLAG": "true",
    }


def test_a_function_without_a_route_is_not_needed(tmp_path: Path) -> None:
    lonely = "  Lonely: {Type: AWS::Serverless::Function, Properties: {CodeUri: functions/missing/}}\n"

    assert set(stack(tmp_path, HEAD, API, TASK, lonely).functions) == {"Task", "Guard"}


def test_what_a_condition_excludes_is_not_served(tmp_path: Path) -> None:
    conditional = TASK.replace("    Type:", "    Condition: IsProd\n    Type:", 1)

    assert stack(tmp_path, HEAD, API, conditional).routes == ()
    assert len(stack(tmp_path, HEAD, API, conditional, Stage="prod").routes) == 3


def test_the_implicit_http_api_is_served_too(tmp_path: Path) -> None:
    implicit = TASK.replace("ApiId: !Ref Api, ", "").replace("Auth: {Authorizer: NONE}", "")

    assert {route.key for route in stack(tmp_path, HEAD, implicit).routes} == {
        "POST /task/{id}",
        "ANY /open",
        "$default",
    }


def test_the_template_itself_is_read_without_a_trace_on_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stack(tmp_path, HEAD, API, TASK)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("FunctionArn: !GetAtt Guard.Arn", "FunctionArn: !GetAtt Nobody.Arn", "Nobody"),
        ("EnableSimpleResponses: true", "EnableSimpleResponses: false", "simple responses"),
        ('"2.0"\n            Enable', '"1.0"\n            Enable', "simple responses|refuses"),
        ("Headers: [Authorization]", "QueryStrings: [token]", "headers only"),
        ("functions/task/", "functions/missing/", "missing"),
        ("CodeUri: functions/task/", "InlineCode: x", "CodeUri"),
        ("DefaultAuthorizer: Token", "DefaultAuthorizer: Other", "Other"),
        ("Type: AWS::Serverless::HttpApi", "Type: AWS::Serverless::SimpleTable", "HTTP API|Api"),
    ],
)
def test_what_is_needed_and_cannot_be_resolved_is_a_clear_error(
    tmp_path: Path, before: str, after: str, reason: str
) -> None:
    whole = HEAD + API + TASK
    assert before in whole

    with pytest.raises(TemplateError, match=reason):
        stack(tmp_path, whole.replace(before, after))
