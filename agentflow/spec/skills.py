"""Skills: folders with a `SKILL.md`, in the format of agentskills.io that Claude Code reads too.

Its front matter has a `name` and a `description`; the body is what an agent reads when it calls the skill. What a skill
asks to be allowed is granted by nobody: an agent may do what its file says.
"""

from collections.abc import Iterator

from msgspec import Struct

from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Document
from agentflow.source.project import SourceText
from agentflow.source.suggest import did_you_mean
from agentflow.spec.findings import shown
from agentflow.spec.front_matter import read_front_matter

SKILL_FILE = "SKILL.md"
LONGEST_DESCRIPTION = 1_024
"""Characters, as the format bounds it."""

_HOW_IT_BEGINS = "begin it with `---`, a `name:` and a `description:`, and `---`"
_TAKEN = ("name", "description", "when_to_use")
_OF_NO_EFFECT = ("license", "compatibility", "metadata", "version", "allowed-tools", "argument-hint", "user-invocable")
_REFUSED = {
    "context": "make it an agent of its own, and let this one call it by `Agent`",
    "agent": "make it an agent of its own, and let this one call it by `Agent`",
    "model": "set the model of the agent that uses the skill",
    "effort": "set the effort of the agent that uses the skill",
    "hooks": "make what must happen before or after a step of its own",
    "disable-model-invocation": "leave the skill out: no agent could call it",
}


class Skill(Struct, frozen=True):
    """A skill, read.

    Attributes:
        description: what it is for and when to use it.
        body: what the agent is to know.
    """

    name: str
    description: str
    body: str


def read_skill(text: SourceText) -> tuple[Skill | None, list[Diagnostic]]:
    """A skill's file, or what is wrong with it."""
    front = read_front_matter(text, "a skill", _HOW_IT_BEGINS)
    if front.document is None:
        return None, list(front.problems)
    problems = list(_problems(front.document))
    if not front.body:
        place = front.document.place(())
        problems.append(Diagnostic("AF202", "the skill says nothing", place, "write below the front matter what to do"))
    if problems:
        return None, problems
    data = front.document.data
    parts = [data["description"].strip(), str(data.get("when_to_use") or "").strip()]
    return Skill(data["name"], " ".join(part for part in parts if part), front.body), []


def _problems(document: Document) -> Iterator[Diagnostic]:
    data = document.data
    for key in ("name", "description"):
        if key not in data:
            yield Diagnostic("AF202", f"the skill lacks `{key}`", document.place(()), _HOW_IT_BEGINS)
    for key, value in data.items():
        place = document.place((key,), key=True)
        if key in _TAKEN and not (isinstance(value, str) and value.strip()):
            yield Diagnostic("AF203", f"`{key}` must be text, not {shown(value)}", document.place((key,)))
        elif key in _TAKEN and len(value) > LONGEST_DESCRIPTION:
            message = f"`{key}` has {len(value):,} characters; {LONGEST_DESCRIPTION:,} are the most"
            yield Diagnostic("AF203", message, document.place((key,)), "move what is longer below the front matter")
        elif key == "disable-model-invocation" and value is False:
            continue
        elif key in _REFUSED:
            yield Diagnostic("AF201", f"`{key}` of a skill is not supported", place, _REFUSED[key])
        elif key not in (*_TAKEN, *_OF_NO_EFFECT):
            known = (*_TAKEN, *_OF_NO_EFFECT)
            hint = did_you_mean(key, known) or f"put it under `metadata`; a skill takes {', '.join(known)}"
            yield Diagnostic("AF201", f"a skill does not take `{key}`", place, hint)
