"""JSON answers: every digit, no NaN, and never more than a function may answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whybox.errors import ResultNotFiniteError, ResultTooLargeError
from whybox.http.answers import MAX_BODY_BYTES, refuse_large, render_json

LAMBDA_ANSWER_LIMIT = 6_291_556


def grow(parts: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4)


def test_a_float_keeps_all_its_digits():
    assert json.loads(render_json({"value": 0.1 + 0.2})) == {"value": 0.1 + 0.2}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), grow))
def test_what_is_written_reads_as_it_was_or_is_refused(document):
    try:
        expected = json.loads(json.dumps(document, allow_nan=False))
    except ValueError:
        with pytest.raises(ResultNotFiniteError):
            render_json(document)
    else:
        assert json.loads(render_json(document)) == expected


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("place", [lambda n: n, lambda n: [n], lambda n: [n, 1], lambda n: {"a": n}])
def test_a_number_that_is_not_finite_never_leaves(number, place):
    with pytest.raises(ResultNotFiniteError):
        render_json(place(number))


@pytest.mark.parametrize("text", ["NaN,", "Infinity", "a: NaN]", "\ud800"])
def test_a_text_that_looks_like_no_number_is_a_text(text):
    assert json.loads(render_json([text])) == [text.encode("utf-8", "replace").decode()]


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
