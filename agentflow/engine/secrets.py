"""The values of a run's secrets: had from outside, kept out of everything that is recorded, and asked for when missing.

They live in this process alone. What commands and tools give back passes `redacted` before anybody sees it, and every
event passes `event` before it is taken up.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from agentflow.engine.redacted_events import redacted_event
from agentflow.events.codec import Event
from agentflow.events.values import Failure
from agentflow.guard.likely_secrets import LikelySecrets
from agentflow.guard.redaction import Pieces, redactor_of
from agentflow.plan.secrets import EnvText, SecretMissingError, filled

JSON = Any
AnyEvent = TypeVar("AnyEvent", bound=Event)


class Secrets:
    """What is known of a run's secrets.

    Parameters:
        values: by name, those that are known from the beginning.
        ask: asks a person for a value; None from it, or nobody to ask: there is none.
        again: is called when an answer has come, or none will.
        ended: hears of every task that asked, so that its faults are not lost.
        likely: what looks like a secret is masked too, where `redacted` is asked.
        hidden: values by name that are found like those of secrets, and given to nobody.
    """

    def __init__(
        self,
        values: Mapping[str, str],
        ask: Callable[[str], Awaitable[str | None]] | None = None,
        again: Callable[[], None] = lambda: None,
        ended: Callable[["asyncio.Task[None]"], None] = lambda _task: None,
        likely: bool = False,
        hidden: Mapping[str, str] = {},
    ) -> None:
        self._values = dict(values)
        self._ask = ask
        self._again = again
        self._ended = ended
        self._refused: set[str] = set()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._hidden = hidden
        self._redactor = redactor_of({**hidden, **self._values}, hidden.keys() - self._values.keys())
        self._likely = LikelySecrets() if likely else None

    @property
    def idle(self) -> bool:
        """Nobody is being asked."""
        return not self._asking

    @property
    def is_needed(self) -> bool:
        """`redacted` can change a text."""
        return not self._redactor.is_empty or self._likely is not None

    @property
    def values(self) -> Mapping[str, str]:
        """What is known, by name."""
        return self._values

    def ready(self, names: Iterable[str]) -> bool | Failure:
        """Whether all of these are known; those that are not are asked for, and `again` follows.

        Returns:
            A failure where one of them is not to be had.
        """
        unknown = [name for name in names if name not in self._values]
        for name in unknown:
            if self._ask is None or name in self._refused:
                return missing(SecretMissingError(name))
        for name in unknown:
            if name not in self._asking:
                task = asyncio.create_task(self._obtain(self._ask, name))
                self._asking[name] = task
                task.add_done_callback(self._ended)
        return not unknown

    def filled(self, env: Mapping[str, EnvText]) -> dict[str, str]:
        """Variables with the values in their places. Raises SecretMissingError."""
        return filled(env, self._values)

    def redacted(self, text: str) -> str:
        """A text of the world without the values, in any of their forms, and without what looks like a secret."""
        text = self._redactor.redacted(text)
        return text if self._likely is None else self._likely.masked(text)

    def exactly(self, text: str) -> str:
        """A text without the values, in any of their forms; what only looks like a secret stays."""
        return self._redactor.redacted(text)

    def redacted_data(self, data: JSON) -> JSON:
        """The same of JSON data, names of fields included."""
        if not self.is_needed:
            return data
        if isinstance(data, str):
            return self.redacted(data)
        if isinstance(data, int | float) and not isinstance(data, bool):
            text = json.dumps(data)
            return data if self.redacted(text) == text else self.redacted(text)
        if isinstance(data, list):
            return [self.redacted_data(item) for item in data]
        if isinstance(data, dict):
            return {self.redacted(name): self.redacted_data(item) for name, item in data.items()}
        return data

    def in_bytes(self, data: bytes) -> str | None:
        """The name of a secret whose value stands in bytes, or None."""
        return self._redactor.in_bytes(data)

    def event(self, event: AnyEvent) -> AnyEvent:
        """An event without the values, whoever made it."""
        return event if self._redactor.is_empty else redacted_event(event, self._redactor)

    def pieces(self, give: Callable[[str], None]) -> Callable[[str | None], None]:
        """Takes a text piece by piece, and gives it on without the values; None: its end."""
        if self._redactor.is_empty:
            return lambda piece: None if piece is None else give(piece)
        pieces = Pieces(self._redactor)

        def take(piece: str | None) -> None:
            if text := pieces.end() if piece is None else pieces.add(piece):
                give(text)

        return take

    async def close(self) -> None:
        """Asks for nothing any more, and returns when everyone who was asked knows."""
        asked = list(self._asking.values())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    async def _obtain(self, ask: Callable[[str], Awaitable[str | None]] | None, name: str) -> None:
        value = None if ask is None else await ask(name)
        del self._asking[name]
        if value:
            self._values[name] = value
            self._redactor = redactor_of({**self._hidden, **self._values}, self._hidden.keys() - self._values.keys())
        else:
            self._refused.add(name)
        self._again()


def missing(error: SecretMissingError) -> Failure:
    """What a step without one of its secrets comes to."""
    return Failure("secret_missing", f"{error.message}; {error.hint}")
