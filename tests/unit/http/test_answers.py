"""JSON answers: every digit, no NaN, and never more than a function may answer."""

from __future__ import annotations

import json

import pytest

from whybox.errors import ResultNotFiniteError, ResultTooLargeError
from whybox.http.answers import MAX_BODY_BYTES, refuse_large, render_json

LAMBDA_ANSWER_LIMIT = 6_291_556


def test_a_float_keeps_all_its_digits():
    assert json.loads(render_json({"value": 0.1 + 0.2})) == {"value": 0.1 + 0.2}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_never_leaves(number):
    with pytest.raises(ResultNotFiniteError):
        render_json([number])


@pytest.mark.parametrize("text", ["x", '"', "\\", "é"])
def test_the_largest_body_that_passes_fits_into_a_functions_answer(text):
    size = len(json.dumps(text, ensure_ascii=False)[1:-1].encode())
    body = (text * (MAX_BODY_BYTES // size)).encode()

    refuse_large(body)

    answer = {"statusCode": 200, "headers": {"x": "y" * 4000}, "body": body.decode()}
    assert len(json.dumps(answer, ensure_ascii=False).encode()) <= LAMBDA_ANSWER_LIMIT


def test_one_byte_more_is_refused_with_both_figures():
    with pytest.raises(ResultTooLargeError) as caught:
        refuse_large(b"x" * (MAX_BODY_BYTES + 1))

    assert (caught.value.limit, caught.value.actual) == (MAX_BODY_BYTES, MAX_BODY_BYTES + 1)
