"""`python -m tests.fault_table > docs/faults.md`: what can go wrong with a model call, and what is done about it."""

from agentflow.engine.service import LONG_WAIT_SECONDS
from agentflow.engine.service_waits import STAY_SECONDS
from agentflow.guard.breaker import FAILURES_TO_OPEN, FIRST_COOL_DOWN_SECONDS, LONGEST_COOL_DOWN_SECONDS
from agentflow.guard.pace import CALLS_AT_FIRST
from agentflow.models.faults import BILLED, COURSES, FAULTS
from agentflow.models.progress import (
    LEAST_SECONDS,
    READ_TIMEOUT_SECONDS,
    SLOWEST_CHARACTERS_PER_SECOND,
    SLOWEST_TOKENS_PER_SECOND,
)
from agentflow.models.retry import (
    CAP_SECONDS,
    MAX_ATTEMPTS,
    OUTAGE_CAP_SECONDS,
    OUTAGE_PATIENCE_SECONDS,
    RETRY_AFTER_CAP_SECONDS,
)

_HEAD = """# What can go wrong with a model call

Every fault that is told apart, what is done about it, and what is charged to the caps on money. The code goes by
  this table (`agentflow/models/faults.py`), `tests/acceptance/test_bad_days.py` brings each row about by a real
  exchange, and `python -m tests.faults` breaks a reply with two tool calls at every byte.

This page is made by `python -m tests.fault_table > docs/faults.md`; a test fails when it is out of date.

| Fault | What comes | What is done | Failure | Charged |
|---|---|---|---|---|
"""


def page() -> str:
    """The page as Markdown."""
    rows = "\n".join(
        f"| {fault.name} | {fault.seen} | {fault.course.replace('_', ' ')} | "
        f"{f'`{fault.kind}`' if fault.kind else ''} | {fault.billed} |"
        for fault in FAULTS.values()
    )
    courses = "\n".join(f"- **{course.replace('_', ' ')}**: {text}" for course, text in COURSES.items())
    billed = "\n".join(f"- **{how}**: {text}." for how, text in BILLED.items())
    told = f"## What is done\n\n{courses}\n\n## What is charged\n\n{billed}"
    return f"{_unwrapped(_HEAD)}{rows}\n\n{told}\n\n{_unwrapped(_bounds())}"


def _unwrapped(text: str) -> str:
    """A paragraph on one line, as Markdown here has it."""
    return text.replace("\n  ", " ")


def _bounds() -> str:
    return f"""## Bounds

- A reply that cannot be had is tried {MAX_ATTEMPTS} times, with waits that double up to {CAP_SECONDS:g} s; a
  service that is not there as often and then every {OUTAGE_CAP_SECONDS / 60:g} minutes at least, for
  {OUTAGE_PATIENCE_SECONDS / 3600:g} hours. If nothing in the run was ever answered, the run pauses after
  {MAX_ATTEMPTS} tries: the address may be wrong.
- `retry-after` is kept to, and counts as {RETRY_AFTER_CAP_SECONDS / 3600:g} hours at most.
- Waits of {LONG_WAIT_SECONDS:g} s and more are nobody's work: `wall_time` and `timeout` do not count them. Where
  nothing else is at work and the next try lies over {STAY_SECONDS / 60:g} minutes away, the run pauses and the
  process ends, unless `--wait` was given.
- {FAILURES_TO_OPEN} failures in a row, of all agents together, and a model is left alone: for
  {FIRST_COOL_DOWN_SECONDS:g} s at first, up to {LONGEST_COOL_DOWN_SECONDS / 60:g} minutes. Then one call tries it.
  Meanwhile agents with a `fallback_model` ask that one.
- Calls in flight to one model: {CALLS_AT_FIRST} at first, one more with each reply until the service refuses one; a
  refusal halves them, and from then on they grow by one a round. Never more than `limits.parallel`.
- A reply has {READ_TIMEOUT_SECONDS:g} s for each byte, and in all the time that {SLOWEST_TOKENS_PER_SECOND:g}
  tokens a second need for its `max_tokens`, or {LEAST_SECONDS / 60:g} minutes; what comes of it adds a second for
  every {SLOWEST_CHARACTERS_PER_SECOND:g} characters. Pings add nothing.
"""


if __name__ == "__main__":
    print(page(), end="")
