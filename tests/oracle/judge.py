"""Compares what a command did with what was said of it."""

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Sequence

from agentflow.guard.bash import Script, read_script
from agentflow.guard.bash_rules import INERT, decide_bash
from tests.oracle.design import (
    follows_the_project,
    is_a_script_of_the_system,
    is_its_own,
    runs_what_the_project_says,
)
from tests.oracle.grammar import Case
from tests.oracle.scene import SEARCHED
from tests.oracle.tracer import Image, Observed
from tests.oracle.xtrace import Assigned, Traced, Unread, read

_DECLARES = ("declare", "typeset", "local", "export", "readonly")
"""Builtins whose arguments bash traces otherwise than it was given them (`x=(1 2)`)."""
_HEREDOC = re.compile(r"/tmp/sh-thd\.\w+")
"""Where bash keeps a long here-document."""
_NETWORK = ("/dev/tcp/", "/dev/udp/")
_PLAIN = re.compile(r"[\w./=:+-]+")


@dataclasses.dataclass(slots=True)
class Verdict:
    """What came of one command.

    Attributes:
        undecidable: what the parser said; then `misses` holds only what rules let pass.
        ran: programs compared. traced: simple commands compared. wrote: opens for writing compared.
        unread: records of bash's xtrace that could not be read.
        by_design: what a program ran that the rule for this program stands for: `make`, `npm`, a script.
        misses: what it did unseen, or what rules wrongly let pass.
    """

    case: Case
    undecidable: str | None
    ran: int = 0
    traced: int = 0
    wrote: int = 0
    unread: int = 0
    by_design: list[str] = dataclasses.field(default_factory=list)
    misses: list[str] = dataclasses.field(default_factory=list)
    late: bool = False


def judge(case: Case, observed: Observed, reading: Callable[[str], Script] = read_script) -> Verdict:
    """Reads the command and compares."""
    script = reading(case.text)
    verdict = Verdict(case, script.undecidable, late=observed.late)
    trace = read(observed.traced)
    verdict.ran, verdict.wrote = len(observed.ran), len(observed.wrote)
    verdict.traced = sum(isinstance(record, Traced) for record in trace)
    verdict.unread = sum(isinstance(record, Unread) for record in trace)
    sourced = {record.argv for record in trace if isinstance(record, Traced) and record.source}
    comparison = _Comparison(case.text, script, sourced)
    if script.undecidable is None:
        for image in observed.ran:
            _sort(verdict, comparison.explained(image), f"ran {image.path} {image.argv} by {_by(image)}")
        for record in trace:
            if isinstance(record, Unread):
                continue
            _sort(verdict, comparison.explained_trace(record), f"bash ran {record}")
        for write in observed.wrote:
            _sort(verdict, comparison.explained_write(write.path, write.by), f"wrote {write.path!r} by {write.by.argv}")
    done = [image for image in observed.ran if comparison.explained(image) != "by design"]
    verdict.misses += _slipped(case.text, script, done, [record for record in trace if isinstance(record, Traced)])
    return verdict


def _by(image: Image) -> str:
    return "the script" if image.by is None or image.by.by is None else f"{image.by.argv}"


def _sort(verdict: Verdict, explanation: str | None, what: str) -> None:
    if explanation is None:
        verdict.misses.append(what)
    elif explanation == "by design":
        verdict.by_design.append(what)


