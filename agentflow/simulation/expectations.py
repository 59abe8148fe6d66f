"""What a test expects against what a simulated run did: one function for each key of `expect`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agentflow.events.values import Failure
from agentflow.simulation.paths import patterns
from agentflow.simulation.trace import Call, Trace, TracedStep
from agentflow.source.document import Loc
from agentflow.spec.suite import Expect, ExpectedCalls, ExpectedFailure, ExpectedStep

JSON = Any


class Mismatch(Struct, frozen=True):
    """Something that went otherwise than expected.

    Attributes:
        loc: of the expectation, from `expect` on.
        what: the same in words, as `steps.publish.status`.
        expected, found: values, or words about them.
    """

    loc: Loc
    what: str
    expected: JSON
    found: JSON


class Ran(Struct, frozen=True):
    """A simulated run, and the exit code that a real one would have."""

    trace: Trace
    exit_code: int


def mismatches(expect: Expect, ran: Ran) -> Iterator[Mismatch]:
    """Everything that went otherwise than expected, in the order of the expectations' keys."""
    for key, check in CHECKS.items():
        if key in expect.model_fields_set:
            yield from check(getattr(expect, key), ran)


def includes(expected: JSON, found: JSON) -> bool:
    """Whether a value holds what is expected: a mapping may have more keys, a text more around it.

    Lists go item by item; all else is equal.
    """
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            key in found and includes(value, found[key]) for key, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list | tuple)
            and len(expected) == len(found)
            and all(includes(one, other) for one, other in zip(expected, found, strict=True))
        )
    if isinstance(expected, str):
        return isinstance(found, str) and expected in found
    return same(expected, found)


def same(expected: JSON, found: JSON) -> bool:
    """Whether two values are equal as JSON: true is not 1."""
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and expected.keys() == found.keys()
            and all(same(value, found[key]) for key, value in expected.items())
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list | tuple)
            and len(expected) == len(found)
            and all(same(one, other) for one, other in zip(expected, found, strict=True))
        )
    return isinstance(expected, bool) == isinstance(found, bool) and bool(expected == found)


def _status(expected: str, ran: Ran) -> Iterator[Mismatch]:
    found = ran.trace.result
    if found.status != expected:
        yield Mismatch(("status",), "status", expected, _with_reason(found.status, found.failure, None))


def _exit(expected: int, ran: Ran) -> Iterator[Mismatch]:
    if ran.exit_code != expected:
        yield Mismatch(("exit",), "exit", expected, ran.exit_code)


def _failure(expected: ExpectedFailure, ran: Ran) -> Iterator[Mismatch]:
    yield from _of_failure(("failure",), expected, ran.trace.result.failure)


def _of_failure(loc: Loc, expected: ExpectedFailure, found: Failure | None) -> Iterator[Mismatch]:
    if found is None:
        yield Mismatch(loc, _words(loc), expected.model_dump(exclude_unset=True), "no failure")
        return
    for key in ("kind", "step"):
        wanted, value = getattr(expected, key), getattr(found, key)
        if wanted is not None and wanted != value:
            yield Mismatch((*loc, key), _words((*loc, key)), wanted, value)
    if expected.message is not None and expected.message not in found.message:
        at = (*loc, "message")
        yield Mismatch(at, _words(at), f"a text with {expected.message!r}", found.message)


def _outputs(expected: Mapping[str, JSON], ran: Ran) -> Iterator[Mismatch]:
    found = ran.trace.result.outputs
    if found is None:
        yield Mismatch(("outputs",), "outputs", expected, "none: the run is not done")
        return
    for name in sorted({*expected, *found}):
        loc: Loc = ("outputs", name)
        if name not in expected:
            yield Mismatch(("outputs",), f"outputs.{name}", "nothing of that name", found[name])
        elif name not in found or not same(expected[name], found[name]):
            yield Mismatch(loc, _words(loc), expected[name], found.get(name))


def _outputs_include(expected: Mapping[str, JSON], ran: Ran) -> Iterator[Mismatch]:
    found = ran.trace.result.outputs
    if found is None:
        yield Mismatch(("outputs_include",), "outputs_include", expected, "none: the run is not done")
        return
    for name, value in expected.items():
        loc: Loc = ("outputs_include", name)
        if name not in found or not includes(value, found[name]):
            yield Mismatch(loc, _words(loc), value, found.get(name))


