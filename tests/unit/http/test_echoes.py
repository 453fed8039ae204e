"""No answer quotes its request: no parameter, whatever is wrong with it, and no word of a document."""

from __future__ import annotations

from urllib.parse import quote_plus

import pytest

from whybox.errors import JsonError
from whybox.http import compatible
from whybox.http.json_documents import parse_json
from whybox.http.openapi import build_openapi

CANARY = "canary4711"
TABLE = b"a,target,training_index\n" + b"".join(b"%d,%d,%d\n" % (n, n % 2, n % 3 > 0) for n in range(30))
QUERIES = [
    (path, parameter["name"])
    for path, operations in build_openapi()["paths"].items()
    for parameter in operations.get("post", {}).get("parameters", ())
    if parameter["in"] == "query" and hasattr(compatible, path.removeprefix("/"))
]


@pytest.mark.parametrize("value", [CANARY, CANARY * 60, f"1{CANARY}", f"\ufffd{CANARY}\n"])
@pytest.mark.parametrize(("path", "name"), QUERIES)
def test_a_parameter_is_not_quoted(service, form, caplog, path, name, value):
    content_type, body = form(TABLE)
    function = service.function(getattr(compatible, path.removeprefix("/")))
    query = f"{name}={quote_plus(value)}" + ("&interpretability=permutation" if name == "scoring" else "")

    answer = service.call(
        function, "POST", path, query=query, headers=content_type, body=body, token=service.token()
    )

    assert answer.status < 500
    assert CANARY not in answer.body.decode() + str(answer.headers) + caplog.text


@pytest.mark.parametrize(
    "word", ["47114711e4711", "4711471147114711471147114711", "-47114711e-4711", "4711x"]
)
def test_a_refused_word_of_a_json_document_is_not_quoted(word):
    with pytest.raises(JsonError) as caught:
        parse_json(b'{"a":' + word.encode() + b"}")

    said = "".join([caught.value.detail, *(fault.detail for fault in caught.value.faults)])
    assert "4711" not in said


def test_every_endpoint_that_computes_has_parameters_here():
    assert len({path for path, _ in QUERIES}) == 4
