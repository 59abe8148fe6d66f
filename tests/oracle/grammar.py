"""Makes commands: from templates (`commands/*.txt`), put into each other, in all spellings, and damaged.

A template is a line; in it, `⏎` is a newline, `⇥` a tab, `⟦a0⟧` the character U+00A0, and what stands between `@`:

- `@c@` any command, of any topic;
- `@s@` a plain command without quotes, so that it can stand inside of them; `@q@` some script in quotes;
- `@t@` a tool, `@w@` a word, `@x@` an expansion, `@v@` a variable, `@f@` a file that may be written.
"""

import dataclasses
import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.oracle.scene import TOOLS
from tests.oracle.spelling import NAMES, ODD, PLAIN, blank, damaged, spelled

TOPICS = ("everyday", "tricks", "words", "wrappers", "executors", "redirections", "compound", "assignments", "builtins")
"""A file of templates each; `mixed` and `damaged` are made of all of them."""
MADE = ("mixed", "damaged")
_SLOT = re.compile(r"@([csqtwxvf])@")
_CODE = re.compile("⟦([0-9a-f]+)⟧")
_FILES = (
    "out.txt",
    "src.out",
    "'o ut'",
    "./o.txt",
    '"out.txt"',
    "/work/o",
    "o\\ ut",
    "$'o\\x2et'",
    "/dev/null",
    "b.txt",
)
_EXPANSIONS = (
    "$none",
    '"$none"',
    "${none:-z}",
    "$(t3)",
    "`t3 x`",
    '"$(t3 y)"',
    "$HOME",
    "~",
    "*.txt",
    "{a,b}",
    "$((1+1))",
    "${HOME##*/}",
)
_DEEPEST = 4
"""Templates within templates."""
_LONGEST = 2_000
"""Characters of one command."""


@dataclasses.dataclass(slots=True, frozen=True)
class Case:
    """A command to run."""

    text: str
    topic: str


def templates(topic: str) -> list[str]:
    """The templates of a topic, as lines of its file."""
    return (Path(__file__).parent / "commands" / f"{topic}.txt").read_text(encoding="utf-8").splitlines()


def cases(seed: int, count: int, only: str | None = None) -> Iterator[Case]:
    """That many different commands, the same ones for the same seed.

    Each template is used once before one is used twice, if `count` allows; the rest, about a half of ten thousand and
    at least three tenths, is `mixed` and `damaged`.
    """
    rng = random.Random(seed)
    grammar = Grammar(rng)
    chosen = [Case(line, topic) for topic in TOPICS if only in (None, topic) for line in templates(topic)]
    rng.shuffle(chosen)
    seen: set[str] = set()
    if only not in MADE:
        share = count if only else min(count * 7 // 10, len(chosen) + count // 5)
        for case in _repeated(chosen, 200):
            if len(seen) >= share:
                break
            text = grammar.fill(case.text, 0)
            if text not in seen:
                seen.add(text)
                yield Case(text, case.topic)
    while len(seen) < count and only in (None, *MADE):
        topic = only if only in MADE else rng.choice(MADE)
        text = grammar.command(0)
        if topic == "damaged":
            text = damaged(text, rng)
        if text not in seen and "\0" not in text and len(text) <= _LONGEST:
            seen.add(text)
            yield Case(text, topic)


def _repeated(chosen: list[Case], times: int) -> Iterator[Case]:
    for _ in range(times):
        yield from chosen


class Grammar:
    """Fills templates in. Parameters: rng: decides everything."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._templates = {topic: templates(topic) for topic in TOPICS}

    def command(self, depth: int) -> str:
        """Any command; the deeper it stands in others, the plainer it is."""
        if depth and (depth >= _DEEPEST or self._rng.random() < 0.55):
            return self._simple()
        topic = self._rng.choice(TOPICS[1:] if depth else TOPICS)
        return self.fill(self._rng.choice(self._templates[topic]), depth + 1)

    def fill(self, template: str, depth: int) -> str:
        """The template as text for bash."""
        text = template.replace("⏎", "\n").replace("⇥", "\t")
        text = _CODE.sub(lambda code: chr(int(code.group(1), 16)), text)
        return _SLOT.sub(lambda slot: self._slot(slot.group(1), depth), text)

    def _slot(self, kind: str, depth: int) -> str:
        rng = self._rng
        match kind:
            case "c":
                return self.command(depth + 1)
            case "s":
                return " ".join([rng.choice(TOOLS), *rng.choices(PLAIN, k=rng.randrange(3))])
            case "q":
                inner = self._slot("s", depth) if rng.random() < 0.6 else self.command(depth + 1)
                return shlex.quote(inner) if rng.random() < 0.7 else spelled(inner, rng)
            case "t":
                return rng.choice(TOOLS)
            case "w":
                return self._word()
            case "x":
                return rng.choice(_EXPANSIONS)
            case "v":
                return rng.choice(NAMES)
            case _:
                return rng.choice(_FILES)

    def _word(self) -> str:
        rng = self._rng
        if rng.random() < 0.15:
            return rng.choice(_EXPANSIONS)
        word = rng.choice(ODD if rng.random() < 0.3 else PLAIN)
        return spelled(word, rng) if rng.random() < 0.5 else shlex.quote(word)

    def _simple(self) -> str:
        rng = self._rng
        name = rng.choice(TOOLS) if rng.random() < 0.8 else rng.choice(_REAL)
        words = [spelled(name, rng) if rng.random() < 0.3 else name]
        words += [self._word() for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))]
        if rng.random() < 0.12:
            words.insert(0, f"{rng.choice(NAMES)}={self._word()}")
        if rng.random() < 0.15:
            words.insert(rng.randrange(len(words) + 1), rng.choice((">", ">>", "2>", "<", "&>")) + rng.choice(_FILES))
        text = words[0]
        for word in words[1:]:
            text += blank(rng) + word
        return text


_REAL = (
    "echo",
    "cat",
    "ls",
    "git",
    "env",
    "printf",
    "true",
    "test",
    "cd",
    "export",
    "command",
    "xargs",
    "find",
    "sed",
    "/tools/t1",
)
"""Names besides the tools: programs and builtins."""
