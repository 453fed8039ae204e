"""What tests of pages share: a strict reader of HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

VOID = {"meta", "link", "br", "img", "input", "hr"}
# SVG shapes are written as XML writes them and close themselves.
SHAPES = {"rect", "line", "path", "circle"}


@dataclass
class Element:
    """One element with all the text inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, tag: str, kind: str = "") -> list[Element]:
        """Return the descendants of a tag, with a class if one is given."""
        found = []
        for child in self.children:
            if child.tag == tag and (not kind or kind in child.attributes.get("class", "").split()):
                found.append(child)
            found += child.all(tag, kind)
        return found


class StrictReader(HTMLParser):
    """Reads a page into elements and refuses one that does not close what it opens."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("page", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> repeats an attribute: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            assert tag not in SHAPES, f"<{tag}> is left open"
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SHAPES, f"<{tag}/> is no shape and cannot close itself"
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def read(self, page: str) -> Element:
        self.feed(page)
        self.close()
        assert self._open == [self.root], f"left open: {[element.tag for element in self._open[1:]]}"
        return self.root


@pytest.fixture
def read_page() -> Callable[[str], Element]:
    """Read a page strictly; what does not nest is an error."""
    return lambda page: StrictReader().read(page)


@pytest.fixture
def assert_self_contained(read_page) -> Callable[[str], None]:
    """Check that a page runs nothing and loads nothing, wherever it is opened."""

    def check(page: str) -> None:
        root = read_page(page)
        for tag in ("script", "iframe", "img", "object", "embed", "form", "base", "foreignobject", "use"):
            assert not root.all(tag), f"the page holds <{tag}>"
        for element in _walk(root):
            for name, value in element.attributes.items():
                assert not name.startswith("on"), f"{name} would run script"
                assert name not in ("style", "src", "srcset"), f"{name} is not allowed by the page's policy"
                is_link = element.tag == "a" and name == "href"
                if is_link:
                    assert value.startswith(("/", "#")), f"leads away: {value}"
                elif name == "href":
                    assert value.startswith("data:"), f"loads {value}"
        (style,) = root.all("style")
        assert "url(" not in style.text
        assert "@import" not in style.text

    return check


def _walk(element: Element):
    yield element
    for child in element.children:
        yield from _walk(child)
