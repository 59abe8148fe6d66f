import pytest

from agentflow.guard.addresses import AddressPolicy
from agentflow.tools import web_page
from agentflow.tools.failures import ToolError
from agentflow.tools.web_page import decoded, read_page
from agentflow.tools.web_url import read_url

URL = read_url("https://x.org/", AddressPolicy())


async def page_of(project, body, kind=None):
    headers = {} if kind is None else {"content-type": kind}
    return await read_page(URL, ("x.org",), headers, body, project)


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("é".encode(), "", "é"),
        ("é".encode(), "utf-8", "é"),
        ("é".encode("latin-1"), "iso-8859-1", "é"),
        (b"\x93x\x94", "iso-8859-1", "“x”"),
        ("é".encode("utf-16"), "utf-8", "é"),
        ("é".encode("utf-16-be"), "utf-16be", "é"),
        ("日".encode("shift_jis"), "shift_jis", "日"),
        (b"\xef\xbb\xbfx", "latin-1", "x"),
        (b"<meta charset=windows-1251>\xdf", "", "<meta charset=windows-1251>Я"),
        (b"<meta charset='utf-16'>x", "", "<meta charset='utf-16'>x"),
        (b"\xff\x00", "utf-8", "\ufffd\x00"),
        (b"x", "rot13", "x"),
        (b"x", "punycode", "x"),
        (b"x", "unicode_escape", "x"),
        (b"x", "hex", "x"),
        (b"x", "idna", "x"),
        (b"x", "cp999", "x"),
        (b"+ADw-", "utf-7", "+ADw-"),
    ],
)
def test_bytes_become_text_in_the_charset_of_the_web_that_they_are_in(body, charset, text):
    assert decoded(body, charset, html=True) == text


@pytest.mark.parametrize(
    ("kind", "body", "title", "text"),
    [
        ("text/html; charset=utf-8", b"<title>T</title><p>a<p>b", "T", "a\n\nb"),
        ("TEXT/HTML", b"<p>a", "", "a"),
        ("application/xhtml+xml", b"<p>a</p>", "", "a"),
        (None, b"<!DOCTYPE html><p>a", "", "a"),
        (None, b"<p> as it is", "", "<p> as it is"),
        ("text/plain", b"<p>", "", "<p>"),
        ("application/json", b'{"a": 1}', "", '{"a": 1}'),
        ("application/ld+json; charset=utf-8", b"{}", "", "{}"),
        ("application/rss+xml", b"<rss/>", "", "<rss/>"),
        ("text/html", b"", "", ""),
    ],
)
async def test_text_and_html_are_read(project, kind, body, title, text):
    page = await page_of(project, body, kind)
    assert (page.title, page.text, page.url) == (title, text, "https://x.org/")


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("application/pdf", b"%PDF", "is a PDF"),
        ("image/png", b"x", "`image/png`"),
        ("application/octet-stream", b"x", "only text and HTML"),
        ("a\nb", b"x", "only text and HTML"),
        (None, b"\x00\x01", "octet-stream"),
        ("text/html/x", b"x", "only text"),
    ],
)
async def test_what_is_no_text_is_refused(project, kind, body, said):
    with pytest.raises(ToolError, match=said):
        await page_of(project, body, kind)


async def test_text_is_bounded_and_shows_what_nobody_sees_to_nobody(project):
    page = await page_of(project, "a\u200b\U000e0041b".encode() + b"c" * 3_000_000, "text/plain")
    assert page.text.startswith("abccc")
    assert len(page.text) == 2_000_000


async def test_html_that_cannot_be_read_in_time_is_given_up(project, monkeypatch):
    monkeypatch.setattr(web_page, "READING_SECONDS", 0.2)
    with pytest.raises(ToolError, match="too much, or too confused"):
        await page_of(project, b"</" * 2_000_000, "text/html")
