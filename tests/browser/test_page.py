"""The page of a run, as a browser makes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.report.page.html import html
from tests.browser.chromium import PROGRAM, Page, chromium
from tests.report.page.pages import hostile, lengthy, report, troubled, whole

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

FRAME = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Until the page has drawn itself anew."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with chromium(tmp_path_factory.mktemp("chromium") / "profile") as page:
        yield page


def opened(browser: Page, folder: Path, made: dict[str, Any], width: int = 1200) -> Page:
    file = folder / "report.html"
    file.write_text(html(made), "utf-8")
    browser.heard.clear()
    browser.size(width, 800)
    browser.open(file.as_uri())
    assert browser.ask("document.documentElement.dataset.ready") == "yes"
    return browser


def everything_open(page: Page) -> None:
    """Opens all that is folded, and what is folded in there."""
    page.ask(
        "(() => { for (let n = 0; n < 6; n++) for (const one of document.querySelectorAll('details:not([open])'))"
        " one.fill ? one.fill() : one.open = true; })()"
    )


def troubles(page: Page) -> list[Any]:
    found = [*page.said("Runtime.exceptionThrown"), *page.said("Log.entryAdded")]
    issues = [one["issue"]["code"] for one in page.said("Audits.issueAdded")]
    return [*found, *(code for code in issues if "ContentSecurityPolicy" in code)]


def requests(page: Page, folder: Path) -> list[str]:
    own = (folder / "report.html").as_uri()
    return [one["request"]["url"] for one in page.said("Network.requestWillBeSent") if one["request"]["url"] != own]


def test_a_page_shows_all_of_its_parts_and_asks_the_network_for_nothing(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, whole())
    everything_open(page)
    assert page.ask("[...document.querySelectorAll('h2')].map((one) => one.textContent)") == [
        "Graph",
        "Timeline",
        "Failures",
        "Steps",
        "Conversations",
        "Costs",
        "Inputs and outputs",
        "Lineage",
    ]
    assert requests(page, tmp_path) == []
    assert troubles(page) == []


def test_nothing_that_a_run_holds_runs_loads_or_becomes_a_link(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, hostile())
    everything_open(page)
    page.ask(FRAME)
    assert "hit" not in page.ask("document.title").split("<")[0]
    assert page.ask("document.querySelectorAll('img, iframe, object, embed, link, base, form').length") == 0
    assert page.ask("document.querySelectorAll('script').length") == 2
    assert page.ask("[...document.querySelectorAll('a')].every((one) => one.getAttribute('href').startsWith('#'))")
    assert page.ask("document.body.innerText.includes('<img src=x onerror')")
    assert page.ask(r"!/[\u202a-\u202e\u2066-\u2069\u200b]/.test(document.body.textContent)")
    assert page.ask("document.body.textContent.includes('⟦U+202E⟧gnp.exe')")
    assert requests(page, tmp_path) == []
    assert troubles(page) == []


def test_the_policy_stops_what_a_text_would_do_if_it_became_markup(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, whole())
    tried = page.ask(
        "(() => { try { document.body.innerHTML = '<img src=x onerror=\"document.title=1\">'; return 'done'; }"
        " catch (error) { return error.name; } })()"
    )
    assert tried == "TypeError"
    page.ask("(() => { const one = document.createElement('style'); one.textContent = 'body{display:none}';"
             " document.head.append(one); })()")  # fmt: skip
    assert page.ask("getComputedStyle(document.body).display") == "block"


def test_a_conversation_shows_prompt_thinking_calls_and_results(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, report(troubled()))
    everything_open(page)
    text = page.ask("document.getElementById('conversations').innerText")
    for said in ("prompt", "thinking", "hm", "Read", "there is no such tool", "outcome unknown", "image/png"):
        assert said in text
    assert "model_unavailable: the service is overloaded (tried again)" in text


def test_the_graph_and_the_timeline_lead_to_steps_and_conversations(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, whole())
    assert page.ask("document.querySelectorAll('#graph .box').length") == 4
    page.ask("document.querySelectorAll('#graph .box')[2].dispatchEvent(new MouseEvent('click'))")
    assert page.ask("document.activeElement.querySelector('.path').textContent") == "after"
    page.ask(
        "[...document.querySelectorAll('#timeline .label')].find((one) => one.textContent.includes('fetcher')).click()"
    )
    assert "subagent at research[1].find" in page.ask("document.activeElement.textContent")
    assert page.ask("document.activeElement.parentElement.open")


def test_the_keyboard_reaches_and_opens_everything(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, whole())
    page.press("Tab")
    assert page.ask("document.activeElement.className") == "skip"
    page.ask("document.querySelector('#graph .box').focus()")
    page.press("Enter")
    assert page.ask("document.activeElement.tagName") == "TR"
    page.ask("document.querySelector('.conversation summary').focus()")
    page.press("Enter")
    assert page.ask("document.querySelector('.conversation').open")
    page.ask(FRAME)
    assert page.ask("document.querySelector('.conversation .body').hasChildNodes()")


def test_every_control_has_a_name_and_no_wheel_is_caught_by_a_hidden_part(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, whole())
    everything_open(page)
    page.call("Accessibility.enable")
    tree = page.call("Accessibility.getFullAXTree")["nodes"]
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node.get("ignored")
        and node["role"]["value"] in ("button", "link", "combobox", "searchbox", "textbox", "table", "region")
        and not node.get("name", {}).get("value")
        and node["role"]["value"] != "table"
    ]
    assert nameless == []


@pytest.mark.parametrize("width", [340, 800, 2400])
def test_a_page_is_never_wider_than_its_window(browser: Page, tmp_path: Path, width: int):
    page = opened(browser, tmp_path, whole() if width > 340 else hostile(), width)
    everything_open(page)
    assert page.ask("document.documentElement.scrollWidth <= window.innerWidth")


def test_dark_and_light_follow_the_reader(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, whole())
    grounds = []
    for dark in (False, True):
        page.dark(dark)
        grounds.append(page.ask("getComputedStyle(document.body).backgroundColor"))
    page.dark(False)
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


def test_a_large_run_draws_only_what_can_be_seen(browser: Page, tmp_path: Path):
    made = whole()
    step, talk = made["steps"][2], made["sessions"][1]
    tool = next(entry for entry in talk["entries"] if entry["kind"] == "tool" and entry["at"])
    calls = [dict(tool, at=n * 1.0, ended_at=n + 0.5) for n in range(2_000)]
    made["steps"] = [dict(step, path=f"s{n}", name=f"s{n}", depth=0, ended_at=2_000.0) for n in range(1_000)]
    made["sessions"] = [
        dict(talk, session=f"s{n}", step=f"s{n}", entries=calls[: 2_000 if n < 3 else 3]) for n in range(1_000)
    ]
    made["run"]["updated_at"] = 2_000.0
    page = opened(browser, tmp_path, made)
    assert page.ask("document.querySelectorAll('*').length") < 6_000
    assert page.ask("document.querySelectorAll('#timeline .row').length") < 60
    page.ask("document.querySelector('.timeline').scrollTop = 1e9; " + FRAME)
    assert "s999" in page.ask("document.querySelector('#timeline .row:last-child').textContent")
    page.ask(
        "[...document.querySelectorAll('#timeline .label')].find((one) => one.textContent.includes('s999')).click()"
    )
    assert "s999" in page.ask("document.activeElement.textContent")


def test_what_happens_between_turns_is_told_in_a_line_and_pictures_by_a_note(browser: Page, tmp_path: Path):
    page = opened(browser, tmp_path, report(lengthy()))
    everything_open(page)
    lines = page.ask("[...document.querySelectorAll('.conversation .call > summary')].map((one) => one.textContent)")
    assert "conversation summarised by claude-haiku-5-5: 160.0k to 20.0k tokens ($0.50)" in lines
    assert "tool Read: busy; again in 2.0s" in lines
    assert "→TodoWrite1 of 1 done" in lines, "what the session answers itself is not told as not run"
    assert not any(raw in line for line in lines for raw in ("null", "tokens_counted", "session_rested"))
    assert "image, image/png, 3 bytes: not kept in this report" in page.ask("document.body.textContent")
    assert troubles(page) == []
