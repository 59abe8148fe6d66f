"""Diagnostics in order."""

from msgspec.structs import replace

from agentflow.source.diagnostics import Diagnostic, Place, Severity, cut_short, in_order, told_of


def test_each_stands_once_by_its_place_and_what_closes_them_comes_last():
    first, second = (Diagnostic("AF301", "no step", Place("a.yaml", line, 1)) for line in (2, 3))
    assert in_order([cut_short(second), second, first, second]) == [first, second, cut_short(second)]


def test_of_many_files_all_problems_of_the_first_are_told_and_a_hundred_of_the_others():
    own = [Diagnostic("AF301", f"own {line}", Place("main.yaml", line, 1)) for line in range(1, 131)]
    errors = [Diagnostic("AF301", f"their {line}", Place("other.yaml", line, 1)) for line in range(1, 151)]
    warnings = [replace(one, severity=Severity.WARNING) for one in errors]
    told = told_of([*own, *errors, *warnings[:100]], "main.yaml")
    assert told[:-1] == [*own, *errors[:100], *warnings[:100]]
    assert told[-1].message == "100 errors in other files; 50 more are not told"
    assert (told[-1].severity, told[-1].place) == (Severity.ERROR, errors[99].place)
    assert told_of([*errors[:100], *warnings], "main.yaml")[-1].severity is Severity.WARNING
    assert told_of(own, "main.yaml") == own
