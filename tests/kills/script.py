"""What the model says in `project/workflow.yaml`.

A reply depends on the first prompt, the turn, and the results of calls without effects: never on the result of a call
with effects, which tells of an unknown outcome where a kill cut it off. Final texts carry a digest of what the agent
was told, so that the run's outputs show whether each conversation was whole.
"""

import re
from hashlib import sha256
from typing import Any

from tests.messages_api import Reply, first_user, text, tool_use, turn_of
from tests.messages_api.script import texts_of, thinking

CALLED = "toolu_for_the_effect_"
"""Begins the id of a call, before its label; shorter ids are made anew where the API is another's."""

NOTES = {"moon": "pulls", "wind": "water", "harbour": "tides"}
PLAN = '{"questions": ["1 moon", "2 wind", "3 harbour"]}'


def script(request: dict[str, Any]) -> Reply | None:
    """The reply to a request, or None where it is not one of this workflow's."""
    prompt, turn = first_user(request), turn_of(request)
    if prompt.startswith("Topic:"):
        return Reply([text(PLAN)])
    if found := re.match(r"Question: (\d) (\w+)", prompt):
        return _researcher(request, found[1], found[2], turn)
    if found := re.match(r"Check (\d)", prompt):
        return _checker(request, found[1], turn)
    if found := re.match(r"Write (\d)", prompt):
        return _after([_note(f"written-{found[1]}")], turn, request)
    if prompt.startswith("Edit these:"):
        return _editor(request, turn)
    return None


def _researcher(request: dict[str, Any], number: str, name: str, turn: int) -> Reply:
    read = {"file_path": f"notes/{name}.txt"}
    grep = {"pattern": NOTES[name], "path": "notes", "output_mode": "content"}
    if turn == 0:
        calls = [_call("Read", f"read-{number}", read), _note(f"found-{number}-a")]
        more = [_call("Grep", f"grep-{number}", grep), _note(f"found-{number}-b")]
        return Reply([thinking("I look at the notes."), *calls, *more])
    if turn == 1:
        again = _call("Read", f"again-{number}", {**read, "offset": 2})
        return Reply([thinking("Once more."), again, _note(f"found-{number}-c")])
    return Reply([text(f"Found {number}: {_digest(request)}")])


def _checker(request: dict[str, Any], number: str, turn: int) -> Reply:
    calls = [_call("Read", f"check-{number}", {"file_path": "notes/moon.txt"}), _note(f"checked-{number}")]
    if number == "3":
        calls.append(_agent("scribe", "Write 3: it is so."))
    return _after(calls, turn, request)


def _editor(request: dict[str, Any], turn: int) -> Reply:
    if turn == 0:
        checks = [_agent("checker", f"Check {number}: is it so?") for number in (1, 2)]
        return Reply([text("I have it checked."), *checks, _note("edited-a")])
    if turn == 1:
        return Reply([_agent("checker", "Check 3: is it so?"), _note("edited-b")])
    return Reply([text(f"Report: {_digest(request)}")])


def _after(calls: list[dict[str, Any]], turn: int, request: dict[str, Any]) -> Reply:
    return Reply(calls) if turn == 0 else Reply([text(f"Done: {_digest(request)}")])


def _note(label: str) -> dict[str, Any]:
    return _call("note", label, {"label": label})


def _agent(name: str, prompt: str) -> dict[str, Any]:
    label = f"{name}-{prompt.split()[1].rstrip(':')}"
    return _call("Agent", label, {"description": label, "subagent_type": name, "prompt": prompt})


def _call(name: str, label: str, tool_input: dict[str, Any]) -> dict[str, Any]:
    return tool_use(name, tool_input, f"{CALLED}{label}")


def _digest(request: dict[str, Any]) -> str:
    """Of the prompt and of the results of all calls without effects, in their order."""
    told = sha256(first_user(request).encode())
    names = {}
    for message in request["messages"]:
        for block in message["content"]:
            if block["type"] == "tool_use":
                names[block["id"]] = block["name"]
            elif block["type"] == "tool_result" and names[block["tool_use_id"]] != "note":
                told.update(texts_of(block["content"]).encode())
    return told.hexdigest()[:16]
