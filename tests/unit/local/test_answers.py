import json
from typing import Any

import pytest

from whybox.errors import FunctionFailedError
from whybox.local.answers import Decision, HttpAnswer, read_decision, read_http_answer
from whybox.local.payloads import Payload
from whybox.local.worker import ANSWERED, TOO_LARGE, write_answer


def carried(answer: Any) -> Payload:
    """Return what a worker's reply brings to the gateway."""
    reply = write_answer(answer, 10_000)
    assert reply[:1] == ANSWERED
    return Payload.of_answer(reply[1:])


def read(answer: Any) -> HttpAnswer:
    return read_http_answer(carried(answer), function="F")


def test_an_answer_keeps_its_headers_in_lower_case_and_its_cookies() -> None:
    answer = read(
        {"statusCode": 202, "headers": {"Location": "/x", "X-N": 1}, "cookies": ["a=1"], "body": "é"}
    )

    assert answer == HttpAnswer(202, (("location", "/x"), ("x-n", "1"), ("set-cookie", "a=1")), "é".encode())


def test_headers_that_are_the_gateways_own_are_not_taken_over() -> None:
    framing = {"Content-Length": "999", "Transfer-Encoding": "chunked", "Connection": "close"}

    assert read({"statusCode": 200, "headers": framing}).headers == ()


@pytest.mark.parametrize("status", [204, 205, 304])
def test_an_answer_that_may_have_no_body_has_none(status: int) -> None:
    assert read({"statusCode": status, "body": "x"}).body == b""


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "text",
        {},
        {"body": "no status"},
        {"statusCode": "200"},
        {"statusCode": True},
        {"statusCode": 100},
        {"statusCode": 600},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "***", "isBase64Encoded": True},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b"}},
        {"statusCode": 200, "headers": {"x": "\u20ac"}},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "cookies": ["a\nb"]},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "multiValueHeaders": {"x": ["1"]}},
    ],
)
def test_what_is_not_an_answer_in_format_2_is_a_failed_function(answer: Any) -> None:
    with pytest.raises(FunctionFailedError):
        read(answer)


@pytest.mark.parametrize(
    "answer", [{"statusCode": 200, "body": '"é"\n'}, {"body": ""}, {"body": 1}, ["x"], 7]
)
def test_an_answer_comes_out_of_a_reply_as_it_went_in(answer: Any) -> None:
    assert carried(answer).value() == answer


def test_half_a_character_is_no_answer() -> None:
    with pytest.raises(UnicodeEncodeError):
        write_answer({"statusCode": 200, "body": "\ud800"}, 10_000)


@pytest.mark.parametrize("body", ["x" * 5_000, '"' * 2_500, "\x00" * 834, "é" * 2_500])
def test_an_answer_is_as_long_as_its_json_wherever_its_body_travels(body: str) -> None:
    answer = {"statusCode": 200, "body": body}
    n_bytes = len(json.dumps(answer, ensure_ascii=False).encode())

    assert carried_within(answer, n_bytes) == ANSWERED
    assert carried_within(answer, n_bytes - 1) == TOO_LARGE + str(n_bytes).encode()


def carried_within(answer: Any, limit: int) -> bytes:
    reply = write_answer(answer, limit)
    return reply[:1] if reply[:1] == ANSWERED else reply


def test_an_authorizers_yes_carries_its_context() -> None:
    decision = read_decision(Payload(b'{"isAuthorized": true, "context": {"a": 1}}'), function="F")

    assert decision == Decision(is_authorized=True, context={"a": 1})


@pytest.mark.parametrize(
    "answer",
    [
        "null",
        "true",
        "{}",
        '{"isAuthorized": "true"}',
        '{"isAuthorized": 1}',
        '{"isAuthorized": true, "context": []}',
    ],
)
def test_an_authorizer_that_does_not_say_yes_or_no_has_failed(answer: str) -> None:
    with pytest.raises(FunctionFailedError):
        read_decision(Payload(answer.encode()), function="F")
