"""Texts that nobody would write are read to an end, whatever their size and depth."""

import pytest

from agentflow.guard.bash import MAX_BYTES
from agentflow.guard.bash_rules import decide_bash

SHAPES = {
    "a megabyte": "a" * 1_000_000,
    "words": "a " * 60_000,
    "commands": "a;" * 60_000,
    "pipes": "a|" * 60_000 + "a",
    "parentheses": "(" * 100_000,
    "subshells": "( " * 30_000 + "a" + " )" * 30_000,
    "arithmetic": "((" * 50_000,
    "sums": "echo $((" + "1+" * 60_000 + "1))",
    "substitutions": "$(" * 20_000 + "a" + ")" * 20_000,
    "backticks": "`" * 100_000,
    "quotes": '"' * 100_001,
    "expansions": "echo " + "${a:-" * 20_000,
    "braces": "{a,b}" * 20_000,
    "open braces": "{ " * 60_000,
    "here-documents": "cat " + "<<A " * 20_000 + "\n" + "A\n" * 20_000,
    "reserved words": "if " * 40_000,
    "patterns": "case x in " + "a) b;; " * 15_000 + "esac",
    "functions": "a(){ " * 15_000,
    "arrays": "x=(" * 30_000,
    "redirections": ">a " * 40_000,
    "wrappers": "env " * 30_000 + "a",
    "shells": "bash -c " * 15_000 + "a",
    "openings": "unheard-of " + "rm " * 40_000,
    "sed": "sed '" + "p;" * 60_000 + "e'",
    "addresses": "sed '" + "1," * 60_000 + "'",
    "find": "find . " + "-exec ls \\; " * 10_000,
    "continued lines": "a " + "\\\n " * 40_000,
    "line ends": "\n" * MAX_BYTES,
}


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_no_size_and_no_depth_makes_a_narrow_rule_allow_or_the_reader_fail(shape: str):
    rules = {"allow": ["ls *", "* a * a *"], "ask": ["x * y"], "deny": ["rm *", "git * push *"]}
    assert decide_bash(SHAPES[shape], **rules).verdict in ("none", "ask", "deny")
