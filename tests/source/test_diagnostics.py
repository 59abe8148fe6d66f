"""Diagnostics in order."""

from agentflow.source.diagnostics import Diagnostic, Place, cut_short, in_order


def test_each_stands_once_by_its_place_and_what_closes_them_comes_last():
    first, second = (Diagnostic("AF301", "no step", Place("a.yaml", line, 1)) for line in (2, 3))
    assert in_order([cut_short(second), second, first, second]) == [first, second, cut_short(second)]
