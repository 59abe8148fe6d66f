"""What came over the wire becomes text that a model can read."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from agentflow.tools.command import Command, run_command
from agentflow.tools.failures import ToolError, shortened
from agentflow.tools.page_worker import MAX_TEXT, without_unseen
from agentflow.tools.web_url import WebUrl

READING_SECONDS = 10.0
_WORKER = str(Path(__file__).with_name("page_worker.py"))
_OUTPUT_BYTES = 16 << 20
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TEXT = re.compile(
    r"text/[\w.+-]+|application/(?:[\w.+-]+\+)?(?:json|xml|yaml)|application/(?:x-)?(?:javascript|yaml|ndjson)"
)
_META_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w:.-]{1,40})", re.IGNORECASE)
# Not every codec of Python's is one of the web's, and some of them are slow on purpose-made input.
_CHARSETS = re.compile(
    r"utf-?8|utf-?16(?:[lb]e)?|us-ascii|ascii|iso-?8859-?\d{1,2}|latin-?1|windows-?\d{3,4}|cp\d{3,4}|koi8-[ru]|macroman|"
    r"gb2312|gbk|gb18030|big5|euc-?(?:jp|kr)|shift[_-]?jis|iso-2022-jp"
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SNIFFED = 1024


class Page(Struct, frozen=True):
    """A page as text.

    Attributes:
        url: where it was found in the end.
        hosts: every host that was asked on the way.
    """

    url: str
    hosts: tuple[str, ...]
    title: str
    text: str


async def read_page(url: WebUrl, hosts: tuple[str, ...], headers: Mapping[str, str], body: bytes, folder: Path) -> Page:
    """The text of a response's body.

    Parameters:
        folder: where the process that reads HTML starts.

    Raises:
        ToolError: it is no text, or cannot be read in time.
    """
    kind, charset = _content_type(headers.get("content-type", ""))
    if not kind:
        kind = _guessed(body)
    if kind in _HTML:
        title, text = await _read_html(url, decoded(body, charset, html=True), folder)
        return Page(str(url), hosts, title, text)
    if _TEXT.fullmatch(kind):
        return Page(str(url), hosts, "", without_unseen(decoded(body, charset, html=False))[:MAX_TEXT])
    what = "a PDF" if kind == "application/pdf" else f"`{shortened(kind)}`"
    raise ToolError(f"{url} is {what}, and only text and HTML can be read.", "Look for the same as a page.")


def decoded(body: bytes, charset: str, *, html: bool) -> str:
    """Bytes as text: by their byte order mark, else by what the server says, else by what the page says, else UTF-8."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    if not charset and html and (found := _META_CHARSET.search(body[:_SNIFFED])) is not None:
        # A page that can be searched for this is not in UTF-16, whatever it says.
        charset = re.sub("^utf-?16.*", "utf-8", found[1].decode().lower())
    if not _CHARSETS.fullmatch(charset):
        charset = "utf-8"
    # As browsers do: what calls itself Latin-1 is mostly the Windows code page, which has more characters.
    charset = "cp1252" if re.fullmatch(r"iso-?8859-?1|latin-?1|(?:us-)?ascii", charset) else charset
    charset = charset.replace("macroman", "mac-roman")
    try:
        return body.decode(charset, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def _content_type(header: str) -> tuple[str, str]:
    kind, _, parameters = header[:500].lower().partition(";")
    found = re.search(r"charset\s*=\s*[\"']?\s*([\w:.-]+)", parameters)
    return kind.strip(), found[1] if found else ""


def _guessed(body: bytes) -> str:
    """What a body without a declared type is."""
    start = body[:_SNIFFED]
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body)", start, re.IGNORECASE):
        return "text/html"
    return "application/octet-stream" if b"\x00" in start else "text/plain"


async def _read_html(url: WebUrl, text: str, folder: Path) -> tuple[str, str]:
    command = Command(
        argv=(sys.executable, "-I", "-B", _WORKER, str(url)),
        stdin=text.encode("utf-8", "replace"),
        env={},
        cwd=folder,
        timeout=READING_SECONDS,
        output_limit=_OUTPUT_BYTES,
    )
    result = await run_command(command)
    if result.timed_out or result.exit_code != 0:
        raise ToolError(f"The HTML of {url} is too much, or too confused, to be read.", "Look for the same elsewhere.")
    page = json.loads(result.stdout)
    return page["title"], page["text"]
