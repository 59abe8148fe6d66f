"""What it costs to judge a call: an agent with fifty rules, most of which have to be asked, and one without any."""

import statistics
import time
from collections.abc import Iterator

from agentflow.guard.permissions import Level, Permissions, decide
from agentflow.guard.rule_lists import Anchors, ToolUse
from agentflow.plan.agent_plan import Grant, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.parameter_rules import conditions_of
from agentflow.plan.permission_plan import PermissionLevel, PermissionRule
from benchmarks.figure import Figure

CALLS = 2_000
_SEND = ToolSpec(
    "send",
    "Sends.",
    {"type": "object", "properties": {"to": {"type": "string"}, "amount": {"type": "number"}}},
    "sends",
)
_USES = {
    "parameters": ToolUse("send", {"to": "somebody@example.org", "amount": 12}),
    "path": ToolUse("Read", {"file_path": "src/agentflow/guard/permissions.py"}, "none"),
    "bash": ToolUse("Bash", {"command": "cd src && npm run build -- --fast | tail -n 3"}),
}
NAMES = tuple(f"permission-{name}" for name in _USES)
BESIDE = dict.fromkeys(NAMES, "judging one call under fifty rules, beside an agent that has none")


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
    grants = [Grant(_SEND), Grant(BUILTIN_TOOLS["Read"].spec), Grant(BUILTIN_TOOLS["Bash"].spec)]
    anchors = Anchors("/home/me/project", "/home/me")
    ruled = Permissions([Level(PermissionLevel(deny=tuple(_rules())), "agent")], grants, anchors=anchors)
    bare = Permissions([], grants, anchors=anchors)
    for name, use in _USES.items():
        if only and f"permission-{name}" not in only:
            continue
        pairs = [(_seconds(use, ruled), _seconds(use, bare)) for _ in range(rounds + 1)][1:]
        ours, other = (statistics.median(side) * 1e6 for side in zip(*pairs, strict=True))
        yield Figure(f"permission-{name}", "us", ours, other, tuple(one / two for one, two in pairs))


def _seconds(use: ToolUse, permissions: Permissions) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        decide(use, permissions)
    return (time.perf_counter() - began) / CALLS


def _rules() -> Iterator[PermissionRule]:
    for number in range(17):
        text = f"to:*@evil{number}.com"
        yield PermissionRule(f"send({text})", ("send",), "parameters", text, conditions_of(text, _SEND.input_schema))
        yield PermissionRule(f"Read(secret{number}/**)", ("Read",), "path", f"secret{number}/**")
        yield PermissionRule(f"Bash(git push {number} *)", ("Bash",), "bash", f"git push {number} *")
