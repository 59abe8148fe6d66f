from hypothesis import given
from hypothesis import strategies as st

from agentflow.api import Checked
from agentflow.report import github
from agentflow.report.inert import inert
from agentflow.source.diagnostics import Diagnostic, Place, Severity


def rendered(*diagnostics: Diagnostic) -> str:
    return github.render([Checked("w.yaml", None, diagnostics, {})])


def read_back(text: str) -> str:
    """What the runner makes of a value: percent signs last, or `%250A` would become a line break."""
    for escape, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escape, character)
    return text


def test_an_error_is_a_command_with_its_place_and_code():
    found = Diagnostic("AF301", "there is no step `two`", Place("w.yaml", 4, 15, 3))
    assert rendered(found) == "::error file=w.yaml,line=4,col=15,endColumn=18,title=AF301::there is no step `two`"


def test_a_warning_is_a_warning_and_the_hint_a_line_of_its_own():
    found = Diagnostic("AF404", "unused", Place("w.yaml", 1, 1), "use it", Severity.WARNING)
    assert rendered(found) == "::warning file=w.yaml,line=1,col=1,endColumn=2,title=AF404::unused%0Ahint: use it"


def test_nothing_to_say_is_no_line():
    assert rendered() == ""


def test_several_diagnostics_of_several_files_are_a_line_each():
    one, two = (Diagnostic("AF301", "no", Place(path, 1, 1)) for path in ("a.yaml", "b.yaml"))
    checks = [Checked("a.yaml", None, (one, one), {}), Checked("b.yaml", None, (two,), {})]
    lines = github.render(checks).split("\n")
    assert [line.split(",")[0] for line in lines] == ["::error file=a.yaml"] * 2 + ["::error file=b.yaml"]


def test_a_path_cannot_end_its_property():
    found = Diagnostic("AF301", "no", Place("a,line=9:: b%.yaml", 1, 1))
    assert rendered(found).startswith("::error file=a%2Cline=9%3A%3A b%25.yaml,line=1,")


def test_a_message_cannot_begin_another_command():
    found = Diagnostic("AF301", "no\n::error::yes\r::stop-commands::x", Place("w.yaml", 1, 1))
    assert len(rendered(found).splitlines()) == 1
    assert rendered(found).endswith("::no%0A::error::yes␍::stop-commands::x")


@given(st.text())
def test_the_runner_reads_what_was_meant(text: str):
    message, value = github.escaped_message(text), github.escaped_property(text)
    assert read_back(message) == read_back(value) == inert(text)
    assert not {"\n", "\r"} & {*message, *value}
    assert not {":", ","} & {*value}
