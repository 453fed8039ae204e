"""JSON bodies: what is JSON is read as it was written, everything else is told by its own name and place."""

from __future__ import annotations

import json
import logging
import time
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel, FailFast, Field, field_validator
from tests.proof.json_documents import prove

from whybox.http.answers import json_answer
from whybox.http.forms import MAX_BODY_BYTES
from whybox.http.json_bodies import SchemaRuleError, parse_json_body, read_json

from .json_cases import DUPLICATE, INVALID, NOT_UTF_8, OUT_OF_RANGE, TEXT_INVALID, VALID

JSON = {"content-type": "application/json"}


class Inner(BaseModel):
    kind: Literal["inner"]
    size: Annotated[int, Field(ge=1, le=9)] = 1


class Other(BaseModel):
    kind: Literal["other"]
    column: Annotated[str, Field(min_length=1, max_length=5)]


class Job(BaseModel):
    """What an endpoint might read: every kind of field the API's documents have."""

    rows: Annotated[list[Annotated[list[float | None], FailFast()]], FailFast()] = []
    n: int = 0
    weight: float = 1.0
    is_dry: bool = False
    name: Annotated[str, Field(pattern="^[a-z]*$")] = ""
    source: Annotated[Inner | Other, Field(discriminator="kind")] | None = None
    either: Inner | int | None = None
    groups: dict[str, Annotated[list[str], FailFast()]] = {}
    numbers: Annotated[list[int], Field(max_length=100)] = []

    @field_validator("n")
    @classmethod
    def _is_not_thirteen(cls, value: int) -> int:
        if value == 13:
            raise SchemaRuleError("must not be 13")
        if value == 14:
            raise ValueError(f"secret {value}")
        return value


class Anything(BaseModel):
    value: Any


router = APIRouter()


@router.post("/job")
async def job(request: Request):
    return json_answer((await read_json(request, Job)).model_dump())


@router.post("/anything")
async def anything(request: Request):
    return json_answer(repr((await read_json(request, Anything, limit=MAX_BODY_BYTES)).value))


@pytest.fixture
def post(service):
    """Send a body through the adapter to the application, as every real function gets it."""
    function = service.function(router)

    def send(body: bytes, path: str = "/job", **headers: str):
        return service.call(
            function,
            "POST",
            path,
            body=body,
            headers={name.replace("_", "-"): x for name, x in headers.items()} or JSON,
        )

    return send


def code_of(answer) -> tuple[int, str]:
    return answer.status, answer.code


def embedded(text: bytes) -> bytes:
    return b'{"value":' + text + b"}"


@pytest.mark.parametrize("text", VALID)
def test_what_the_grammar_derives_is_read_as_it_was_written(post, text):
    if text.count(b"[") < 32 and text.count(b"{") < 31:
        answer = post(embedded(text), "/anything")
        assert answer.status == 200
        assert answer.document == repr(json.loads(text))
    # Alone it is still JSON; only its type is not the one this route reads.
    alone = post(text, "/anything")
    assert code_of(alone) == (422, "schema-invalid")


@pytest.mark.parametrize(
    ("rule", "text"), [(rule, text) for rule, texts in INVALID.items() for text in texts]
)
def test_what_the_grammar_does_not_derive_is_refused(post, rule, text):
    assert code_of(post(text)) == (400, "json-invalid")
    if rule not in ("an empty text", "an end", "a bracket"):
        assert code_of(post(embedded(text), "/anything")) == (400, "json-invalid")


@pytest.mark.parametrize(
    ("texts", "status", "code"),
    [
        (NOT_UTF_8, 400, "json-encoding"),
        (OUT_OF_RANGE, 400, "number-out-of-range"),
        (TEXT_INVALID, 422, "text-invalid"),
        (DUPLICATE, 400, "json-duplicate-key"),
        (
            [b"[" * 33 + b"]" * 33, b"[" * 50_000, b'{"a":' * 50_000, b'[{"a":' * 20_000 + b"1"],
            400,
            "json-too-deep",
        ),
    ],
    ids=["encoding", "range", "text", "names", "depth"],
)
def test_what_could_be_read_in_two_ways_has_a_name_of_its_own(post, texts, status, code):
    for text in texts:
        assert code_of(post(text)) == (status, code), text[:40]


