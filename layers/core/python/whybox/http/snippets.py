"""Commands that call an operation of the API, as a person copies them: curl, R and Python."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

TABLE_FILE: Final = "table.csv"
MULTIPART: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Call:
    """One request: what all three languages have to say.

    ``query`` holds the parameters of the example; ``body`` is a JSON document; ``has_file`` sends a table.
    """

    method: str
    url: str
    query: Mapping[str, str]
    needs_token: bool
    has_file: bool
    body: Any = None


def write_snippets(call: Call) -> Iterator[tuple[str, str]]:
    """Yield (language, command): each runs as printed where TOKEN is set and the table is there."""
    yield "curl", _curl(call)
    yield "Python", _python(call)
    yield "R", _r(call)


def fill_path(path: str, values: Mapping[str, str]) -> str:
    """Put example values into a path template; a parameter without one stays as its name in capitals."""
    for name in _path_names(path):
        path = path.replace(f"{{{name}}}", quote(values.get(name) or name.upper(), safe=""))
    return path


def _path_names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{") and part.endswith("}")]


def _curl(call: Call) -> str:
    address = f"{call.url}?{urlencode(call.query)}" if call.query else call.url
    # curl says GET by itself, and POST once there is a body; saying it again would break redirects.
    implied = "POST" if call.has_file or call.body is not None else "GET"
    method = "" if call.method == implied else f"-X {call.method} "
    parts = [f"curl -sS {method}{shlex.quote(address)}"]
    if call.needs_token:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if call.has_file:
        parts.append(f"-F {shlex.quote(f'file=@{TABLE_FILE};type=text/csv')}")
    elif call.body is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d {shlex.quote(json.dumps(call.body))}")
    return " \\\n  ".join(parts)


def _python(call: Call) -> str:
    arguments = [json.dumps(call.url)]
    if call.query:
        arguments.append(f"params={json.dumps(call.query)}")
    if call.needs_token:
        arguments.append('headers={"Authorization": "Bearer " + os.environ["TOKEN"]}')
    if call.has_file:
        arguments.append(f'files={{"file": ("{TABLE_FILE}", table, "text/csv")}}')
    elif call.body is not None:
        arguments.append(f"json={call.body!r}")
    lines = ["import os", ""] if call.needs_token else []
    request = [f"answer = requests.{call.method.lower()}(", *(f"    {text}," for text in arguments), ")"]
    if call.has_file:
        request = [f'with open("{TABLE_FILE}", "rb") as table:', *(f"    {line}" for line in request)]
    return "\n".join(
        [*lines, "import requests", "", *request, "answer.raise_for_status()", "print(answer.text)"]
    )


def _r(call: Call) -> str:
    arguments = [json.dumps(call.url)]
    if call.query:
        pairs = ", ".join(f"{name} = {json.dumps(value)}" for name, value in call.query.items())
        arguments.append(f"query = list({pairs})")
    if call.needs_token:
        arguments.append('add_headers(Authorization = paste("Bearer", Sys.getenv("TOKEN")))')
    if call.has_file:
        arguments.append(f'body = list(file = upload_file("{TABLE_FILE}", type = "text/csv"))')
    elif call.body is not None:
        arguments.append(f"body = {json.dumps(json.dumps(call.body))}")
        arguments.append("content_type_json()")
    inside = ",\n".join(f"  {argument}" for argument in arguments)
    return (
        f"library(httr)\n\nanswer <- {call.method}(\n{inside}\n)\n"
        'stop_for_status(answer)\ncat(content(answer, as = "text", encoding = "UTF-8"))'
    )
