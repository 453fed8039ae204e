"""The frame of a page holds whatever stands in it."""

from __future__ import annotations

from whybox.domain.pages.web_pages import escape, isolate_plain, render_page


def test_text_cannot_leave_an_attribute(read_page):
    text = "\"' onclick='alert(1)' x=\""

    root = read_page(f"<p title=\"{escape(text)}\" lang='{escape(text)}'></p>")

    assert root.all("p")[0].attributes == {"title": text, "lang": text}


def test_titles_and_links_are_escaped(read_page, assert_self_contained):
    page = render_page("</title><script>", "<p>body</p>", links=(('/"><script>', "<i>"),))

    assert_self_contained(page)
    root = read_page(page)
    assert root.all("title")[0].text == "</title><script>"
    assert root.all("header")[0].all("a")[0].text == "<i>"


def test_a_name_in_plain_text_cannot_turn_what_follows():
    assert isolate_plain("\u202eabc") == "\u2068\u202eabc\u2069"
