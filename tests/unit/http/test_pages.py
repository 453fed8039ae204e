"""The pages of the service show what its documents say and run nothing."""

from __future__ import annotations

import ast
import re
import shlex

import pytest

from whybox.http.pages import docs_page, index_page, problem_page, problems_page
from whybox.http.problem_catalogue import CATALOGUE, Problem
from whybox.http.schema_words import describe
from whybox.http.snippets import Call, fill_path, write_snippets

OPENAPI = {
    "openapi": "3.1.0",
    "info": {"title": "whybox", "version": "9.9", "description": "First.\n\nSecond with `code`."},
    "components": {
        "parameters": {"Seed": {"name": "seed", "in": "query", "schema": {"type": "integer", "default": 42}}},
        "schemas": {
            "Job": {
                "type": "object",
                "required": ["target"],
                "properties": {"target": {"type": "string", "description": "The column to predict."}},
                "examples": [{"target": "it's"}],
            }
        },
    },
    "paths": {
        "/mlclassification": {
            "post": {
                "summary": "Classify <b>",
                "description": "Fit a classifier.",
                "security": [{"bearer": []}],
                "parameters": [
                    {
                        "name": "interpretability",
                        "in": "query",
                        "description": "How to explain.",
                        "schema": {"anyOf": [{"enum": ["permutation", "shap"]}, {"type": "null"}]},
                    },
                    {
                        "name": "base_model",
                        "in": "query",
                        "schema": {"type": "string", "default": "RandomForestClassifier"},
                    },
                    {"$ref": "#/components/parameters/Seed"},
                    {"name": "file_name", "in": "query", "required": True, "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "content": {
                        "multipart/form-data": {
                            "schema": {
                                "type": "object",
                                "required": ["file"],
                                "properties": {"file": {"type": "string", "contentMediaType": "text/csv"}},
                            }
                        }
                    }
                },
                "responses": {"200": {"description": "The answer.", "content": {"application/json": {}}}},
            }
        },
        "/v1/jobs/{id}": {
            "delete": {
                "summary": "Stop a job",
                "security": [{"bearer": []}],
                "parameters": [
                    {
                        "name": "id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "examples": ["j/1"]},
                    }
                ],
                "responses": {"204": {"description": "Stopped."}},
            }
        },
        "/v1/explanations": {
            "post": {
                "security": [{"bearer": []}],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}
                },
                "responses": {},
            }
        },
        "/health": {"get": {"summary": "Health", "security": [], "responses": {}}},
    },
}


def commands(page) -> list[str]:
    return [block.text for block in page.all("pre")]


def test_every_page_runs_nothing_and_loads_nothing(assert_self_contained):
    pages = [index_page(version="1"), docs_page(OPENAPI), problems_page(CATALOGUE.values())]

    for page in [*pages, *(problem_page(entry) for entry in CATALOGUE.values())]:
        assert_self_contained(page)


def test_same_document_same_page():
    assert docs_page(OPENAPI) == docs_page(OPENAPI)


def test_the_reference_lists_every_operation_and_its_links_arrive(read_page):
    root = read_page(docs_page(OPENAPI))
    anchors = {section.attributes["aria-labelledby"] for section in root.all("section")}
    targets = {
        link.attributes["href"][1:] for link in root.all("a") if link.attributes["href"].startswith("#")
    }

    assert len(anchors) == 4
    assert targets == anchors
    assert anchors <= {heading.attributes.get("id") for heading in root.all("h2")}


def test_parameters_are_shown_with_kind_default_and_meaning(read_page):
    tables = read_page(docs_page(OPENAPI)).all("table", "params")
    lines = [[cell.text for cell in row.children] for row in tables[0].all("tbody")[0].all("tr")]

    assert lines == [
        ["interpretability", "permutation | shap", "", "How to explain."],
        ["base_model", "text", "RandomForestClassifier", ""],
        ["seed", "whole number", "42", ""],
        ["file_name", "text", "required", ""],
    ]
    assert [cell.text for cell in tables[1].all("tbody")[0].all("tr")[0].children][:3] == [
        "file",
        "file",
        "required",
    ]


def test_text_of_the_document_is_escaped(read_page):
    page = docs_page(OPENAPI)

    assert "Classify &lt;b&gt;" in page
    assert not read_page(page).all("b")


