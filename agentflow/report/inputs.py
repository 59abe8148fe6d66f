"""What a workflow takes, in words: its inputs, how they are typed, and what bounds a run of it."""

import shlex

from agentflow.plan.model import InputPlan, Plan
from agentflow.report.forms import field_text
from agentflow.report.inert import inert_line
from agentflow.report.style import count, duration, money
from agentflow.spec.forms import FormField

_LONGEST = 60


def input_rows(plan: Plan) -> list[tuple[str, str]]:
    """Each input's name, and what it takes: `a whole number, at least 1 (default 3) – How many`."""
    return [(inert_line(name, _LONGEST), _input_text(name, one)) for name, one in plan.inputs.items()]


def _input_text(name: str, declared: InputPlan) -> str:
    # `field_text` calls optional what has no default, and every input without one is required.
    text = field_text(FormField(name, declared.schema, True, not declared.required, declared.default))
    notes = []
    if declared.required:
        notes.append("required")
    if declared.schema.get("format") == "path":
        notes.append("a path inside the project")
    if declared.untrusted:
        notes.append("untrusted")
    return f"{text} [{', '.join(notes)}]" if notes else text


def limit_words(plan: Plan) -> str:
    """The bounds of a run."""
    limits = plan.limits
    parts = [
        f"at most {money(limits.cost_usd)}",
        duration(limits.wall_time),
        count(limits.turns, "turn"),
        count(limits.agents, "agent"),
        f"{limits.parallel} at once",
    ]
    return ", ".join(parts)


def example(plan: Plan, file: str) -> str:
    """A command line with all that must be given; `…` stands for values."""
    words = [f"-i {shlex.quote(inert_line(name))}=…" for name, one in plan.inputs.items() if one.required]
    return " ".join(["agentflow run", shlex.quote(inert_line(file)), *words])
