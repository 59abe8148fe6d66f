from hypothesis import given
from hypothesis import strategies as st

from agentflow.report.diagnostics import LINE_COLUMNS, DiagnosticWriter, as_json, summary
from agentflow.report.style import Paint, cell_width
from agentflow.source.diagnostics import Diagnostic, Place, Severity

PLAIN = Paint(False)


def rendered(line: str, column: int, width: int = 1, hint: str | None = None) -> list[str]:
    diagnostic = Diagnostic("AF301", "there is no step `two`", Place("w.yaml", 1, column, width), hint)
    return DiagnosticWriter({"w.yaml": line}, PLAIN).render(diagnostic).split("\n")


def caret_columns(rows: list[str]) -> tuple[int, int]:
    """Where the caret line begins, and how wide it is."""
    return len(rows[2]) - len(rows[2].lstrip()), len(rows[2].strip())


def test_a_diagnostic_names_the_place_shows_the_line_and_the_next_move():
    assert rendered("one: {value: steps.two}", 14, 9, "did you mean `one`?") == [
        "w.yaml:1:14: error[AF301]: there is no step `two`",
        "    1 | one: {value: steps.two}",
        "                     ^^^^^^^^^",
        "hint: did you mean `one`?",
    ]


def test_the_caret_stands_under_the_right_character():
    for before, columns in (("ab", 2), ("\t", 4), ("世界", 4), ("e\u0301", 1), ("👍 ", 3)):
        rows = rendered(f"{before}HERE", len(before) + 1, 4)
        assert caret_columns(rows) == (8 + columns, 4), before


def test_a_wide_character_is_underlined_whole():
    assert caret_columns(rendered("a: 世界", 4, 2)) == (11, 4)


def test_a_long_line_is_cut_around_the_place():
    rows = rendered("x" * 5000 + "HERE" + "y" * 5000, 5001, 4)
    start, width = caret_columns(rows)
    assert rows[1][start : start + width] == "HERE"
    assert len(rows[1]) <= 8 + LINE_COLUMNS + 1
    assert rows[1][8] == "…"
    assert rows[1].endswith("y…")


def test_control_characters_of_the_file_are_inert():
    rows = rendered("a\x1b[31m: b", 1)
    assert rows[1] == "    1 | a␛[31m: b"


def test_a_place_without_a_line_is_told_without_one():
    diagnostic = Diagnostic("AF106", "`x` does not exist", Place("x", 1, 1))
    assert DiagnosticWriter({}, PLAIN).render(diagnostic) == "x:1:1: error[AF106]: `x` does not exist"


@given(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n"), min_size=1, max_size=300),
    st.data(),
)
def test_any_place_of_any_line_can_be_shown(line: str, data: st.DataObject):
    column = data.draw(st.integers(1, len(line)))
    width = data.draw(st.integers(1, len(line) - column + 1))
    rows = rendered(line, column, width)
    if len(rows) > 1:
        assert rows[2].strip("^ ") == ""
        assert cell_width(rows[1]) <= 8 + LINE_COLUMNS + 12
        assert len(rows[2].rstrip()) <= cell_width(rows[1]) + 1


def test_the_summary_counts():
    error = Diagnostic("AF301", "no", Place("w.yaml", 1, 1))
    warning = Diagnostic("AF404", "no", Place("w.yaml", 1, 1), severity=Severity.WARNING)
    assert summary([], 1) == "1 file checked, no problems"
    assert summary([error, warning, error], 2) == "2 files checked, 2 errors and 1 warning"


def test_json_has_all_there_is():
    assert as_json(Diagnostic("AF301", "no", Place("w.yaml", 2, 3, 4), "do", Severity.WARNING)) == {
        "path": "w.yaml", "line": 2, "column": 3, "width": 4, "severity": "warning", "code": "AF301",
        "message": "no", "hint": "do",
    }  # fmt: skip
