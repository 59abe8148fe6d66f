"""Requests of a session, and models that fail."""

from collections.abc import Callable

from agentflow.models.port import ModelError, Request
from tests.engine.doubles import ModelDouble

BUSY = ModelError("model_unavailable", "busy", retryable=True, overloaded=True)


def turns(ask: Callable[..., Request], count: int, **changes: object) -> list[Request]:
    """The requests of a session that calls a tool in each turn."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "Go."}]}]
    requests = []
    for turn in range(1, count + 1):
        requests.append(ask(turn=turn, messages=tuple(messages), **changes))
        call = {"type": "tool_use", "id": f"call-{turn}", "name": "Grep", "input": {"pattern": "x"}}
        result = {"type": "tool_result", "tool_use_id": f"call-{turn}", "content": f"hit {turn}"}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return requests


def failing(*errors: Exception) -> ModelDouble:
    """A model that raises each of the errors in turn, and then answers."""
    left = list(errors)

    def answer(request: Request):
        from tests.engine.doubles import reply

        if left:
            raise left.pop(0)
        return reply(f"done by {request.model}")

    return ModelDouble(answer)
