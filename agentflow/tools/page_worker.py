"""Turns a page into text. Runs by itself, in a process of its own: nothing of this project is imported here.

Reads HTML as UTF-8 from standard input and writes one JSON object, `{"title": …, "text": …}`. The parser is Python's
own: it reads events and builds no tree, so nesting costs nothing. Whoever starts this bounds its time and its memory.
"""

import json
import re
import sys
from html.parser import HTMLParser
from urllib.parse import urljoin

MAX_TEXT = 2_000_000
_MEMORY = 1 << 30

_VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
_SILENT = frozenset({
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "canvas", "audio", "video",
    "select",
})  # fmt: skip
# Of these the next one ends the last: their end tags may be left out.
_ENDED_BY_NEXT = frozenset({"p", "li", "dd", "dt", "td", "th", "tr"})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "dd", "details", "dialog", "div", "dl", "dt", "fieldset",
    "figcaption", "figure", "footer", "form", "header", "hgroup", "main", "nav", "ol", "p", "pre", "section",
    "summary", "table", "tbody", "tfoot", "thead", "title", "tr", "ul",
})  # fmt: skip
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_CELLS = frozenset({"td", "th"})
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])"
)
_SPACES = re.compile(r"[ \t\n\r\f\v\u00a0]+")
# What a reader does not see: spaces without width, directions of writing, tags of Unicode, and controls. Joiners and
# marks of direction, which some scripts need, stay: where they do not belong the session writes them out.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f]"
)


def without_unseen(text: str) -> str:
    """A text without the characters that nobody sees, in which something could be hidden from all but a model."""
    return _UNSEEN.sub("", text)


class PageText(HTMLParser):
    """The text that a reader of the page sees: headings, lists, links and tables as in Markdown.

    Parameters:
        base: the page's own URL, which its links are seen from.
    """

    def __init__(self, base: str) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self._base = base
        self._parts: list[str] = []
        self._length = 0
        self._silent = ""
        self._silent_depth = 0
        self._in_title = False
        self._pre = 0
        self._lists: list[int | None] = []
        self._link: tuple[str, int] | None = None

    def text(self) -> str:
        """Everything seen so far."""
        self._end_link()
        lines = [line.rstrip() for line in "".join(self._parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """A marked section of a kind that the parser does not know is a comment, as browsers have it."""
        try:
            return super().parse_marked_section(i, report)
        except AssertionError:
            return self.parse_bogus_comment(i)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in reversed(attrs)}
        if self._silent and not (tag == self._silent and tag in _ENDED_BY_NEXT):
            self._silent_depth += tag == self._silent
            return
        self._silent = ""
        if tag == "body" or tag in _HEADINGS or tag in _BLOCKS - {"title"}:
            self._in_title = False
        if tag not in _VOID and tag not in ("body", "html", "head") and (tag in _SILENT or _is_hidden(found)):
            self._silent, self._silent_depth = tag, 1
        elif tag == "title":
            self._in_title = not self.title
        elif tag == "base" and found.get("href"):
            self._base = _joined(self._base, found["href"])
        elif not _is_hidden(found):
            self._open(tag, found)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            self._silent_depth -= tag == self._silent
            if self._silent_depth == 0 or tag in ("body", "html"):
                self._silent = ""
        elif tag == "title":
            self._in_title = False
        elif tag == "a":
            self._end_link()
        elif tag == "pre" and self._pre:
            self._pre -= 1
            self._line("```")
            self._break(1)
        elif tag in ("ul", "ol"):
            if self._lists:
                self._lists.pop()
            self._break(1 if self._lists else 2)
        elif tag in _HEADINGS or tag == "p":
            self._break(2)
        elif tag in _BLOCKS:
            self._break(1)
        elif tag == "code" and not self._pre:
            self._add("`")

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        data = without_unseen(data)
        if self._in_title:
            self.title = (self.title + data)[:300]
        elif self._pre:
            self._add(data)
        else:
            seen = _SPACES.sub(" ", data)
            self._add(seen.lstrip() if self._at_start() else seen)

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "a":
            self._end_link()
            href = attributes.get("href", "")
            if href and not href.startswith("#"):
                self._link = (_joined(self._base, href), len(self._parts))
        elif tag == "br":
            self._add("\n")
        elif tag == "hr":
            self._line("---")
            self._break(1)
        elif tag == "img" and attributes.get("alt", "").strip():
            self._add(f"[image: {_SPACES.sub(' ', without_unseen(attributes['alt']))[:300]}]")
        elif tag in ("ul", "ol"):
            self._break(1)
            # Deeper lists are shown at the depth of the last: indentation must not grow without bound.
            self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._break(1)
            self._add("  " * min(len(self._lists) - 1, 8) + self._bullet())
        elif tag in _HEADINGS:
            self._break(2)
            self._add(_HEADINGS[tag])
        elif tag in _CELLS:
            self._add("" if self._at_start() else " | ")
        elif tag == "pre":
            self._line("```")
            self._break(1)
            self._pre += 1
        elif tag == "code" and not self._pre:
            self._add("`")
        elif tag in _BLOCKS:
            self._break(2 if tag == "p" else 1)

    def _bullet(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "- "
        self._lists[-1] += 1
        return f"{self._lists[-1]}. "

    def _end_link(self) -> None:
        if self._link is None:
            return
        target, start = self._link
        self._link = None
        label = "".join(self._parts[start:]).strip()
        scheme = target.partition(":")[0].lower()
        if not label or scheme not in ("http", "https", "mailto") or len(target) > 2_000:
            return
        if label == target:
            return
        before = "".join(self._parts[start:])
        lead = before[: len(before) - len(before.lstrip())]
        trail = before[len(before.rstrip()) :]
        del self._parts[start:]
        self._parts.append(f"{lead}[{label}]({target}){trail}")
        self._length += len(target) + 4
        self._bound()

    def _at_start(self) -> bool:
        return not self._parts or self._parts[-1].endswith(("\n", " "))

    def _line(self, text: str) -> None:
        self._break(1)
        self._add(text)

    def _break(self, wanted: int) -> None:
        there = 0
        for part in reversed(self._parts[-3:]):
            stripped = part.rstrip("\n ")
            there += part.count("\n", len(stripped))
            if stripped:
                break
        if self._parts and there < wanted:
            self._add("\n" * (wanted - there))

    def _add(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text)
            self._bound()

    def _bound(self) -> None:
        if self._length > MAX_TEXT:
            raise EnoughError


class EnoughError(Exception):
    """There is more text than is ever wanted."""


def _is_hidden(attributes: dict[str, str]) -> bool:
    if "hidden" in attributes or attributes.get("aria-hidden", "").strip().lower() == "true":
        return True
    return bool(_HIDDEN_STYLE.search(attributes.get("style", "").lower()))


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip()).replace(" ", "%20").replace("\n", "").replace(")", "%29")
    except ValueError:
        return ""


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # a system without such bounds
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def main() -> None:
    """Reads a page and writes its text; the first argument is the page's URL."""
    _bound_memory()
    page = PageText(sys.argv[1])
    try:
        page.feed(sys.stdin.buffer.read().decode("utf-8", "replace"))
        page.close()
    except EnoughError:
        pass  # the bound is on purpose: what was read so far is shown
    answer = {"title": " ".join(page.title.split()), "text": page.text()}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
