"""The values of a run's secrets: had from outside, kept out of everything that is recorded, and asked for when missing.

They live in this process alone. What commands and tools give back passes `redacted` before anybody sees it.
"""

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from agentflow.events.values import Failure
from agentflow.plan.secrets import EnvText, SecretMissingError, filled

JSON = Any

SHORTEST_REDACTED = 6
"""Characters; shorter values would be found by chance in any text."""
_PIECE_AT_A_CUT = 4
_CUT = re.compile(r"\n?\[… [\d,]+ (?:bytes|characters) cut …\]\n?")


class Secrets:
    """What is known of a run's secrets.

    Parameters:
        values: by name, those that are known from the beginning.
        ask: asks a person for a value; None from it, or nobody to ask: there is none.
        again: is called when an answer has come, or none will.
        ended: hears of every task that asked, so that its faults are not lost.
    """

    def __init__(
        self,
        values: Mapping[str, str],
        ask: Callable[[str], Awaitable[str | None]] | None = None,
        again: Callable[[], None] = lambda: None,
        ended: Callable[["asyncio.Task[None]"], None] = lambda _task: None,
    ) -> None:
        self._values = dict(values)
        self._ask = ask
        self._again = again
        self._ended = ended
        self._refused: set[str] = set()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._patterns = _Patterns(self._values)

    @property
    def idle(self) -> bool:
        """Nobody is being asked."""
        return not self._asking

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
        """A text without values of at least `SHORTEST_REDACTED` characters, and without the pieces of one at a cut."""
        return self._patterns.redacted(text)

    def redacted_data(self, data: JSON) -> JSON:
        """The same of JSON data, names of fields included."""
        if not self._values:
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
        """The name of a secret whose value stands plainly in bytes, or None."""
        return self._patterns.in_bytes(data)

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
            self._patterns = _Patterns(self._values)
        else:
            self._refused.add(name)
        self._again()


def missing(error: SecretMissingError) -> Failure:
    """What a step without one of its secrets comes to."""
    return Failure("secret_missing", f"{error.message}; {error.hint}")


class _Patterns:
    """The values as they may turn up in texts, the longest first."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._names = {form: name for name, value in values.items() for form in _forms(value)}
        longest_first = sorted(self._names, key=len, reverse=True)
        self._any = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def in_bytes(self, data: bytes) -> str | None:
        return next((name for form, name in self._names.items() if form.encode("utf-8", "replace") in data), None)

    def redacted(self, text: str) -> str:
        if self._any is None:
            return text
        text = self._any.sub(lambda found: f"[secret {self._names[found[0]]}]", text)
        parts = _CUT.split(text)
        if len(parts) == 1:
            return text
        cuts = _CUT.findall(text)
        last = len(parts) - 1
        cleaned = [
            self._without_end(self._without_start(part) if index else part)
            if index < last
            else self._without_start(part)
            for index, part in enumerate(parts)
        ]
        return "".join(piece for pair in zip(cleaned, [*cuts, ""], strict=True) for piece in pair)

    def _without_end(self, text: str) -> str:
        """The text before a cut, without the beginning of a value that the cut went through."""
        for form, name in self._names.items():
            for length in range(len(form) - 1, _PIECE_AT_A_CUT - 1, -1):
                if text.endswith(form[:length]):
                    return f"{text[:-length]}[secret {name}]"
        return text

    def _without_start(self, text: str) -> str:
        """The text after a cut, without the end of a value that the cut went through."""
        for form, name in self._names.items():
            for length in range(len(form) - 1, _PIECE_AT_A_CUT - 1, -1):
                if text.startswith(form[-length:]):
                    return f"[secret {name}]{text[length:]}"
        return text


def _forms(value: str) -> set[str]:
    """A value, its lines where it has several, and as JSON, addresses and base64 write it."""
    # What a command prints is read as UTF-8 with replacements, and so must be what is looked for.
    encoded = value.encode("utf-8", "surrogateescape")
    plain = encoded.decode("utf-8", "replace").strip()
    forms = {plain, *(line.strip() for line in plain.splitlines())}
    forms |= {json.dumps(plain)[1:-1], json.dumps(plain, ensure_ascii=False)[1:-1], quote(plain, safe="")}
    forms.add(base64.b64encode(encoded).decode())
    return {form for form in forms if len(form) >= SHORTEST_REDACTED}
