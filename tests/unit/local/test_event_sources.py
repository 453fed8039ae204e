"""What of a template calls functions beside HTTP, and what of it would be something else here."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from whybox.errors import TemplateError
from whybox.local.event_sources import EventSources, Notification, Queue, QueueSource, Timer
from whybox.local.templates import Stack, read_stack

HEAD = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Most: {Type: Number, Default: 7}
  Stage: {Type: String, Default: dev}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Globals:
  Function: {Runtime: python3.13, Handler: handler.handler, Timeout: 7, MemorySize: 300}
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Home:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: task/
      Events: {Get: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /}}}
"""
QUEUES = """
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 600
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: !Ref Most}
  Dead: {Type: AWS::SQS::Queue}
  Other: {Type: AWS::SQS::Queue, Condition: IsProd}
"""
TASK = """
  Task:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: task/
      AutoPublishAlias: live
      Events:
        Jobs:
          Type: SQS
          Properties:
            Queue: !GetAtt Jobs.Arn
            BatchSize: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: !Ref Most}
        Dead: {Type: SQS, Properties: {Queue: !GetAtt Dead.Arn}}
        Often: {Type: Schedule, Properties: {Schedule: rate(5 minutes)}}
        Daily: {Type: Schedule, Properties: {Schedule: rate(1 day), Input: '{"a": 1}'}}
"""
BUCKET = """
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        QueueConfigurations:
          - Queue: !GetAtt Jobs.Arn
            Event: s3:ObjectCreated:*
            Filter: {S3Key: {Rules: [{Name: prefix, Value: batch/}, {Name: suffix, Value: .csv}]}}
          - {Queue: !GetAtt Dead.Arn, Event: "s3:ObjectCreated:*"}
"""
MACHINE = """
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.json
      DefinitionSubstitutions: {TaskArn: !GetAtt OnlyHere.Arn, Partition: !Ref AWS::Partition, N: !Ref Most}
  OnlyHere: {Type: AWS::Serverless::Function, Properties: {CodeUri: task/}}
"""
DEFINITION = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${TaskArn}", "Payload": {"n": "${N}", "kept": "${Unknown}"}},
            "End": True,
        }
    },
}


def stack(folder: Path, *parts: str) -> Stack:
    (folder / "task").mkdir(exist_ok=True)
    (folder / "task" / "handler.py").touch()
    (folder / "machine.asl.json").write_text(json.dumps(DEFINITION))
    (folder / "template.yaml").write_text("".join([HEAD, *parts]))
    return read_stack(folder / "template.yaml")


def events(folder: Path, *parts: str) -> EventSources:
    return stack(folder, *parts).events


def test_queues_have_their_own_settings_and_otherwise_those_of_sqs(tmp_path: Path) -> None:
    assert events(tmp_path, QUEUES).queues == {
        "Jobs": Queue("Jobs", 600, "Dead", 7),
        "Dead": Queue("Dead", 30, None, 1),
    }


def test_a_queue_calls_the_function_that_waits_for_it_as_the_mapping_says(tmp_path: Path) -> None:
    assert set(events(tmp_path, QUEUES, TASK).queue_sources) == {
        QueueSource("Jobs", "Task", 1, 7, is_partial=True),
        QueueSource("Dead", "Task", 10, None, is_partial=False),
    }


def test_a_schedule_is_a_timer(tmp_path: Path) -> None:
    assert {timer.name for timer in events(tmp_path, QUEUES, TASK).timers} == {"TaskOften", "TaskDaily"}
    often, daily = sorted(events(tmp_path, QUEUES, TASK).timers, key=lambda timer: timer.interval)
    assert often == Timer("TaskOften", "Task", timedelta(minutes=5), None)
    assert (daily.interval, daily.event) == (timedelta(days=1), {"a": 1})


def test_the_buckets_news_go_to_the_queues_that_are_told(tmp_path: Path) -> None:
    assert events(tmp_path, QUEUES, BUCKET).notifications == (
        Notification("Jobs", "batch/", ".csv"),
        Notification("Dead", "", ""),
    )


def test_a_definition_names_functions_where_their_arns_stood(tmp_path: Path) -> None:
    machine = events(tmp_path, MACHINE).machine

    assert machine is not None
    assert machine.definition["States"]["A"] == {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "OnlyHere", "Payload": {"n": "7", "kept": "${Unknown}"}},
        "End": True,
    }


def test_every_function_that_something_calls_is_served(tmp_path: Path) -> None:
    assert stack(tmp_path).functions.keys() == {"Home"}
    assert stack(tmp_path, QUEUES, TASK).functions.keys() == {"Home", "Task"}
    assert stack(tmp_path, MACHINE).functions.keys() == {"Home", "OnlyHere"}


@pytest.mark.parametrize(
    ("changed", "to", "why"),
    [
        ("rate(5 minutes)", "'cron(0 0 * * ? *)'", "know only rate"),
        (
            "ScalingConfig",
            "FilterCriteria: {Filters: [{Pattern: '{}'}]}\n            ScalingConfig",
            "filters",
        ),
        ("Type: SQS, Properties: {Queue: !GetAtt Dead.Arn}", "Type: SNS, Properties: {Topic: t}", "SNS"),
        ("GetAtt Jobs.Arn", "GetAtt Nothing.Arn", "Nothing"),
        ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "new objects only"),
        ("machine.asl.json", "nowhere.json", "cannot be read"),
        ("DefinitionUri: machine.asl.json", "Definition: {}", "DefinitionUri"),
        (
            "  OnlyHere:",
            MACHINE.split("  OnlyHere")[0].replace("Machine:", "Two:") + "  OnlyHere:",
            "2 state machines",
        ),
    ],
)
def test_what_would_be_something_else_here_is_refused(
    tmp_path: Path, changed: str, to: str, why: str
) -> None:
    parts = "".join([QUEUES, TASK, BUCKET, MACHINE])
    assert changed in parts

    with pytest.raises(TemplateError, match=why):
        stack(tmp_path, parts.replace(changed, to))
