"""The reference page of all problems, written from the catalogue.

Run ``python -m whybox.http.problem_reference`` (``make problems``) after changing the catalogue.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from whybox.http.problem_catalogue import CATALOGUE, Problem
from whybox.http.upcoming_problems import UPCOMING

PAGE: Final = Path(__file__).parents[5] / "docs" / "reference" / "problems.md"
WIDTH: Final = 108

_PREFACE: Final = """\
# Problems

Every error the service answers is `application/problem+json` (RFC 9457). `type` ends in the code below, and
leads to a page of the running service with the same text; `title` and `status` are those below. `detail`
says what is wrong with this very request; `errors` lists up to 20 places (`row` and `column` of a table,
`pointer` into a JSON body) and `errors_total` counts them all; `limit` and `actual` are numbers where a
limit was passed; `instance` is the request id. Of a table only column names are repeated, never a cell. No
error is charged.

`whybox check FILE` tells the problems of a table on the command line, before anything is sent. The codes
about settings, templates and the demo are told by the `whybox` command alone.

This page is written from the catalogue in `whybox/http` (`make problems`); a test holds both equal.
"""

_ANSWERED: Final = """\
## What is answered today

4xx: the caller can fix it. 5xx: the service failed; the same request may work later.
"""

_UPCOMING: Final = """\
## Not yet reachable

What these are about has no endpoint yet. The codes and statuses are settled, so that clients can be written
for them; an entry moves up when its endpoint comes.
"""


def render_reference() -> str:
    """Return the page as it is checked in."""
    entries = sorted(CATALOGUE.values(), key=_order)
    answered = [entry for entry in entries if entry.awaits is None]
    upcoming = sorted([entry for entry in (*entries, *UPCOMING) if entry.awaits is not None], key=_order)
    parts = [_PREFACE, _ANSWERED, _overview(answered)]
    parts += [part for entry in answered for part in _section(entry)]
    parts.append(_UPCOMING)
    for awaited in sorted({str(entry.awaits) for entry in upcoming}, key=str.casefold):
        parts += [f"### Awaits {awaited}\n", _table(entry for entry in upcoming if entry.awaits == awaited)]
    return "\n".join(parts)


def _order(entry: Problem) -> tuple[int, str]:
    return entry.status, entry.code


def _overview(entries: Iterable[Problem]) -> str:
    lines = [
        f"| {entry.status} | [`{entry.code}`](#{entry.code}) | {_cell(entry.title)} |" for entry in entries
    ]
    return "\n".join(["| status | code | title |", "|---|---|---|", *lines, ""])


def _section(entry: Problem) -> Iterator[str]:
    yield f"### {entry.code}\n"
    yield _paragraph(f"{entry.status}: **{_plain(entry.title)}.** {_plain(entry.meaning)}")
    yield _paragraph(f"*What to do:* {_plain(entry.remedy)}")


def _table(entries: Iterable[Problem]) -> str:
    lines = [
        f"| {entry.status} | `{entry.code}` | "
        + " | ".join(map(_cell, (entry.title, entry.meaning, entry.remedy)))
        + " |"
        for entry in entries
    ]
    head = ["| status | code | title | meaning | what to do |", "|---|---|---|---|---|"]
    return "\n".join([*head, *lines, ""])


def _paragraph(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _plain(text: str) -> str:
    """Return a sentence that Markdown shows as it stands; `code` stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([*_<>\[\]])", r"\\\1", part) for part in parts)


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render_reference(), encoding="utf-8")
