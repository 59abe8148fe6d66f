"""`mode: bypass` is for whoever has something left to lose: not for root without a sandbox."""

from collections.abc import Callable

import pytest

from agentflow.plan.bypass import bypass_refusals
from agentflow.spec.sources import Source

FILE = """
{sandbox}
agents: {{w: {{tools: [Write], permissions: {{mode: {mode}}}}}}}
steps:
  a: {{agent: w, prompt: Go}}
  b: {{for_each: "[1]", steps: {{c: {{agent: {{tools: [Write], permissions: {{mode: {mode}}}}}, prompt: Go}}}}}}
"""


def places(source: Source, *, as_root: bool) -> list[tuple[str, int]]:
    return [(found.code, found.place.line) for found in bypass_refusals(source, as_root=as_root)]


def test_root_may_not_bypass_what_no_sandbox_holds(loaded: Callable[[str], Source]):
    source = loaded(FILE.format(sandbox='sandbox: "off"', mode="bypass"))
    assert places(source, as_root=True) == [("AF551", 5), ("AF551", 8)]


@pytest.mark.parametrize(
    ("sandbox", "mode", "as_root"),
    [('sandbox: "off"', "bypass", False), ("", "bypass", True), ('sandbox: "off"', "dont_ask", True)],
)
def test_others_may(loaded: Callable[[str], Source], sandbox: str, mode: str, as_root: bool):
    assert places(loaded(FILE.format(sandbox=sandbox, mode=mode)), as_root=as_root) == []


def test_the_file_says_it_for_its_agents(loaded: Callable[[str], Source]):
    text = 'sandbox: "off"\npermissions: {mode: bypass}\nsteps: {a: {agent: {}, prompt: Go}}\n'
    assert places(loaded(text), as_root=True) == [("AF551", 4)]
