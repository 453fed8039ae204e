"""The frame around every page whybox makes: one file, no script, nothing loaded from anywhere.

title + body -> <html> with the style sheet inside and a policy that lets the browser run nothing else
"""

from __future__ import annotations

import base64
import hashlib
from html import escape as _escape

from whybox.domain.pages.page_styles import STYLE

# The style sheet is allowed by its hash, so that not even an inline style slipped into a page takes effect;
# the icon is a data URI. `frame-ancestors` works as a header only: header and page differ by it.
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
CONTENT_SECURITY_POLICY = f"{_POLICY}; frame-ancestors 'none'"

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20' fill='none'%3E"
    "%3Crect x='1.5' y='1.5' width='17' height='17' rx='4' stroke='%232d6a94' stroke-width='2'/%3E"
    "%3Cpath d='M7 7.6a3 3 0 1 1 3.9 2.9q-.9.4-.9 1.6M10 14.8v.1' stroke='%23bf4a08' stroke-width='2.2' "
    "stroke-linecap='round'/%3E%3C/svg%3E"
)
_MARK = (
    '<svg viewBox="0 0 20 20" aria-hidden="true"><rect x="1.5" y="1.5" width="17" height="17" rx="4"/>'
    '<path d="M7 7.6a3 3 0 1 1 3.9 2.9q-.9.4-.9 1.6M10 14.8v.1"/></svg>'
)


def escape(text: object) -> str:
    """Return ``text`` for HTML content or a quoted attribute, whatever it contains.

    Control characters and lone surrogates, which HTML cannot carry, become the replacement character.
    """
    readable = "".join(character if _is_writable(character) else "\ufffd" for character in str(text))
    return _escape(readable, quote=True)


def isolate(text: object) -> str:
    """Return ``text`` escaped and kept from turning the direction of what stands around it."""
    return f"<bdi>{escape(text)}</bdi>"


def isolate_plain(text: object) -> str:
    """Return ``text`` kept from turning what stands around it where no element may stand, not yet escaped."""
    return f"\u2068{text}\u2069"  # first strong isolate ... pop directional isolate


def render_page(title: str, body: str, *, links: tuple[tuple[str, str], ...] = ()) -> str:
    """Return a whole page around ``body`` (HTML), with ``links`` (address, text) at its top."""
    navigation = "".join(f'<a href="{escape(address)}">{escape(text)}</a>' for address, text in links)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n"
        f'<link rel="icon" href="{_ICON}">\n<style>{STYLE}</style>\n</head>\n<body>\n'
        f'<header class="top"><span class="mark">{_MARK}whybox</span>{navigation}</header>\n'
        f"<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _is_writable(character: str) -> bool:
    code = ord(character)
    return (
        not (code < 0x20 and character not in "\t\n\r")
        and not 0x7F <= code <= 0x9F
        and not 0xD800 <= code <= 0xDFFF
    )
