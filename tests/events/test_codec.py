"""Events to JSON and back."""

import json
import math
import re
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from agentflow.errors import JournalError
from agentflow.events import codec
from agentflow.events.codec import VERSIONS, dumps, from_body, to_body
from agentflow.events.run_events import RunEvent, RunFinished, RunStarted, StepStarted
from agentflow.events.session_events import Compacted, ModelCalled, ModelReplied, SessionEvent, ToolCalled, ToolFinished
from agentflow.events.values import Approvers, Continued, Denial, Failure, Lineage, Spent, Timings, Usage, Workspace

PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")

# JSON writes two lone surrogates that make up a pair as it writes the character they stand for.
texts = st.text(st.characters(), max_size=12).filter(lambda text: not PAIR.search(text))
floats = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.integers(0, 2**70)
data = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, data, max_size=3)

failures = st.builds(Failure, st.sampled_from(["timeout", "refusal"]), texts, st.booleans(), st.none() | texts)
usages = st.builds(Usage, numbers, numbers, numbers, numbers, numbers)
spents = st.builds(Spent, usages, floats, numbers, numbers)
timings = st.builds(Timings, floats, floats, floats)
workspaces = st.builds(Workspace, st.sampled_from(["copy", "worktree"]), texts, st.none() | texts)

NAMED = {
    "sources": st.dictionaries(texts, texts, max_size=3),
    "inputs": objects,
    "declared": objects,
    "form": objects,
    "failure": failures,
    "service": st.none() | failures,
    "usage": usages,
    "spent": spents,
    "timings": timings,
    "arguments": objects,
    "summary": objects,
    "input": objects,
    "workspace": workspaces,
    "lineage": st.builds(
        Lineage, texts, st.sampled_from(["fork", "edited"]), st.lists(texts, max_size=3).map(tuple), st.none() | texts
    ),
    "continued": st.builds(Continued, texts, texts, st.none() | texts, st.none() | texts),
    "approvers": st.builds(
        Approvers, st.lists(texts, max_size=3).map(tuple), st.none() | floats, st.lists(texts, max_size=3).map(tuple)
    ),
    "denied": st.builds(Denial, texts, st.none() | texts, st.none() | texts, st.none() | texts),
    "limits": st.dictionaries(texts, floats, max_size=3),
    "waiting": st.lists(texts, max_size=3).map(tuple),
}
PLAIN = {str: texts, float: floats, int: numbers, bool: st.booleans()}


def values_of(kind: type[Any], name: str, hint: Any) -> st.SearchStrategy[Any]:
    """What a field of that type may hold."""
    if hint is Any:
        return data
    if hint in PLAIN:
        return PLAIN[hint]
    options = get_args(hint)
    if type(None) in options:
        (rest,) = (option for option in options if option is not type(None))
        return st.none() | values_of(kind, name, rest)
    if name in NAMED:
        return NAMED[name]
    if options and all(isinstance(option, str) for option in options):
        return st.sampled_from(options)
    if hint == tuple[str, ...]:
        return st.lists(texts, max_size=3).map(tuple)
    if (kind, name) == (Compacted, "cleared"):
        return st.dictionaries(texts, texts, max_size=3)
    lists = {(ModelReplied, "content"), (Compacted, "head")}
    assert (kind, name) in lists, f"{kind.__name__}.{name} is of a type unknown here: {hint}"
    return st.lists(objects, max_size=3).map(tuple)


def events_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.fixed_dictionaries(
        {field.name: values_of(kind, field.name, hints[field.name]) for field in fields(kind)}
    ).map(lambda values: kind(**values))


def there_and_back(event: Any) -> Any:
    kind = type(event)
    return from_body(kind.__name__, VERSIONS[kind], json.loads(dumps(to_body(event))))