def _steps(expected: Mapping[str, ExpectedStep], ran: Ran) -> Iterator[Mismatch]:
    for pattern, step in expected.items():
        loc: Loc = ("steps", pattern)
        met = matching(pattern, ran.trace.steps)
        if not met and step.status != "unreached":
            yield Mismatch(loc, f"steps.{pattern}", step.model_dump(exclude_unset=True), "unreached")
        for found in met:
            yield from _step(loc, found, step)


def _step(loc: Loc, found: TracedStep, expected: ExpectedStep) -> Iterator[Mismatch]:
    given = expected.model_fields_set

    def mismatch(key: str, wanted: JSON, value: JSON) -> Mismatch:
        return Mismatch((*loc, key), f"steps.{found.path}.{key}", wanted, value)

    if "status" in given and found.status != expected.status:
        yield mismatch("status", expected.status, _with_reason(found.status, found.failure, found.reason))
    if expected.reason is not None and expected.reason not in (found.reason or ""):
        yield mismatch("reason", f"a text with {expected.reason!r}", found.reason)
    if "output" in given and not same(expected.output, found.output):
        yield mismatch("output", expected.output, found.output)
    if "output_includes" in given and not includes(expected.output_includes, found.output):
        yield mismatch("output_includes", expected.output_includes, found.output)
    if expected.failure is not None:
        yield from _of_failure((*loc, "failure"), expected.failure, found.failure)


def _order(expected: Sequence[str], ran: Ran) -> Iterator[Mismatch]:
    starts: list[tuple[int, str]] = []
    for index, pattern in enumerate(expected):
        orders = [step.order for step in matching(pattern, ran.trace.steps) if step.order is not None]
        if not orders:
            yield Mismatch(("order", index), "order", f"`{pattern}` starts", "it does not")
            return
        starts.append((min(orders), pattern))
    if starts != sorted(starts):
        yield Mismatch(("order",), "order", list(expected), [pattern for _, pattern in sorted(starts)])


def _calls(expected: Any, ran: Ran) -> Iterator[Mismatch]:
    for kind in ("agents", "commands", "functions", "tools"):
        for name, wanted in getattr(expected, kind).items():
            found = [call for call in ran.trace.calls if (call.kind, call.name) == (kind, name)]
            loc: Loc = ("calls", kind, name)
            if isinstance(wanted, ExpectedCalls):
                yield from _of_calls(loc, wanted, found)
            elif len(found) != wanted:
                yield Mismatch(loc, _words(loc), wanted, len(found))


def _of_calls(loc: Loc, expected: ExpectedCalls, found: Sequence[Call]) -> Iterator[Mismatch]:
    if expected.count is not None and len(found) != expected.count:
        yield Mismatch((*loc, "count"), _words((*loc, "count")), expected.count, len(found))
    for key, meets in (("prompt", includes), ("args", same), ("stdin", includes), ("input", includes)):
        wanted = getattr(expected, key)
        if wanted is not None and not any(meets(wanted, call.given.get(key)) for call in found):
            given = [call.given.get(key) for call in found] or "no such call"
            yield Mismatch((*loc, key), _words((*loc, key)), wanted, given)


def _cost(expected: Any, ran: Ran) -> Iterator[Mismatch]:
    # Sums of floats differ in their last digits by the order they were added in.
    found = round(ran.trace.result.spent.cost_usd, 9)
    if expected.max is not None and found > round(expected.max, 9):
        yield Mismatch(("cost_usd", "max"), "cost_usd", f"at most {expected.max:g}", found)
    if expected.min is not None and found < round(expected.min, 9):
        yield Mismatch(("cost_usd", "min"), "cost_usd", f"at least {expected.min:g}", found)


CHECKS: Mapping[str, Callable[[Any, Ran], Iterator[Mismatch]]] = {
    "status": _status,
    "exit": _exit,
    "failure": _failure,
    "outputs": _outputs,
    "outputs_include": _outputs_include,
    "steps": _steps,
    "order": _order,
    "calls": _calls,
    "cost_usd": _cost,
}


def matching(pattern: str, steps: Sequence[TracedStep]) -> list[TracedStep]:
    """The steps that a pattern names; of several starts of one the last."""
    found = {step.path: step for step in steps if step.kind != "item" and pattern in patterns(step.path)}
    return list(found.values())


def _with_reason(status: str, failure: Failure | None, reason: str | None) -> str:
    if failure is not None:
        return f"{status}: {failure.message} ({failure.kind})"
    return f"{status}: {reason}" if reason else status


def _words(loc: Loc) -> str:
    return ".".join(str(segment) for segment in loc)