def test_no_body_is_told_as_such(post):
    answer = post(b"")

    assert code_of(answer) == (400, "body-missing")
    assert "JSON" in answer.document["detail"]


def test_one_byte_order_mark_is_ignored(post):
    assert post(b'\xef\xbb\xbf{"n":1}').document["n"] == 1


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        (b"[1, 2", 5),
        (b"[1,]", None),
        ('{"é€": tru}'.encode(), 10),
        (b'\xef\xbb\xbf{"a": nope}', 9),
        (b'{"a": "NaN", "b": NaN}', 18),
        (b'{"a": "1e999", "b": [-1e999]}', 21),
        (b'{"a": 1, "b": {"a": 1, "c": "a", "a": 2}}', 33),
        (b'["a", "\\u00e9", "\\ud800"]', 16),
        (b'{"x": "\xe9"}', 7),
        (b"[1e999x]", 1),
        (b"[" * 40, 32),
    ],
)
def test_the_detail_names_the_byte(post, text, offset):
    detail = post(text).document["detail"]

    assert "at byte " in detail
    if offset is not None:
        assert detail.endswith(f"at byte {offset}.")


def test_numbers_are_kept_as_they_were_written(post):
    text = b"[9007199254740993, -9223372036854775808, 9223372036854775807, 0.1, 1.0, -0.0, 5e-324, 1]"

    answer = post(embedded(text), "/anything")

    assert (
        answer.document
        == "[9007199254740993, -9223372036854775808, 9223372036854775807, 0.1, 1.0, -0.0, 5e-324, 1]"
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json", "Application/JSON", "application/json; charset=utf-8",
        'application/json;charset="UTF-8"', "application/json;",
        "application/json ; Charset=utf-8 ",
    ],
)  # fmt: skip
def test_the_content_type_may_be_spelled_as_the_rfc_allows(post, content_type):
    assert post(b"{}", content_type=content_type).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=B", "",
        "application/json; charset=utf-16", "application/json; charset=latin-1",
        "application/json; charset=utf-8; charset=utf-8",
        "application/json; version=1", "application/json,application/json", "application/problem+json",
        "application/jsonx", "json", "*/*",
        "application/json charset=utf-8", "application/json; charset='utf-8'", "application/json\n",
        "application/ｊｓｏｎ",
    ],
)  # fmt: skip
def test_any_other_content_type_is_refused(post, content_type):
    assert code_of(post(b"{}", content_type=content_type)) == (415, "content-type-unsupported")


def test_a_body_without_a_content_type_is_refused(post):
    assert code_of(post(b"{}", accept="*/*")) == (415, "content-type-unsupported")


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(post):
    assert post(b"{}".ljust(MAX_BODY_BYTES)).status == 200

    answer = post(b"[" * (MAX_BODY_BYTES + 1))

    assert code_of(answer) == (413, "body-too-large")
    assert (answer.document["limit"], answer.document["actual"]) == (MAX_BODY_BYTES, MAX_BODY_BYTES + 1)


