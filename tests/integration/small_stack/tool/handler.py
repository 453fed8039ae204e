"""A function that does whatever the query parameter ``do`` names."""

import base64
import json
import os
import sys
import time

from whybox.settings import Settings
from whybox.wiring import connect

print("loaded, and printed to standard output")
ports = connect(Settings.from_environment(os.environ))
kept = []


def handler(event, context):
    do = event.get("queryStringParameters", {}).get("do", "echo")
    return globals()[do](event, context)


def answer(**body):
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def echo(event, context):
    return answer(event=event)


def about(event, context):
    ours = ("GREETING", "TABLE", "WHYBOX_HOME", "WHYBOX_THREADS")
    names = (*ours, "AWS_LAMBDA_FUNCTION_NAME", "AWS_ACCESS_KEY_ID")
    return answer(
        pid=os.getpid(),
        name=context.function_name,
        memory=context.memory_limit_in_mb,
        request_id=context.aws_request_id,
        arn=context.invoked_function_arn,
        milliseconds=context.get_remaining_time_in_millis(),
        environment={name: os.environ.get(name) for name in names},
    )


def nap(event, context):
    time.sleep(1.2)
    return answer(pid=os.getpid())


def sleep(event, context):
    time.sleep(20)


def reserve_and_sleep(event, context):
    """Charge, as the product does, and never come to an end."""
    ports.usage.reserve("t-1", receipt_id=context.aws_request_id, lease_seconds=2.5, now=ports.clock.now())
    time.sleep(20)


def eat(event, context):
    while True:
        kept.append(bytearray(b"x" * 10_000_000))
        time.sleep(0.01)


def crash(event, context):
    os._exit(7)


def throw(event, context):
    raise ValueError("a cell that nobody may see")


def not_json(event, context):
    return {"statusCode": 200, "body": "", "headers": {"x": object()}}


def no_status(event, context):
    return {"body": "hello"}


def split(event, context):
    return {"statusCode": 200, "headers": {"x-injected": "a\r\nset-cookie: b"}, "body": ""}


def too_much(event, context):
    return {"statusCode": 200, "body": "x" * 6_300_000}


def binary(event, context):
    return {
        "statusCode": 201,
        "headers": {"Content-Type": "image/png", "X-Number": 3},
        "cookies": ["a=1", "b=2"],
        "body": base64.b64encode(bytes(range(256))).decode(),
        "isBase64Encoded": True,
    }


def noise(event, context):
    print("to standard output")
    os.write(1, b"and past Python\n")
    return answer(stdin=sys.stdin.read())
