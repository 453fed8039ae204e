"""Functions behind queues: one does whatever a message says, the other notes what it is called with."""

import json
import os
import time
from pathlib import Path

NOTES = Path(os.environ["WHYBOX_HOME"]) / "notes.jsonl"


class HopelessError(Exception):
    """Nothing that another attempt would change."""


def note(**facts):
    with NOTES.open("a") as notes:
        notes.write(json.dumps(facts | {"at": time.time(), "pid": os.getpid()}) + "\n")


def witness(event, context):
    note(by="witness", event=event)


def handler(event, context):
    """Work through records, or do the one task of a state machine."""
    if "Records" not in event:
        return work(event, event)
    failed = [record for record in event["Records"] if not work(json.loads(record["body"]), record)]
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}


def work(order, record):
    note(by="worker", order=order, record=record)
    match order.get("do"):
        case "fail":
            return None
        case "crash":
            os._exit(9)
        case "raise":
            raise HopelessError
        case "nap":
            time.sleep(1)
            note(by="napper", order=order)
        case "sleep":
            time.sleep(60)
    return {"pid": os.getpid()}
