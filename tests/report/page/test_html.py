import base64
import json
import re
from hashlib import sha256
from html.parser import HTMLParser

from agentflow.report.page.html import html, island
from tests.report.page.pages import BAIT, hostile, whole


class Elements(HTMLParser):
    """The elements of a page, and the text of those that hold code or data."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.texts.append("")
        self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data

    def of(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(given, text) for (name, given), text in zip(self.found, self.texts, strict=True) if name == tag]


def policy(page: Elements) -> dict[str, str]:
    (text,) = (str(given["content"]) for given, _ in page.of("meta") if given.get("http-equiv"))
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in text.split(";"))}


def test_the_policy_lets_run_the_pages_own_script_and_style_and_nothing_else():
    page = Elements(html(whole()))
    rules = policy(page)
    for directive, texts in (
        ("script-src", [text for given, text in page.of("script") if not given]),
        ("style-src", [text for _, text in page.of("style")]),
    ):
        (text,) = texts
        digest = base64.b64encode(sha256(text.encode()).digest()).decode()
        assert rules[directive] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"


def test_the_policy_comes_before_all_that_it_governs():
    names = [name for name, given in Elements(html(whole())).found]
    before = names[: names.index("style")]
    assert "script" not in before
    assert before.count("meta") >= 2


def test_the_data_is_the_report():
    (data,) = (text for given, text in Elements(html(whole())).of("script") if given.get("id") == "data")
    assert json.loads(data)["sessions"] == whole()["sessions"]


def test_no_text_of_the_run_becomes_an_element():
    assert [name for name, _ in Elements(html(hostile())).found] == [name for name, _ in Elements(html(whole())).found]


def test_no_text_of_the_run_stands_in_the_page_as_markup():
    page = html(hostile())
    assert "<img" not in page
    assert page.count("</script>") == html(whole()).count("</script>")
    assert "\u202e" not in page
    assert "\u200b" not in page


def test_marks_of_the_template_in_a_text_are_text():
    made = whole()
    made["run"]["workflow"] = made["inputs"]["topic"] = "%script% %data% %policy%"
    assert "%script% %data% %policy%" in html(made)
    assert len(Elements(html(made)).of("script")) == 2


def test_nothing_in_the_data_can_end_it():
    assert re.search("[<>&]", island({"a": "</script><!-- &", "b": BAIT})) is None


def test_the_page_names_no_address_but_that_of_svg():
    addresses = set(re.findall(r"(?:https?:)?//[\w.]+[\w/.]*", re.sub(r"^\s*//.*$", "", html(whole()), flags=re.M)))
    assert addresses == {"http://www.w3.org/2000/svg"}
