"""Rules for Bash: `Bash(npm run *)` and its like against what a script would do.

The meaning is Claude Code's (https://code.claude.com/docs/en/permissions): `*` stands for anything, blanks included;
a trailing ` *` wants a word's end before it, so that `ls *` covers `ls` and `ls -la` but not `lsof`; `ls:*` is the
older way to write the same; all else is matched exactly. Every command of a script must be allowed; one that is denied
denies them all.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from agentflow.guard.bash import read_script
from agentflow.guard.patterns import Pattern, PatternError, compile_pattern
from agentflow.guard.shell.git import without_options
from agentflow.guard.shell.programs import PLAIN, SHELLS
from agentflow.guard.shell.script import Command, Script, joined, quoted
from agentflow.guard.shell.wrappers import SPECS

INERT = frozenset((":", "true", "false", "test", "[", "break", "continue", "exit", "return", "shift"))
"""Commands of Bash that change nothing outside the script: they need no rule, and decide nothing."""

HARMLESS_TARGETS = frozenset(("/dev/null", "/dev/stdout", "/dev/stderr"))
"""Where a redirection may write without a rule that allows everything."""

MAX_OPENINGS = 64
"""How many words of an unknown program are tried as the beginning of a command that it may run; more count as one."""

_NETWORK = ("/dev/tcp/", "/dev/udp/")


class BashVerdict(Struct, frozen=True):
    """What rules say of a script.

    Attributes:
        verdict: "none" where no rule decides.
        rule: what stands in the brackets of the rule that decided, as written; `*` for one without brackets.
        why: in words.
    """

    verdict: Literal["allow", "ask", "deny", "none"]
    rule: str | None
    why: str


def decide_bash(
    script_text: str,
    *,
    allow: Sequence[str],
    ask: Sequence[str],
    deny: Sequence[str],
    allow_all: bool = False,
    ask_all: bool = False,
    deny_all: bool = False,
) -> BashVerdict:
    """What the rules for Bash say of a script. Deny beats ask beats allow.

    A script that is not wholly understood is never allowed by a rule with brackets, and is denied, or asked for, where
    any rule denies, or asks.

    Parameters:
        script_text: the script, as `bash -c` would take it.
        allow, ask, deny: what stands in the brackets of the rules.
        allow_all, ask_all, deny_all: whether there is a rule `Bash` without brackets.

    Returns: the verdict and the rule behind it. Never raises.
    """
    script = read_script(script_text)
    if deny_all:
        return BashVerdict("deny", "*", "Bash is denied")
    denied = _touched(script, deny, "denied")
    if denied is not None:
        return BashVerdict("deny", *denied)
    if ask_all:
        return BashVerdict("ask", "*", "Bash is asked for")
    asked = _touched(script, ask, "asked for")
    if asked is not None:
        return BashVerdict("ask", *asked)
    if allow_all or any(_is_everything(rule) for rule in allow):
        return BashVerdict("allow", "*", "Bash is allowed")
    return _allowed(script, allow)


def _is_everything(rule: str) -> bool:
    return rule.strip() in ("*", ":*")


def _touched(script: Script, rules: Sequence[str], what: str) -> tuple[str, str] | None:
    """The rule and the reason for which a script is denied, or asked for."""
    for rule in rules:
        if _is_everything(rule):
            return rule, f"every command is {what}"
    for command in script.commands if rules else ():
        forms = _forms(command.argv)
        for rule in rules:
            if _may_match(rule, command, forms):
                return rule, f"`{_shown(command)}` is {what} by `{rule}`"
    if script.undecidable is not None and rules:
        return rules[0], f"it cannot be told whether it does what is {what}: {script.undecidable}"
    return None


def _allowed(script: Script, rules: Sequence[str]) -> BashVerdict:
    """Whether rules cover all of a script."""
    if not rules:
        return BashVerdict("none", None, "no rule covers it")
    if script.undecidable is not None:
        return BashVerdict("none", None, f"it cannot be told what it does: {script.undecidable}")
    problem = next(_unruled_files(script), None)
    if problem is not None:
        return BashVerdict("none", None, problem)
    decided: str | None = None
    for command in script.commands:
        if command.is_wrapper or (command.argv[0] in INERT and command.argv[0] not in script.functions):
            continue
        rule = next((rule for rule in rules if _must_match(rule, command)), None)
        if rule is None:
            return BashVerdict("none", None, f"no rule covers `{_shown(command)}`")
        decided = decided or rule
    if decided is None:
        return BashVerdict("none", None, "no rule covers it")
    return BashVerdict("allow", decided, f"`{decided}` allows it")


def _unruled_files(script: Script) -> Iterator[str]:
    """What a script does that no rule of Bash speaks of."""
    yield from script.beside
    for name in script.writes:
        if name is None:
            yield "it writes to a file whose name is unknown until it runs"
        elif name.startswith(_NETWORK):
            yield f"it opens a connection: {name}"
        elif name not in HARMLESS_TARGETS:
            yield f"it writes to `{name}`, which only a rule `Bash` without brackets allows"
    for name in script.reads:
        if name is None:
            yield "it reads a file whose name is unknown until it runs"
        elif name.startswith(_NETWORK):
            yield f"it opens a connection: {name}"


def _shown(command: Command) -> str:
    return command.text if len(command.text) <= 200 else f"{command.text[:200]}…"


class Rule:
    """A rule, made ready for matching.

    Attributes:
        head: what stands before its first `*`; a text that it covers begins with this, or is this less a last blank.
        has_star: there is a `*` in it.
        open_end: it ends in `*`, so that it covers whatever goes on from what it covers.
        pattern: None where it cannot be made ready; such a rule covers nothing that is allowed.
    """

    __slots__ = ("has_star", "head", "open_end", "pattern")

    def __init__(self, text: str) -> None:
        text = text.strip()
        if text.endswith(":*"):
            text = text[:-2] + " *"
        pieces = _pieces(text)
        self.head = pieces[0]
        self.has_star = len(pieces) > 1
        self.open_end = self.has_star and pieces[-1] == ""
        self.pattern = _compiled(pieces)


def _pieces(text: str) -> list[str]:
    """A rule's text split at its `*`, with its words written as commands' words are."""
    words = _words(text)
    return " ".join(quoted(word) if word else "''" for word in words).split("*")


def _words(text: str) -> list[str]:
    """The words of a rule: quotes and backslashes in it are read as Bash reads them, and dropped."""
    words: list[str] = []
    word: list[str] = []
    is_word, place = False, 0
    quote = ""
    while place < len(text):
        character = text[place]
        place += 1
        if quote:
            if character == quote:
                quote = ""
            else:
                word.append(character)
        elif character in "'\"" and text.find(character, place) >= 0:
            quote, is_word = character, True
        elif character == "\\" and place < len(text):
            word.append(text[place])
            is_word = True
            place += 1
        elif character in " \t\n":
            if is_word:
                words.append("".join(word))
            word, is_word = [], False
        else:
            word.append(character)
            is_word = True
    return [*words, "".join(word)] if is_word else words


def _compiled(pieces: list[str]) -> Pattern | None:
    last_word = len(pieces) > 1 and pieces[-1] == "" and pieces[-2].endswith(" ")
    expression = ".*".join(_escaped(piece) for piece in (pieces[:-1] if last_word else pieces))
    if last_word:
        expression = expression.removesuffix(_escaped(" ")) + "(?: .*)?"
    try:
        return compile_pattern(rf"\A(?:{expression})\z", multiline=True)
    except PatternError:
        return None


def _escaped(text: str) -> str:
    return "".join(
        character if character.isalnum() or not character.isascii() or character == "_" else _hex(character)
        for character in text
    )


def _hex(character: str) -> str:
    return " " if character == " " else f"\\x{ord(character):02x}" if ord(character) < 32 else f"\\{character}"


@lru_cache(maxsize=4096)
def _rule(text: str) -> Rule:
    return Rule(text)


def _must_match(text: str, command: Command) -> bool:
    """Whether a rule covers a command, whatever its unknown words turn out to be."""
    rule = _rule(text)
    known = _known_part(command.argv)
    if rule.pattern is None or not known:
        return False
    if len(known) < len(command.argv) and not rule.open_end:
        return False
    return rule.pattern.find(joined(known).encode()) is not None


def _may_match(text: str, command: Command, forms: Sequence["_Form"]) -> bool:
    """Whether a rule covers a command in any way it may turn out, by any of its names."""
    whole, bare = _rule(text), _bare_rule(text)
    for rule in (whole,) if bare is whole else (whole, bare):
        if any(_may_cover(rule, form) for form in forms) or _may_run(rule, command.argv):
            return True
    return False


@lru_cache(maxsize=4096)
def _bare_rule(text: str) -> Rule:
    """A rule for a program in a folder, as one for its bare name."""
    name, blank, rest = text.strip().partition(" ")
    if "/" not in name or set(name) & set("*'\"\\"):
        return _rule(text)
    return Rule(name.rsplit("/", 1)[-1] + blank + rest)


class _Form(Struct, frozen=True):
    """One way to say a command.

    Attributes:
        line: its words up to the first that is unknown.
        is_whole: none is unknown.
    """

    line: str
    is_whole: bool


def _forms(argv: tuple[str | None, ...]) -> list[_Form]:
    out = []
    for view in _views(argv):
        known = _known_part(view)
        out.append(_Form(joined(known), len(known) == len(view)))
    return out


def _may_cover(rule: Rule, form: _Form) -> bool:
    # Whatever it turns out to be begins with its line, and what a rule covers begins with its head.
    if not (form.line.startswith(rule.head.rstrip(" ")) or (not form.is_whole and rule.head.startswith(form.line))):
        return False
    return not form.is_whole or rule.pattern is None or rule.pattern.find(form.line.encode()) is not None


def _may_run(rule: Rule, argv: tuple[str | None, ...]) -> bool:
    """Whether a program that is not known may run, of the words it is given, what a rule covers: `npx rm x`."""
    name = (argv[0] or "").rsplit("/", 1)[-1]
    if name in PLAIN or name in SPECS or name in SHELLS:
        return False
    wanted, blank, _ = rule.head.partition(" ")
    if not wanted:
        # It begins with `*`, and so covers the whole line wherever it covers its end.
        return False
    goes_on = rule.has_star and not blank
    places = [
        place
        for place, word in enumerate(argv)
        if place and word is not None and _begins(word.rsplit("/", 1)[-1], wanted, goes_on)
    ]
    if len(places) > MAX_OPENINGS:
        return True
    return any(_may_cover(rule, form) for place in places for form in _forms(argv[place:]))


def _begins(name: str, wanted: str, goes_on: bool) -> bool:
    if goes_on:
        return name.startswith(wanted) or name.lower().startswith(wanted)
    return wanted in (name, name.lower())


def _views(argv: tuple[str | None, ...]) -> Iterator[tuple[str | None, ...]]:
    """What a rule may mean by a command: it as written, by its bare name, or without git's own options."""
    yield argv
    name = argv[0]
    if name is None:
        return
    base = name.rsplit("/", 1)[-1]
    # Where files' names do not tell case apart, `RM` is `rm`.
    for other in {base, base.lower()} - {name}:
        yield (other, *argv[1:])
    shorter = _SHORTER.get(base)
    if shorter is not None:
        yield (base, *shorter(argv[1:]))


_SHORTER: dict[str, Callable[[tuple[str | None, ...]], tuple[str | None, ...]]] = {"git": without_options}


def _known_part(argv: tuple[str | None, ...]) -> tuple[str, ...]:
    """The words up to the first that is unknown."""
    out: list[str] = []
    for word in argv:
        if word is None:
            break
        out.append(word)
    return tuple(out)
