"""The pages of the service itself: the front page, the API reference and the catalogue of problems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from whybox.domain.pages.web_pages import escape, render_page
from whybox.http.answers import JSON
from whybox.http.problem_catalogue import Problem
from whybox.http.schema_words import choices, describe, plain_value, resolve
from whybox.http.snippets import MULTIPART, Call, fill_path, write_snippets

__all__ = ["docs_page", "index_page", "problem_page", "problems_page"]

LOCAL_URL: Final = "http://127.0.0.1:8000"
"""Where ``make serve`` listens: what the examples call when nobody says where the service is."""

_LINKS = (("/", "Start"), ("/docs", "Reference"), ("/problems", "Problems"), ("/openapi.json", "OpenAPI"))
# What says which model is asked for stands in every command, even at its default.
_TELLING_PARAMETERS = ("base_model", "model_type", "n_hidden_features")
_METHODS = ("get", "post", "put", "patch", "delete")
_PHRASES = {4: "the caller can fix it", 5: "the service failed; nothing was charged"}

OpenApi = Mapping[str, Any]


def index_page(*, version: str, base_url: str = LOCAL_URL) -> str:
    """Return the front page: what the service does, and the shortest way to a first answer."""
    call = Call(
        "POST",
        f"{base_url}/mlclassification",
        {"base_model": "RandomForestClassifier", "n_hidden_features": "5", "interpretability": "shap"},
        needs_token=True,
        has_file=True,
    )
    doors = (
        ("/docs", "Reference", "Every endpoint, its parameters with their defaults, and commands to copy."),
        ("/problems", "Problems", "Each error the service answers: what it means and what to do about it."),
        ("/openapi.json", "OpenAPI", "The same reference for machines: OpenAPI 3.1."),
    )
    listed = "".join(
        f'<li><a href="{address}"><strong>{title}</strong></a><p>{text}</p></li>'
        for address, title, text in doors
    )
    body = (
        "<h1>Why did the model say that?</h1>"
        '<p class="lead">Send a table. whybox fits a model, predicts the test rows and returns how much each '
        "column matters: permutation importance or SHAP values, with their unit, their base value, their "
        "error and the proof that they add up.</p>"
        f'<h2 id="first">A first answer</h2>{_before_you_start(base_url)}{_snippet_blocks(call)}'
        f'<ul class="doors">{listed}</ul>'
        f'<p class="note">whybox {escape(version)}</p>'
    )
    return render_page("whybox: why did the model say that?", body, links=_LINKS[1:])


def docs_page(openapi: OpenApi, *, base_url: str | None = None) -> str:
    """Return the API reference of an OpenAPI 3.1 document, readable without any script."""
    servers = openapi.get("servers") or ()
    stated = str(servers[0].get("url", "")) if servers else ""
    root = (base_url or stated).rstrip("/") or LOCAL_URL
    info = openapi.get("info", {})
    operations = list(_operations(openapi))
    index = "".join(
        f'<li><a href="#{_anchor(method, path)}"><span class="verb">{method.upper()}</span>'
        f'<span class="mono">{escape(path)}</span></a></li>'
        for method, path, _ in operations
    )
    sections = "".join(_operation(openapi, root, *operation) for operation in operations)
    body = (
        f'<h1>API reference</h1><div class="lead">{_prose(info.get("description", ""))}</div>'
        f'<h2 id="start">Before you start</h2>{_before_you_start(root)}'
        "<p>Every error is <code>application/problem+json</code>; its <code>type</code> leads to a page of "
        '<a href="/problems">the catalogue</a>, which says what to do.</p>'
        f'<h2 id="endpoints">Endpoints</h2><ul class="index">{index}</ul>{sections}'
        f'<p class="note">Version {escape(info.get("version", ""))}, made from '
        '<a href="/openapi.json">openapi.json</a>.</p>'
    )
    return render_page("API reference · whybox", body, links=_LINKS)


def problem_page(entry: Problem) -> str:
    """Return what one problem of the catalogue means and what to do about it."""
    body = (
        f'<p class="status">{entry.status}</p><h1>{escape(entry.title)}</h1>'
        f'<p class="lead">{_inline(entry.meaning)}</p>'
        f'<h2 id="remedy">What to do</h2><p>{_inline(entry.remedy)}</p>'
        f'<dl class="pairs"><dt>type</dt><dd class="mono">/problems/{escape(entry.code)}</dd>'
        f"<dt>status</dt><dd>{entry.status}: {_PHRASES[entry.status // 100]}</dd></dl>"
        '<p><a href="/problems">All problems</a></p>'
    )
    return render_page(f"{entry.title} · whybox", body, links=_LINKS)


def problems_page(entries: Iterable[Problem]) -> str:
    """Return the whole catalogue, by whose move it is to fix them and by status."""
    ordered = sorted(entries, key=lambda entry: (entry.status, entry.code))
    parts = [
        "<h1>Problems</h1>",
        '<p class="lead">Every error this service answers, and what each means.</p>',
    ]
    for kind, phrase in _PHRASES.items():
        of_kind = [entry for entry in ordered if entry.status // 100 == kind and entry.awaits is None]
        parts.append(f'<h2 id="status-{kind}">{kind}xx: {phrase}</h2>{_problem_table(of_kind)}')
    upcoming = [entry for entry in ordered if entry.awaits is not None]
    if upcoming:
        parts.append(
            '<h2 id="upcoming">Not yet reachable</h2><p>No endpoint answers these so far.</p>'
            f"{_problem_table(upcoming)}"
        )
    return render_page("Problems · whybox", "".join(parts), links=_LINKS)


def _problem_table(entries: Iterable[Problem]) -> str:
    lines = "".join(
        f'<tr><td class="num">{entry.status}</td><th scope="row"><a class="mono" '
        f'href="/problems/{escape(entry.code)}">{escape(entry.code)}</a></th>'
        f"<td>{escape(entry.title)}</td></tr>"
        for entry in entries
    )
    return (
        '<table class="codes"><thead><tr><th scope="col" class="num">status</th><th scope="col">type</th>'
        f'<th scope="col">meaning</th></tr></thead><tbody>{lines}</tbody></table>'
    )


def _before_you_start(base_url: str) -> str:
    """Return what the commands of a page need: an access token, and a table."""
    is_local = urlsplit(base_url).hostname in ("127.0.0.1", "localhost")
    steps = [
        "export TOKEN=$(.venv/bin/whybox token --sub me)" if is_local else "export TOKEN=your-access-token",
        *(["cp .whybox/samples/breast_cancer.csv table.csv"] if is_local else []),
    ]
    return (
        "<p>The commands read your access token from <code>TOKEN</code> and send <code>table.csv</code>: a "
        "CSV whose column <code>target</code> is to be predicted. Where a column <code>training_index</code> "
        "is 1, the model learns from the row; the other rows are predicted and explained.</p>"
        f'<pre tabindex="0"><code>{escape(chr(10).join(steps))}</code></pre>'
    )


def _operations(openapi: OpenApi) -> Iterator[tuple[str, str, OpenApi]]:
    for path, item in openapi.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                yield method, path, item[method]


def _operation(openapi: OpenApi, root: str, method: str, path: str, operation: OpenApi) -> str:
    parameters = [resolve(openapi, parameter) for parameter in operation.get("parameters", ())]
    content = resolve(openapi, operation.get("requestBody", {})).get("content", {})
    security = operation.get("security", openapi.get("security", ()))
    summary = escape(operation.get("summary") or "")
    anchor = _anchor(method, path)
    call = Call(
        method.upper(),
        root + fill_path(path, _examples(openapi, parameters, place="path")),
        _examples(openapi, parameters, place="query"),
        needs_token=bool(security),
        has_file=MULTIPART in content,
        body=_json_example(openapi, content),
    )
    return (
        f'<section aria-labelledby="{anchor}"><h2 id="{anchor}"><span class="verb">{method.upper()}</span>'
        f'<span class="route">{escape(path)}</span></h2>'
        f"<p><strong>{summary}</strong>{'' if security else ' Needs no token.'}</p>"
        f"{_prose(operation.get('description', ''))}{_parameter_table(openapi, parameters)}"
        f"{_body_table(openapi, content)}{_answer_table(openapi, operation)}{_snippet_blocks(call)}</section>"
    )


def _examples(openapi: OpenApi, parameters: Iterable[OpenApi], *, place: str) -> dict[str, str]:
    """Return what a command shows: parameters with an example, the model, and choices without a default."""
    shown: dict[str, str] = {}
    for parameter in parameters:
        if parameter.get("in") != place:
            continue
        schema = resolve(openapi, parameter.get("schema", {}))
        given = [parameter.get("example"), *(schema.get("examples") or ())]
        if parameter["name"] in _TELLING_PARAMETERS:
            given.append(schema.get("default"))
        known = [value for value in given if value is not None]
        if not known and schema.get("default") is None and place == "query":
            known = choices(openapi, schema)[-1:]
        if known:
            shown[parameter["name"]] = plain_value(known[0])
    return shown


def _json_example(openapi: OpenApi, content: OpenApi) -> Any:
    if JSON not in content:
        return None
    media = content[JSON]
    schema = resolve(openapi, media.get("schema", {}))
    return media.get("example") or next(iter(schema.get("examples") or ()), {})


def _parameter_table(openapi: OpenApi, parameters: Iterable[OpenApi]) -> str:
    lines = []
    for parameter in parameters:
        schema = resolve(openapi, parameter.get("schema", {}))
        default = "" if schema.get("default") is None else plain_value(schema["default"])
        meaning = parameter.get("description") or schema.get("description") or ""
        need = "required" if parameter.get("required") else default
        place = "" if parameter.get("in") == "query" else f"{parameter.get('in')}: "
        lines.append(_line(parameter["name"], place + describe(openapi, schema), need, meaning))
    return _field_table("Parameters", lines)


def _body_table(openapi: OpenApi, content: OpenApi) -> str:
    parts = []
    for media_type, media in content.items():
        schema = resolve(openapi, media.get("schema", {}))
        has_parts = media_type == JSON  # of a form, a part that is JSON is described where it is the body
        lines = list(_field_lines(openapi, schema, has_parts=has_parts))
        parts.append(_field_table(f"Body, {escape(media_type)}", lines))
    return "".join(parts)


def _field_lines(
    openapi: OpenApi, schema: OpenApi, prefix: str = "", *, has_parts: bool, is_choice: bool = False
) -> Iterator[str]:
    """Yield a line for each field of an object, and after it those of the objects it may be.

    ``is_choice``: the object is one of several, so that none of its fields is required by itself.
    """
    required = () if is_choice else schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        found = resolve(openapi, field)
        default = found.get("default", field.get("default"))
        is_shown = default is not None and not isinstance(default, dict | list)
        need = "required" if name in required else plain_value(default) if is_shown else ""
        meaning = field.get("description") or found.get("description") or ""
        yield _line(prefix + name, describe(openapi, field), need, meaning)
        several = [resolve(openapi, part) for key in ("anyOf", "oneOf") for part in found.get(key, ())]
        objects = [part for part in (found, *several) if "properties" in part] if has_parts else []
        for part in objects:
            is_one_of_many = len(objects) > 1
            yield from _field_lines(
                openapi, part, f"{prefix}{name}.", has_parts=True, is_choice=is_one_of_many
            )


def _line(name: str, kind: str, default: str, description: str) -> str:
    if default == "required":
        need = "<td>required</td>"
    else:
        need = f'<td class="default">{f"<code>{escape(default)}</code>" if default else ""}</td>'
    return (
        f'<tr><th scope="row"><code>{escape(name)}</code></th><td>{escape(kind)}</td>{need}'
        f"<td>{_inline(description)}</td></tr>"
    )


def _field_table(title: str, lines: list[str]) -> str:
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("name", "kind", "default", "meaning"))
    return (
        f'<h3>{title}</h3><div class="scroll"><table class="params"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
    )


def _answer_table(openapi: OpenApi, operation: OpenApi) -> str:
    lines = []
    for status, given in operation.get("responses", {}).items():
        answer = resolve(openapi, given)
        kinds = ", ".join(f"<code>{escape(kind)}</code>" for kind in answer.get("content", {}))
        lines.append(
            f'<tr><th scope="row">{escape(status)}</th><td>{_inline(answer.get("description", ""))}</td>'
            f"<td>{kinds}</td></tr>"
        )
    if not lines:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in ("status", "answer", "content type"))
    return (
        f'<h3>Answers</h3><table class="codes"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _snippet_blocks(call: Call) -> str:
    blocks = [
        f"<details{' open' if place == 0 else ''}><summary>{language}</summary>"
        f'<pre tabindex="0"><code>{escape(command)}</code></pre></details>'
        for place, (language, command) in enumerate(write_snippets(call))
    ]
    return "".join(blocks)


def _anchor(method: str, path: str) -> str:
    return f"{method}-{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-') or 'root'}"


def _prose(text: str) -> str:
    """Return paragraphs of a description; of its markup only `code` is read."""
    return "".join(f"<p>{_inline(part)}</p>" for part in re.split(r"\n\s*\n", text.strip()) if part)


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
