import pytest

from whybox.local.routes import RouteTable
from whybox.local.templates import Route

GUIDE = ("GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default")
"""The routes of the developer guide's own example of precedence."""


def table(*keys: str) -> RouteTable:
    routes = []
    for key in keys:
        method, _, path = key.partition(" ")
        routes.append(Route(method if path else "ANY", path or key, "F", None))
    return RouteTable(routes)


def chosen(routes: RouteTable, request: str) -> str | None:
    method, path = request.split(" ")
    match = routes.find(method, path) or routes.default()
    return match.route.key if match else None


@pytest.mark.parametrize("order", [GUIDE, tuple(reversed(GUIDE))])
@pytest.mark.parametrize(
    ("request_line", "key"),
    [
        ("GET /pets/dog/1", "GET /pets/dog/1"),
        ("GET /pets/dog/2", "GET /pets/dog/{id}"),
        ("GET /pets/cat/1", "GET /pets/{proxy+}"),
        ("POST /test/5", "ANY /{proxy+}"),
        ("GET /", "$default"),
    ],
)
def test_routes_are_chosen_in_the_order_of_the_developer_guide(
    order: tuple[str, ...], request_line: str, key: str
) -> None:
    assert chosen(table(*order), request_line) == key


def test_a_named_method_goes_before_any() -> None:
    routes = table("ANY /a", "GET /a")

    assert (chosen(routes, "GET /a"), chosen(routes, "PUT /a")) == ("GET /a", "ANY /a")


def test_a_full_match_goes_before_a_greedy_one_even_with_any_method() -> None:
    assert chosen(table("GET /a/{proxy+}", "ANY /a/{id}"), "GET /a/1") == "ANY /a/{id}"


def test_a_longer_literal_start_wins_between_greedy_routes() -> None:
    assert chosen(table("GET /{proxy+}", "GET /a/{proxy+}"), "GET /a/b/c") == "GET /a/{proxy+}"


@pytest.mark.parametrize("path", ["/a", "/a/", "/a/1/", "/a//", "//1", "/A/1", "/a/1/2"])
def test_a_variable_stands_for_exactly_one_segment_that_is_not_empty(path: str) -> None:
    assert chosen(table("GET /a/{id}"), f"GET {path}") is None


@pytest.mark.parametrize(
    ("path", "parameters"),
    [("/a/1/b", {"id": "1", "rest": "b"}), ("/a/x%2Fy/b/c%20d", {"id": "x/y", "rest": "b/c d"})],
)
def test_path_variables_are_decoded_and_an_encoded_slash_does_not_split(
    path: str, parameters: dict[str, str]
) -> None:
    match = table("GET /a/{id}/{rest+}").find("GET", path)

    assert match is not None
    assert match.path_parameters == parameters


def test_a_literal_segment_matches_however_it_is_encoded() -> None:
    assert chosen(table("GET /abc"), "GET /%61bc") == "GET /abc"


def test_the_methods_of_a_path_are_known_for_the_answer_405() -> None:
    routes = table("GET /a/{id}", "POST /a/{id}", "GET /b")

    assert routes.methods("/a/1") == ("GET", "HEAD", "POST")
    assert routes.methods("/c") == ()