class _Comparison:
    """What the parser listed, asked for one thing at a time: `listed`, `by design`, or None for a miss."""

    def __init__(self, text: str, script: Script, sourced: set[tuple[str, ...]]) -> None:
        self._text = " ".join([text, *(word for command in script.commands for word in command.argv if word)])
        self._argvs = [command.argv for command in script.commands if command.argv]
        self._writes, self._opened = script.writes, (*script.writes, *script.reads)
        self._sourced = sourced

    def explained(self, image: Image) -> str | None:
        if any(_is_program(argv[0], image) and _same(argv[1:], image.argv[1:]) for argv in self._argvs):
            return "listed"
        if image.by is None:
            return None
        if is_its_own(image, self._text) or follows_the_project(image):
            return "by design"
        return "by design" if image.argv in self._sourced else None

    def explained_trace(self, record: Traced | Assigned) -> str | None:
        if record.source:
            named = any(record.source in words for words in self._argvs) or any(
                word is not None and os.path.basename(word) == os.path.basename(record.source)
                for words in self._argvs
                for word in words
            )
            return "by design" if named else None
        if isinstance(record, Assigned):
            return "listed"  # what it changes shows in what runs after it
        if any(_same(argv, record.argv) for argv in self._argvs):
            return "listed"
        if record.argv and record.argv[0] in _DECLARES and any(argv[0] == record.argv[0] for argv in self._argvs):
            return "listed"
        return None

    def explained_write(self, path: str, by: Image) -> str | None:
        if by.by is not None and (runs_what_the_project_says(by) or is_a_script_of_the_system(by)):
            return "by design"
        if follows_the_project(by):
            return "by design"
        if by.by is not None and is_its_own(by, self._text):
            return "by design"
        if path in self._writes or None in self._writes or _HEREDOC.fullmatch(path):
            return "listed"
        if path == "/dev/tcp" and any(name is None or name.startswith(_NETWORK) for name in self._opened):
            return "listed"
        if any(argv[0] == "history" for argv in self._argvs):  # it writes a file of its own, as a program would
            return "listed"
        return None


def _is_program(name: str | None, image: Image) -> bool:
    if name is None:
        return False
    return image.path == name if "/" in name else image.path in {f"{folder}/{name}" for folder in SEARCHED}


def _same(listed: Sequence[str | None], seen: Sequence[str]) -> bool:
    """Whether the words are what was listed; an unknown word may be several, or none."""
    places = {0}
    for word in listed:
        if word is None:
            places = set(range(min(places), len(seen) + 1))
        else:
            places = {place + 1 for place in places if place < len(seen) and seen[place] == word}
        if not places:
            return False
    return len(seen) in places


def _slipped(text: str, script: Script, ran: Iterable[Image], traced: Iterable[Traced]) -> list[str]:
    """What rules let pass that they must not."""
    found: list[str] = []
    traced = [record for record in traced if not record.source]
    # An expansion may leave nothing of a command's words.
    seen = [*(name for image in ran for name in _named(image)), *(record.argv for record in traced if record.argv)]
    for rule in dict.fromkeys(rule for argv in seen for rule in _denials(argv)):
        verdict = decide_bash(text, allow=[], ask=[], deny=[rule], allow_all=True)
        if verdict.verdict != "deny":
            found.append(f"deny {rule!r} says {verdict.verdict}: {verdict.why}")
    wrappers = {os.path.basename(command.argv[0] or "") for command in script.commands if command.is_wrapper}
    free = wrappers | INERT - {*script.functions}
    names = {command.argv[0] for command in script.commands if command.argv and command.argv[0]}
    known = {name for name in names if _PLAIN.fullmatch(name)}  # `*` as a name would be a rule for everything
    for name in dict.fromkeys(os.path.basename(argv[0]) for argv in seen):
        if name in free:
            continue
        others = [f"{other} *" for other in sorted(known) if os.path.basename(other) != name]
        if decide_bash(text, allow=others, ask=[], deny=[]).verdict == "allow":
            found.append(f"it runs {name!r}, and without a rule for it is allowed by {others}")
    return found


def _named(image: Image) -> Iterable[tuple[str, ...]]:
    """The names that a rule may know a program by: as the command said it, and without the folder."""
    if "/" in image.argv[0]:
        yield (image.path, *image.argv[1:])
    folder, name = os.path.split(image.path)
    if folder in SEARCHED:
        yield (name, *image.argv[1:])


def _denials(argv: tuple[str, ...]) -> Iterable[str]:
    if argv and _PLAIN.fullmatch(argv[0]):
        yield f"{argv[0]} *"
        if len(argv) > 1 and _PLAIN.fullmatch(argv[1]):
            yield f"{argv[0]} {argv[1]} *"
