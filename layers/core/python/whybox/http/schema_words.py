"""An OpenAPI schema in words: what a value may be, in the space of a table cell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_TYPES = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "string": "text",
    "object": "object",
    "null": "nothing",
}


def resolve(openapi: Schema, schema: Schema) -> Schema:
    """Return what a ``$ref`` within the document points to; any other schema as it is."""
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return schema
    found: Any = openapi
    for part in reference[2:].split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return resolve(openapi, found)


def describe(openapi: Schema, schema: Schema) -> str:
    """Return the kind of a value: its choices, or its type with its bounds."""
    schema = resolve(openapi, schema)
    options = [resolve(openapi, option) for option in schema.get("anyOf", schema.get("oneOf", ()))]
    if options:
        kinds = (describe(openapi, option) for option in options if option.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if "const" in schema:
        return plain_value(schema["const"])
    if "enum" in schema:
        return " | ".join(plain_value(choice) for choice in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {describe(openapi, schema.get('items', {})) or 'values'}"
    is_file = schema.get("format") == "binary" or "contentMediaType" in schema
    kind = "file" if is_file else _TYPES.get(str(schema.get("type")), "")
    return ", ".join(filter(None, (kind, _bounds(schema))))


def choices(openapi: Schema, schema: Schema) -> list[Any]:
    """Return the values a schema allows, empty where it allows any."""
    schema = resolve(openapi, schema)
    options = [choice for option in schema.get("anyOf", ()) for choice in choices(openapi, option)]
    return options or list(schema.get("enum", ()))


def plain_value(value: Any) -> str:
    """Return a default or a choice as it is written in a query."""
    is_plain = isinstance(value, str) and value.isprintable()
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{plain_value(low)} to {plain_value(high)}"
    if low is not None:
        return f"at least {plain_value(low)}"
    if high is not None:
        return f"at most {plain_value(high)}"
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is not None and below is not None:
        return f"between {plain_value(above)} and {plain_value(below)}"
    longest = schema.get("maxLength")
    return "" if longest is None else f"up to {longest} characters"