def exact(value: Any) -> Any:
    """A value in which 1, 1.0 and True differ, as do a list and a tuple, and 0.0 and -0.0."""
    if isinstance(value, dict):
        return {key: exact(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [exact(inner) for inner in value]
    if type(value) in codec._FIELDS:
        return type(value).__name__, {field.name: exact(getattr(value, field.name)) for field in fields(value)}
    return type(value).__name__, repr(value)


def test_every_event_type_has_a_version() -> None:
    assert set(VERSIONS) == {*get_args(RunEvent), *get_args(SessionEvent)}


@pytest.mark.parametrize("kind", VERSIONS, ids=lambda kind: kind.__name__)
@given(chosen=st.data())
def test_every_event_comes_back_as_it_was(kind: type[Any], chosen: st.DataObject) -> None:
    event = chosen.draw(events_of(kind))
    back = there_and_back(event)
    assert back == event
    assert type(back) is kind
    assert dumps(to_body(back)) == dumps(to_body(event))


@given(data)
def test_data_keeps_its_types_to_the_last_bit(value: Any) -> None:
    event = StepStarted(1.0, "step")
    output = RunFinished(1.0, "done", value, None, Spent())
    assert exact(there_and_back(output).outputs) == exact(value)
    assert exact(there_and_back(replace(event, attempt=2))) == exact(replace(event, attempt=2))


def test_a_tool_result_of_content_blocks_stays_a_list() -> None:
    blocks = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    assert there_and_back(ToolFinished(1.0, "call", blocks)).content == blocks


@pytest.mark.parametrize("number", [5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e16, -1e-7, 1700000000.123456])
def test_odd_floats_keep_every_bit(number: float) -> None:
    assert there_and_back(ModelCalled(number, 1, 1, "model", 1, number)).reserved_usd.hex() == number.hex()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_say_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        dumps(to_body(ModelCalled(1.0, 1, 1, "model", 1, number)))


def test_text_is_written_in_ascii_whatever_it_holds() -> None:
    event = ToolFinished(1.0, "call", "é \ud800 \x00 \u2028 \U0001f600")
    assert dumps(to_body(event)).isascii()
    assert there_and_back(event) == event


def test_two_halves_of_a_character_become_the_character() -> None:
    assert there_and_back(ToolFinished(1.0, "call", "\ud83d\ude00")).content == "\U0001f600"


def test_what_is_at_its_default_is_left_out() -> None:
    assert to_body(ToolFinished(1.0, "call", "text")) == {"at": 1.0, "call": "call", "content": "text"}
    assert to_body(ToolFinished(1.0, "call", None))["content"] is None
    assert to_body(RunFinished(1.0, "done", None, None, Spent(turns=1)))["spent"] == {"turns": 1}


def test_an_unknown_type_or_version_is_refused_by_name() -> None:
    body = to_body(ToolCalled(1.0, "call", "Read", "none", "key"))
    with pytest.raises(JournalError, match="`ToolCalled` of version 2") as refused:
        from_body("ToolCalled", 2, body)
    assert "newer" in refused.value.hint
    with pytest.raises(JournalError, match="`Nothing` of version 1"):
        from_body("Nothing", 1, body)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"at": 1.0},
        {"at": 1.0, "call": "call", "content": "", "colour": "red"},
        {"at": 1.0, "call": "call", "content": "", "spent": {"colour": "red"}},
        {"at": 1.0, "call": "call", "content": "", "spent": 5},
        {"at": 1.0, "call": "call", "content": "", "spent": "much"},
        {"at": 1.0, "call": "call", "content": "", "spent": [1]},
    ],
    ids=json.dumps,
)
def test_a_body_that_does_not_fit_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(JournalError, match="`ToolFinished` in the journal is damaged"):
        from_body("ToolFinished", 1, body)


def test_a_field_that_a_type_lacks_is_refused() -> None:
    body = to_body(RunStarted(1.0, "run", "name", "a.yaml", "/p", {"a.yaml": ""}, "digest", {"topic": "tides"}))
    with pytest.raises(JournalError, match="RunStarted"):
        from_body("RunStarted", 1, {**body, "extra": 1})