def test_only_operations_without_a_token_say_so(read_page):
    sections = read_page(docs_page(OPENAPI)).all("section")

    assert ["Needs no token" in section.text for section in sections] == [False, False, False, True]


def test_a_curl_command_is_what_the_shell_should_send(read_page):
    curl = commands(read_page(docs_page(OPENAPI, base_url="https://api.example.org")))[1]

    assert shlex.split(curl.replace("\\\n", "")) == [
        "curl",
        "-sS",
        "https://api.example.org/mlclassification?interpretability=shap&base_model=RandomForestClassifier",
        "-H",
        "Authorization: Bearer $TOKEN",
        "-F",
        "file=@table.csv;type=text/csv",
    ]
    assert '"Authorization: Bearer $TOKEN"' in curl, "single quotes would send the name of the variable"


def test_a_python_command_is_python(read_page):
    blocks = [text for text in commands(read_page(docs_page(OPENAPI))) if "import requests" in text]

    assert len(blocks) == 4
    for block in blocks:
        ast.parse(block)


def test_path_parameters_take_their_example_and_are_encoded():
    assert fill_path("/v1/jobs/{id}/rows/{row}", {"id": "j/1"}) == "/v1/jobs/j%2F1/rows/ROW"


def test_a_json_body_survives_the_quotes_of_the_shell():
    call = Call("POST", "http://h/x", {}, needs_token=False, has_file=False, body={"target": "it's"})
    curl = dict(write_snippets(call))["curl"]

    assert shlex.split(curl)[-1] == '{"target": "it\'s"}'


def test_a_method_that_curl_would_not_guess_is_said():
    def curl(method: str, *, has_file: bool = False) -> str:
        call = Call(method, "http://h/x", {}, needs_token=False, has_file=has_file)
        return dict(write_snippets(call))["curl"]

    assert curl("GET") == "curl -sS http://h/x"
    assert curl("DELETE") == "curl -sS -X DELETE http://h/x"
    assert "-X" not in curl("POST", has_file=True)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 0, "maximum": 9}, "whole number, 0 to 9"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100}, "number, between 0 and 100"),
        ({"type": "integer", "minimum": 1}, "whole number, at least 1"),
        ({"type": "string", "maxLength": 4}, "text, up to 4 characters"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "true or false"),
        ({"type": "array", "items": {"type": "number"}}, "list of number"),
        ({"$ref": "#/components/schemas/Job"}, "object"),
        ({"const": 1}, "1"),
        ({}, ""),
    ],
)
def test_a_schema_is_said_in_words(schema, words):
    assert describe(OPENAPI, schema) == words


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_a_problem_page_says_what_happened_and_what_to_do(code, read_page):
    entry = CATALOGUE[code]
    text = read_page(problem_page(entry)).text

    for part in (str(entry.status), entry.title, entry.meaning, entry.remedy, f"/problems/{code}"):
        assert part.replace("`", "") in text


def test_the_catalogue_lists_every_problem_once(read_page):
    links = [
        link.attributes["href"] for link in read_page(problems_page(CATALOGUE.values())).all("a", "mono")
    ]

    assert sorted(links) == sorted(f"/problems/{code}" for code in CATALOGUE)


def test_a_problem_with_markup_in_it_is_shown_as_text(read_page):
    entry = Problem("x", 422, "<i>", "a < b & `c<d>`", "</p><script>")

    root = read_page(problem_page(entry))

    assert root.all("h1")[0].text == "<i>"
    assert "a < b & c<d>" in root.text


def test_the_front_page_shows_where_it_was_asked_for(read_page):
    page = index_page(version="1.2.3", base_url="https://abc.execute-api.example.org")

    assert "'https://abc.execute-api.example.org/mlclassification?" in read_page(page).text
    assert "127.0.0.1" not in page
    assert ".whybox/samples" not in page
    assert "whybox 1.2.3" in read_page(page).text


def test_on_this_machine_the_pages_say_how_to_get_a_token_and_a_table(read_page):
    text = read_page(index_page(version="1")).text

    assert "whybox token --sub me" in text
    assert re.search(r"cp \S+/breast_cancer\.csv table\.csv", text)
