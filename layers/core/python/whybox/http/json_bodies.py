"""JSON bodies: the one content type, one strict reader, and a model they must fit without any conversion.

request ─▶ content type ─▶ size ─▶ json_documents ─▶ model, strictly ─▶ what the endpoint works with
                │            │           │                │
               415          413         400           422 schema-invalid: errors[] of pointer, code, detail
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, ValuesView
from functools import cache
from typing import Any, Final, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from whybox.errors import (
    BodyMissingError,
    BodyTooLargeError,
    ContentTypeUnsupportedError,
    Fault,
    SchemaInvalidError,
)
from whybox.http.answers import JSON
from whybox.http.forms import MAX_BODY_BYTES
from whybox.http.json_documents import parse_json

MAX_FAULTS: Final = 20
MAX_COUNTED_FAULTS: Final = 10_000
"""Beyond it the findings are counted and not read: each would cost memory for nobody."""

Model = TypeVar("Model", bound=BaseModel)

# type/subtype, then parameters, of which charset=utf-8 is the only one (RFC 9110, 8.3.1).
_CONTENT_TYPE: Final = re.compile(
    r'[ \t]*application/json[ \t]*(?:;[ \t]*(?:charset=(?:utf-8|"utf-8"))?[ \t]*)?', re.IGNORECASE
)

ARRAY_TYPES: Final = frozenset({"list", "set", "frozenset"})

# A kind of finding, and the position from the end at which its place names a field the document has not, or
# one that the model has not.
MISSING_FIELD: Final = ("missing", 0)
UNKNOWN_FIELD: Final = ("extra_forbidden", 0)

# What pydantic found, in our words: its own repeat the input now and then. Of the facts beside a finding only
# those are used that come from the model.
_DETAILS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "extra_forbidden": "has a field that is not known",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "must name one of {expected_tags}",
    "union_tag_not_found": "must name its kind",
    "source_kind": "must have upload_id, or records, or columns and data",
    "split_kind": "must have column, or test_size",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be finite",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be an array",
    "tuple_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "none_required": "must be null",
}


class SchemaRuleError(ValueError):
    """What a model's own validator raises: its words are repeated, so they must be ours alone."""


async def read_json(request: Request, model: type[Model], *, limit: int = MAX_BODY_BYTES) -> Model:
    """Return the body of a request as a model; see ``parse_json_body`` for what is refused."""
    body = await request.body()
    return parse_json_body(body, request.headers.get("content-type"), model=model, limit=limit)


def parse_json_body(
    body: bytes, content_type: str | None, *, model: type[Model], limit: int = MAX_BODY_BYTES
) -> Model:
    """Return a JSON body as a model: no type is converted, and no field may be there that the model lacks.

    Every array of a model has a ``max_length`` or fails fast (``Annotated[list[T], FailFast()]``): a finding
    is kept for each item that does not fit, and a body has room for a million. Another model is a TypeError.

    Raises
    ------
    BodyMissingError, BodyTooLargeError
        There are no bytes, or too many.
    ContentTypeUnsupportedError
        The body is not said to be ``application/json`` in UTF-8.
    JsonError
        The body is not JSON that can be read in one way only.
    SchemaInvalidError
        The JSON is not what the model describes.

    """
    _refuse_unbounded(model)
    if not body:
        raise BodyMissingError("send a JSON document")
    if content_type is None or not _CONTENT_TYPE.fullmatch(content_type):
        raise ContentTypeUnsupportedError(expected=f"{JSON} in UTF-8")
    if len(body) > limit:
        raise BodyTooLargeError(limit=limit, actual=len(body))
    document = parse_json(body)
    try:
        return model.model_validate(document, strict=True, extra="forbid")
    except ValidationError as error:
        refusal = _refusal(error, document, model)
    # Raised outside of the handler: the finding holds the whole document, and an error keeps its context.
    raise refusal


def _refusal(error: ValidationError, document: Any, model: type[BaseModel]) -> SchemaInvalidError:
    n_faults = error.error_count()
    if n_faults > MAX_COUNTED_FAULTS:
        fault = Fault(f"does not fit in {n_faults} places, too many to list", "too_many_faults", pointer="")
        return SchemaInvalidError([fault], n_faults=n_faults)
    known = _known_names(model)
    found = error.errors(include_url=False, include_input=False)
    return SchemaInvalidError([_fault(one, document, known) for one in found[:MAX_FAULTS]], n_faults=n_faults)


def _fault(found: Mapping[str, Any], document: Any, known: frozenset[str]) -> Fault:
    kind, context = str(found["type"]), found.get("ctx", {})
    pointer = _pointer(found["loc"], kind, document, known)
    own = context.get("error")
    if isinstance(own, SchemaRuleError):
        return Fault(str(own), "invalid", pointer=pointer)
    return Fault(_DETAILS.get(kind, "cannot be used").format_map(context), kind, pointer=pointer)


def _pointer(place: Sequence[int | str], kind: str, document: Any, known: frozenset[str]) -> str:
    """Return the JSON pointer (RFC 6901) to a finding, as far as it is positions and the model's names.

    A name that the caller made up ends it: it is the caller's text, and no answer repeats that. Steps that
    are not in the document are pydantic's words for the members of a union, or the name of a missing field.
    """
    steps: list[str] = []
    for n_left, step in zip(range(len(place) - 1, -1, -1), place, strict=True):
        is_there = _has(document, step)
        if isinstance(step, str) and is_there and (step not in known or (kind, n_left) == UNKNOWN_FIELD):
            break
        if is_there or (kind, n_left) == MISSING_FIELD:
            steps.append(str(step).replace("~", "~0").replace("/", "~1"))
            document = document[step] if is_there else None
    return "".join(f"/{step}" for step in steps)


def _has(document: Any, step: int | str) -> bool:
    if isinstance(step, str):
        return isinstance(document, dict) and step in document
    return isinstance(document, list) and step < len(document)


@cache
def _refuse_unbounded(model: type[BaseModel]) -> None:
    """Raise TypeError for a model that would keep a finding for each of very many items."""
    for schema in _parts(model.__pydantic_core_schema__):
        is_array = schema.get("type") in ARRAY_TYPES or "variadic_item_index" in schema
        max_length = schema.get("max_length") or MAX_COUNTED_FAULTS + 1
        if is_array and not schema.get("fail_fast") and max_length > MAX_COUNTED_FAULTS:
            raise TypeError(f"an array of {model.__name__} neither fails fast nor has a max_length")


@cache
def _known_names(model: type[BaseModel]) -> frozenset[str]:
    """Return the names of all fields of a model and of the models in it."""
    names: set[str] = set()
    for schema in _parts(model.model_json_schema()):
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            names.update(properties)
    return frozenset(names)


def _parts(schema: object) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping in a schema, itself first."""
    if isinstance(schema, Mapping):
        yield schema
    members = schema.values() if isinstance(schema, Mapping) else schema
    if isinstance(members, ValuesView | list | tuple):
        for member in members:
            yield from _parts(member)
