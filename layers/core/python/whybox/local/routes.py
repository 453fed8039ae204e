"""Which route of the template answers a request, chosen as an HTTP API chooses it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from whybox.local.templates import Route

_DEFAULT = "$default"


@dataclass(frozen=True, slots=True)
class RouteMatch:
    """A route and what its path variables stand for, decoded."""

    route: Route
    path_parameters: Mapping[str, str]


class RouteTable:
    """The routes, most specific path first; ``$default`` answers what no other route does.

    A full match goes before one through a greedy variable, a literal segment before a variable, and a named
    method before ANY (developer guide, "Create routes for HTTP APIs in API Gateway").
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        everything = list(routes)
        self._default = next((route for route in everything if route.path == _DEFAULT), None)
        named = [route for route in everything if route.path != _DEFAULT]
        self._routes = [(route, _segments(route.path)) for route in sorted(named, key=_specificity)]

    def find(self, method: str, raw_path: str) -> RouteMatch | None:
        """Return the route for a method and a percent-encoded path, without regard to ``$default``."""
        for route, parameters in self._on_path(raw_path):
            if route.method in (method, "ANY"):
                return RouteMatch(route, parameters)
        return None

    def default(self) -> RouteMatch | None:
        """Return the catch-all route, if the template has one."""
        return None if self._default is None else RouteMatch(self._default, {})

    def methods(self, raw_path: str) -> tuple[str, ...]:
        """Return the methods that some route answers on this path, sorted; GET brings HEAD with it."""
        found = {route.method for route, _ in self._on_path(raw_path)}
        if "GET" in found:
            found.add("HEAD")
        return tuple(sorted(found))

    def _on_path(self, raw_path: str) -> Iterable[tuple[Route, Mapping[str, str]]]:
        # Split before decoding: an encoded slash belongs to its segment.
        actual = [unquote(segment) for segment in _segments(raw_path)]
        for route, pattern in self._routes:
            parameters = _match(pattern, actual)
            if parameters is not None:
                yield route, parameters


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/")


def _specificity(route: Route) -> tuple[bool, list[int], bool]:
    kinds = [2 if _is_greedy(segment) else int(_is_variable(segment)) for segment in _segments(route.path)]
    return 2 in kinds, kinds, route.method == "ANY"


def _is_variable(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("}")


def _is_greedy(segment: str) -> bool:
    return _is_variable(segment) and segment.endswith("+}")


def _match(pattern: list[str], actual: list[str]) -> dict[str, str] | None:
    """Return the path variables, or None; a variable stands for at least one character."""
    parameters: dict[str, str] = {}
    for position, segment in enumerate(pattern):
        if _is_greedy(segment):
            rest = "/".join(actual[position:])
            return {**parameters, segment[1:-2]: rest} if rest else None
        if position >= len(actual):
            return None
        if _is_variable(segment) and actual[position]:
            parameters[segment[1:-1]] = actual[position]
        elif segment != actual[position]:
            return None
    return parameters if len(actual) == len(pattern) else None