@pytest.mark.parametrize(
    ("text", "pointer", "code"),
    [
        (b"[]", "", "model_type"),
        (b"null", "", "model_type"),
        (b'"x"', "", "model_type"),
        (b'{"secret":1}', "", "extra_forbidden"),
        (b'{"n":"5"}', "/n", "int_type"),
        (b'{"n":5.0}', "/n", "int_type"),
        (b'{"n":true}', "/n", "int_type"),
        (b'{"n":null}', "/n", "int_type"),
        (b'{"n":13}', "/n", "invalid"),
        (b'{"n":14}', "/n", "value_error"),
        (b'{"weight":"1"}', "/weight", "float_type"),
        (b'{"weight":false}', "/weight", "float_type"),
        (b'{"is_dry":1}', "/is_dry", "bool_type"),
        (b'{"is_dry":"true"}', "/is_dry", "bool_type"),
        (b'{"name":5}', "/name", "string_type"),
        (b'{"name":"SECRET"}', "/name", "string_pattern_mismatch"),
        (b'{"rows":[[1],[1,"secret"]]}', "/rows/1/1", "float_type"),
        (b'{"rows":{"0":1}}', "/rows", "list_type"),
        (b'{"source":{}}', "/source", "union_tag_not_found"),
        (b'{"source":{"kind":"secret"}}', "/source", "union_tag_invalid"),
        (b'{"source":{"kind":"other"}}', "/source/column", "missing"),
        (b'{"source":{"kind":"other","column":"secret"}}', "/source/column", "string_too_long"),
        (b'{"source":{"kind":"inner","size":0}}', "/source/size", "greater_than_equal"),
        (b'{"source":{"kind":"inner","n":0}}', "/source", "extra_forbidden"),
        (b'{"source":5}', "/source", "model_attributes_type"),
        (b'{"groups":{"secret/column":5}}', "/groups", "list_type"),
        (b'{"groups":{"secret":["a",5]}}', "/groups", "string_type"),
        (b'{"either":{"kind":"inner","size":"secret"}}', "/either/size", "int_type"),
        (b'{"either":"secret"}', "/either", "model_type"),
    ],
)  # fmt: skip
def test_a_document_of_another_shape_is_told_with_a_pointer_and_nothing_of_it(post, text, pointer, code):
    answer = post(text)

    assert code_of(answer) == (422, "schema-invalid")
    first = answer.document["errors"][0]
    assert (first["pointer"], first["code"]) == (pointer, code)
    assert first["detail"]
    assert b"secret" not in answer.body.lower()


def test_at_most_twenty_places_are_listed_and_all_are_counted(post):
    answer = post(json.dumps({"numbers": ["x"] * 30}).encode())

    assert len(answer.document["errors"]) == 20
    assert answer.document["errors"][19]["pointer"] == "/numbers/19"
    assert answer.document["errors_total"] == 30


def test_places_beyond_all_counting_are_not_listed(post):
    answer = post(json.dumps({f"field {number}": 0 for number in range(20_000)}).encode())

    assert code_of(answer) == (422, "schema-invalid")
    assert [error["pointer"] for error in answer.document["errors"]] == [""]
    assert answer.document["errors_total"] == 20_000


class Unbounded(BaseModel):
    inner: dict[str, list[list[float]] | None]


def test_a_model_that_would_keep_a_finding_for_each_of_a_million_cells_is_not_used():
    with pytest.raises(TypeError, match="Unbounded"):
        parse_json_body(b"{}", "application/json", model=Unbounded)


def test_a_refusal_neither_logs_nor_answers_what_was_sent(post, caplog):
    with caplog.at_level(logging.DEBUG):
        answers = [
            post(b'{"canary":1}'),
            post(b'{"n":"canary"}'),
            post(b'{"n":canary}'),
            post(b'{"canary":1,"canary":2}'),
            post(b'{"a":"canary\\ud800"}'),
            post(b"canary"),
        ]

    logged = json.dumps([{**vars(record), "exc_info": None} for record in caplog.records], default=str)
    assert all(400 <= answer.status < 500 for answer in answers)
    assert "canary" not in "".join(answer.body.decode() for answer in answers) + logged + caplog.text


MEGA = 4_000_000


@pytest.mark.parametrize(
    "text",
    [
        b"[" * MEGA,
        b'"' * MEGA,
        b'["' + b"\\" * MEGA,
        b"1" * MEGA,
        b"[1." + b"1" * MEGA + b"]",
        b"-" * MEGA,
        b" " * MEGA,
        b'["' + b"\\ud800" * (MEGA // 6) + b'"]',
        b'{"a":' * (MEGA // 5),
        b'["\\ud83d' + b"a" * MEGA + b'"]',
    ],
    ids=[
        "arrays",
        "quotes",
        "backslashes",
        "digits",
        "decimals",
        "signs",
        "spaces",
        "surrogates",
        "objects",
        "text",
    ],
)
def test_four_million_bytes_of_anything_are_refused_at_once(text):
    from whybox.errors import RequestError

    started = time.process_time()
    with pytest.raises(RequestError):
        parse_json_body(text, "application/json", model=Job)

    assert time.process_time() - started < 2


def test_a_second_reading_from_the_grammar_alone_agrees_on_mutated_texts():
    found = prove(5_000, seed=7)

    assert not found.violations
    assert 1_000 < found.n_accepted < 4_000
