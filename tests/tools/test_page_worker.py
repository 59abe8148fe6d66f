import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.tools.page_worker import EnoughError, PageText


def text_of(html: str) -> str:
    page = PageText("https://x.org/a/b")
    page.feed(html)
    page.close()
    return page.text()


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>Title</h1><p>One  two\n three.<p>Four", "# Title\n\nOne two three.\n\nFour"),
        ("<h3>Deep</h3>text", "### Deep\n\ntext"),
        ("a<br>b", "a\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>d", "- a\n- b\n  - c\n\nd"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "a | b\n1 | 2"),
        ("see <a href='/c'>the <b>page</b></a>, now", "see [the page](https://x.org/c), now"),
        ("<a href='#x'>here</a> <a href='javascript:x'>there</a> <a>none</a>", "here there none"),
        ("<a href='https://y.org/'>https://y.org/</a>", "https://y.org/"),
        ("<base href='https://z.org/'><a href=q>q</a>", "[q](https://z.org/q)"),
        ("<pre>a\n  b</pre>", "```\na\n  b\n```"),
        ("use <code>x &lt; y</code>", "use `x < y`"),
        ("<img alt='a cat' src=x><img src=y>", "[image: a cat]"),
        ("&amp;&eacute;&#x41;&#0;&#xD800;", "&éA\ufffd\ufffd"),
        ("a<hr>b", "a\n---\nb"),
        ("", ""),
        ("plain", "plain"),
    ],
)
def test_what_a_reader_sees_is_kept_as_markdown(html, text):
    assert text_of(html) == text


@pytest.mark.parametrize(
    "html",
    [
        "seen<script>hidden()</script>",
        "<style>.hidden{}</style>seen",
        "seen<noscript>hidden</noscript>",
        "seen<template><p>hidden</template>",
        "seen<!-- hidden -->",
        "seen<p hidden>hidden</p>",
        "seen<p hidden>hidden<p>",
        "seen<div hidden><div>hidden</div>hidden</div>",
        "seen<span style='display: none'>hidden</span>",
        "seen<span style='COLOR:red;Visibility:Hidden'>hidden</span>",
        "seen<span style='font-size:0'>hidden</span>",
        "seen<span aria-hidden=true>hidden</span>",
        "seen<svg><text>hidden</text></svg>",
        "<head><title>T</title><script>hidden</script></head><body>seen",
        "se\u200ben\u202e\U000e0068",
        "<p hidden>hidden</body></html>seen",
    ],
)
def test_what_a_reader_does_not_see_is_left_out(html):
    assert text_of(html) == "seen"


def test_the_title_is_kept_apart_and_short():
    page = PageText("https://x.org/")
    page.feed(f"<head><title>A &amp; B {'x' * 500}</title></head><p>text")
    assert page.title.startswith("A & B xxx")
    assert len(page.title) == 300
    assert page.text() == "text"


PIECES = ["<", ">", "</", "<!", "<![", "<!--", "-->", "<?", "[", "]", "]]>", "&", "&#", "&#x", ";", "'", '"', "=", " ",
          "p", "a", "li", "table", "td", "script", "title", "base", "href", "hidden", "style", "pre", "code", "CDATA[",
          "http://[", "\x00", "x", "\n", "/", "é", "if"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_nothing_that_looks_like_html_breaks_the_reader(pieces):
    assert "\x00" not in text_of("".join(pieces))


@pytest.mark.parametrize("html", ["<![if !IE]>a<![endif]>", "<![odd[ b ]>a", "<![CDATA[b]]>a", "<?php b ?>a"])
def test_what_is_no_markup_of_html_is_a_comment(html):
    assert text_of(html) == "a"


def test_depth_costs_nothing():
    assert text_of("<div>" * 100_000 + "<ul><li>" * 1_000 + "x").endswith("x")


def test_there_is_an_end_to_what_is_read():
    with pytest.raises(EnoughError):
        text_of("<p>word</p>" * 400_000)
