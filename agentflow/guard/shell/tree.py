"""What tree-sitter's tree has to say: which kinds of node may stand in it, and where it sees commands and words.

Its reading and `reader`'s have to agree, byte by byte, on every command and each of its words. Each has its own
mistakes; what passes is what both read alike.
"""

from typing import Protocol

from agentflow.guard.shell.listed import listed
from agentflow.guard.shell.script import Found, Simple, UndecidedError

MAX_NODES = 20_000
"""The most nodes of a tree that are looked at: some thousands of words."""

KINDS = listed("""
    ansi_c_string arithmetic_expansion array binary_expression brace_expression c_style_for_statement case_item
    case_statement command command_name command_substitution comment compound_statement concatenation
    declaration_command do_group elif_clause else_clause expansion extglob_pattern file_descriptor file_redirect
    for_statement function_definition heredoc_body heredoc_content heredoc_end heredoc_redirect heredoc_start
    herestring_redirect if_statement list negated_command number parenthesized_expression pipeline postfix_expression
    process_substitution program raw_string redirected_statement regex simple_expansion special_variable_name string
    string_content subscript subshell ternary_expression test_command test_operator unary_expression unset_command
    variable_assignment variable_assignments variable_name while_statement word""")
"""The kinds of node that are known; a tree with another is not believed."""

_REDIRECTS = frozenset(("file_redirect", "herestring_redirect", "heredoc_redirect"))
_RUNNING = frozenset(("command", "declaration_command", "unset_command"))


class Node(Protocol):
    """As much of tree-sitter's node as is asked here."""

    @property
    def type(self) -> str: ...
    @property
    def start_byte(self) -> int: ...
    @property
    def end_byte(self) -> int: ...
    @property
    def is_named(self) -> bool: ...
    @property
    def is_error(self) -> bool: ...
    @property
    def is_missing(self) -> bool: ...
    @property
    def children(self) -> "list[Node]": ...


class Spans:
    """Where a tree sees words, tests and redirections, as first byte and byte after the last."""

    __slots__ = ("redirects", "tests", "words")

    def __init__(self) -> None:
        self.words: set[tuple[int, int]] = set()
        self.tests: set[tuple[int, int]] = set()
        self.redirects: set[int] = set()


def spans_of(root: Node) -> Spans:
    """The places of all words and redirections of a tree.

    Raises UndecidedError: the tree holds an error, a kind of node that is not known, or too many nodes.
    """
    spans, waiting, seen = Spans(), [root], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if node.is_error or node.is_missing or (node.is_named and node.type not in KINDS):
            raise UndecidedError(f"its syntax is not understood at byte {node.start_byte}")
        if seen > MAX_NODES:
            raise UndecidedError(f"it has more than {MAX_NODES:,} parts")
        children = node.children
        _note(node, children, spans)
        waiting.extend(children)
    return spans


def _note(node: Node, children: list[Node], spans: Spans) -> None:
    kind = node.type
    if kind in _RUNNING:
        before_name = kind == "command"
        for child in children:
            if child.type in _REDIRECTS or (before_name and child.type == "variable_assignment"):
                continue
            before_name = before_name and child.type != "command_name"
            spans.words.add((child.start_byte, child.end_byte))
    elif kind == "test_command" and children:
        spans.tests.add((children[0].start_byte, children[-1].end_byte))
    elif kind in _REDIRECTS:
        _note_redirect(children, spans)


def _note_redirect(children: list[Node], spans: Spans) -> None:
    """A redirection's first word is its target; the tree hangs words of the command that follow it there too."""
    operator = next((child for child in children if not child.is_named), None)
    if operator is None:
        raise UndecidedError("a redirection without an operator")
    first = children[0]
    spans.redirects.add(first.start_byte)
    named = [child for child in children if child.is_named and child.type not in ("file_descriptor", *_REDIRECTS)]
    for child in named[1:]:
        if child.type not in ("heredoc_body", "heredoc_end", "pipeline", "list", "command", "comment"):
            spans.words.add((child.start_byte, child.end_byte))


def disagreement(found: Found, spans: Spans) -> str | None:
    """Where the two readings part, in words; None where they agree."""
    tests = {_extent(simple) for simple in found.simples if _is_test(simple)}
    ours = {(word.start, word.end) for simple in found.simples if not _is_test(simple) for word in simple.words}
    theirs = spans.words - found.keywords
    if ours != theirs:
        return f"its words are not certain at byte {min(start for start, _ in ours ^ theirs)}"
    if not tests <= spans.tests:
        return "a test is not certain"
    if found.redirects != spans.redirects:
        return f"its redirections are not certain at byte {min(found.redirects ^ spans.redirects)}"
    return None


def _is_test(simple: Simple) -> bool:
    return simple.words[0].values == ("[",)


def _extent(simple: Simple) -> tuple[int, int]:
    return simple.words[0].start, simple.words[-1].end
