"""What the model says: the first user text tells how many turns a conversation has, or how many agents it calls.

`turns 50` reads a file 49 times and ends; `agents 200` calls 200 subagents at once and ends.
"""

import re
from typing import Any

from tests.messages_api import Reply, first_user, text, tool_use, turn_of

_WANTED = re.compile(r"(turns|agents) (\d+)")


def script(request: dict[str, Any]) -> Reply | None:
    found = _WANTED.search(first_user(request))
    if found is None:
        return None
    kind, count = found[1], int(found[2])
    turn = turn_of(request)
    if kind == "agents" and turn == 0:
        prompt = "turns 3"
        calls = [
            {"description": f"part {n}", "subagent_type": "worker", "prompt": f"{prompt}, part {n}"}
            for n in range(count)
        ]
        return Reply([tool_use("Agent", call) for call in calls])
    if kind == "turns" and turn < count - 1:
        return Reply(
            [
                text("I look at the next line."),
                tool_use("Read", {"file_path": "note.txt", "offset": turn + 1, "limit": 1}),
            ]
        )
    return Reply([text("That is all there is to say.")])
