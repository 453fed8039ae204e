"""The process behind one function: loads its handler once, then answers one event after the other.

    standard input   ◀── spec, then per call: what the call may use, the event, the event's body  (frames)
    standard output  ──▶ b"+" ready; then per call: b"+" and the answer (a frame) and its body, or b"!" and
                         the class of what it raised (and its code, if it is an error of ours), or b">" and
                         the size of an answer too large to send  (frames)
    standard error   ──▶ everything the function prints or logs

Run as ``python -m whybox.local.worker``; imports nothing but the standard library, so that the memory and the
start of a function are its own.
"""

from __future__ import annotations

import base64
import fcntl
import importlib
import json
import os
import select
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

ANSWERED = b"+"
RAISED = b"!"
TOO_LARGE = b">"
_LENGTH = struct.Struct(">I")
HEAD_BYTES = _LENGTH.size
PIPE_BYTES = 1024 * 1024


_BODY_FIELD = ', "body": ""'
LONGEST_ESCAPE = len("\\u0000")
"""Bytes that one byte of text takes inside JSON at most."""

Call = tuple[bytes, bytes, bytes]
"""What a call may use and its event, both as JSON, and the event's body."""


class LocalContext:
    """The context object of a call, with the attributes Lambda documents."""

    identity = None
    client_context = None
    function_version = "$LATEST"

    def __init__(self, function: dict[str, Any], call: dict[str, Any]) -> None:
        self.function_name: str = function["name"]
        self.invoked_function_arn: str = function["arn"]
        self.log_group_name = f"/aws/lambda/{self.function_name}"
        self.log_stream_name = f"local/{os.getpid()}"
        self.memory_limit_in_mb = str(function["memory_megabytes"])  # text, as Lambda's own runtime gives it
        self.aws_request_id: str = call["request_id"]
        self._deadline = time.monotonic() + call["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the gateway ends this process; never negative."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def read_frame(stream: BinaryIO) -> bytes | None:
    """Return the next frame, or None at the end of the stream."""
    head = stream.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None
    body = stream.read(_LENGTH.unpack(head)[0])
    return body if len(body) == _LENGTH.unpack(head)[0] else None


def frame(body: bytes) -> bytes:
    """Return a body with its length in front."""
    return _LENGTH.pack(len(body)) + body


def frame_length(head: bytes) -> int:
    """Return the length a frame's first four bytes announce."""
    return int(_LENGTH.unpack(head)[0])


def _widen_pipes() -> None:
    """Let a whole event, and most answers, go through at once: Linux gives pipes 64 KiB."""
    for descriptor in (0, 1):
        with suppress(AttributeError, OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _claim_standard_output() -> BinaryIO:
    """Keep the answer pipe for us: whatever prints, even from C, prints to standard error from now on."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _read_call(stream: BinaryIO) -> Call | None:
    """Return what the gateway sends next, or None where it has no more to say."""
    call, event, body = read_frame(stream), read_frame(stream), read_frame(stream)
    return None if call is None or event is None or body is None else (call, event, body)


def _watch_gateway(stream: BinaryIO, is_working: threading.Event) -> None:
    """End the process at once where the gateway is gone and nobody waits for the call at work any more."""
    hangup = select.poll()
    hangup.register(stream, select.POLLHUP)  # the other end is closed; what can be read is not asked for
    hangup.poll()
    is_working.wait()
    os._exit(1)


def _load(function: dict[str, Any]) -> Callable[[Any, LocalContext], Any]:
    """Import the handler as Lambda does: the code folder is the first place to look."""
    sys.path.insert(0, function["code_dir"])
    module, _, attribute = function["handler"].rpartition(".")
    handler: Callable[[Any, LocalContext], Any] = getattr(importlib.import_module(module), attribute)
    return handler


def read_event(event: bytes, body: bytes) -> Any:
    """Return the event with its body in it: base64, where the event says so, or text."""
    found = json.loads(event)
    if body:
        is_binary = found["isBase64Encoded"]
        found["body"] = base64.b64encode(body).decode("ascii") if is_binary else body.decode("utf-8")
    return found


def write_answer(answer: Any, limit: int) -> bytes:
    """Return the reply for an answer, its body's text beside it, or for one that is too long as JSON."""
    body = answer.get("body") if isinstance(answer, dict) else None
    head, text = answer, b""
    if isinstance(body, str) and body:
        head = {name: value for name, value in answer.items() if name != "body"}
        text = body.encode("utf-8")
    head = _dump(head)
    if len(head) + len(_BODY_FIELD) + LONGEST_ESCAPE * len(text) > limit:
        n_bytes = len(_dump(answer))
        if n_bytes > limit:
            return TOO_LARGE + str(n_bytes).encode()
    return ANSWERED + frame(head) + text


def _dump(answer: Any) -> bytes:
    return json.dumps(answer, allow_nan=False, ensure_ascii=False).encode("utf-8")


def _call(
    handler: Callable[[Any, LocalContext], Any],
    event: bytes,
    body: bytes,
    *,
    context: LocalContext,
    answer_limit: int,
) -> bytes:
    """Return the reply with the handler's answer; an exception is logged, and only its happening reported."""
    try:
        return write_answer(handler(read_event(event, body), context), answer_limit)
    except Exception as error:  # noqa: BLE001 - a function may raise anything, and its process stays in service
        traceback.print_exc()
        code = getattr(error, "code", None)  # of an error of ours; this process may not import them
        raised = {"type": type(error).__name__, "code": code if isinstance(code, str) else None}
        return RAISED + json.dumps(raised).encode()


def _serve(
    function: dict[str, Any], calls: BinaryIO, answers: BinaryIO, *, is_working: threading.Event
) -> None:
    handler = _load(function)
    answer_limit = function["answer_limit"]
    reply = ANSWERED
    while True:
        is_working.clear()
        answers.write(frame(reply))
        answers.flush()
        given = _read_call(calls)
        if given is None:
            return
        is_working.set()
        call, event, body = given
        context = LocalContext(function, json.loads(call))
        reply = _call(handler, event, body, context=context, answer_limit=answer_limit)


def main() -> None:
    """Serve calls until standard input ends."""
    _widen_pipes()
    answers = _claim_standard_output()
    calls = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    spec = read_frame(calls)
    if spec is None:
        return
    is_working = threading.Event()
    is_working.set()  # loading is work
    threading.Thread(target=_watch_gateway, args=(calls, is_working), daemon=True).start()
    try:
        _serve(json.loads(spec), calls, answers, is_working=is_working)
    except BrokenPipeError:
        os._exit(1)  # the gateway is gone; an ordinary exit would try to flush the pipe again


if __name__ == "__main__":
    main()
