"""Claude Code's agent files, `.claude/agents/*.md`: each field mapped to the language, or refused by name.

The fields are those of Claude Code's documentation of subagents (code.claude.com/docs/en/sub-agents, "Supported
frontmatter fields"). The body is the agent's instructions, word for word: there is no template in it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from msgspec import Struct

from agentflow.source.diagnostics import Diagnostic, Place
from agentflow.source.document import Document
from agentflow.source.project import SourceText
from agentflow.source.suggest import did_you_mean
from agentflow.spec.agents import Effort
from agentflow.spec.findings import shown
from agentflow.spec.front_matter import read_front_matter

MODELS = {"sonnet": "claude-sonnet-5-5", "opus": "claude-opus-5-5", "haiku": "claude-haiku-5-5"}
"""What Claude Code's names of models stand for here."""

_TOOL = re.compile(r"(?P<name>[^()\s]+)(?:\((?P<rule>.*)\))?", re.DOTALL)
_HOW_IT_BEGINS = "begin it with `---`, a `name:`, a `description:` and `tools:`, and `---`"
_TEXTS = ("name", "description", "color")

_REFUSED = {
    "skills": "put what the agent must know into its instructions",
    "mcpServers": "leave it to files that need no MCP server",
    "hooks": "make what must happen before or after a step of its own",
    "memory": "hand the agent what it must know in its prompt",
    "background": "steps that wait for nothing of each other run side by side anyway",
    "isolation": "write `workspace` once it is supported",
    "initialPrompt": "put it into the step's `prompt`",
}
"""Fields that change what an agent is or may do and have nothing here that means the same, with the next move."""

_MODES = {"dontAsk": "dont_ask", "plan": "plan", "bypassPermissions": "bypass"}
"""What a mode is called here; `default` and `acceptEdits` are no different where `tools` says what runs."""

_HARMLESS: Mapping[str, Any] = {"background": False, "memory": None, "skills": [], "mcpServers": []}
_KNOWN = (*_TEXTS, "tools", "disallowedTools", "model", "permissionMode", "maxTurns", "effort", *_REFUSED)

Key = tuple[str | int, ...]


class ClaudeAgent(Struct, frozen=True):
    """An agent file, read.

    Attributes:
        keys: what it says, as an agent of the language; of its tools only those that it does not take back.
        places: where each value stands, by its way in `keys`.
        top: where the file begins.
        problems: what is wrong in it, by the key that replaces what is wrong; '' where none does.
    """

    keys: Mapping[str, Any]
    places: Mapping[Key, Place]
    top: Place
    problems: tuple[tuple[str, Diagnostic], ...]


def read_claude_agent(text: SourceText) -> ClaudeAgent:
    """Reads an agent file."""
    top = Place(text.path, 1, 1)
    front = read_front_matter(text, "an agent file", _HOW_IT_BEGINS)
    if front.document is None:
        return ClaudeAgent({}, {}, top, tuple(("", problem) for problem in front.problems))
    reader = _Reader(front.document, {}, {}, [])
    reader.read()
    if front.body:
        reader.keys["instructions"] = front.body
        reader.places["instructions",] = text.place_at(front.begins, 1)
    return ClaudeAgent(reader.keys, reader.places, top, tuple(reader.problems))


@dataclass(slots=True)
class _Reader:
    """Maps the fields of one front matter."""

    document: Document
    keys: dict[str, Any]
    places: dict[Key, Place]
    problems: list[tuple[str, Diagnostic]]

    def read(self) -> None:
        for key, value in self.document.data.items():
            if key not in _KNOWN:
                hint = did_you_mean(key, _KNOWN) or f"an agent file takes {', '.join(f'`{name}`' for name in _KNOWN)}"
                self.refuse("", "AF201", f"an agent file does not take `{key}`", key, hint, key=True)
            elif key in _TEXTS and not (isinstance(value, str) and value):
                self.refuse("", "AF203", f"`{key}` must be text, not {shown(value)}", key)
        if "name" not in self.document.data:
            self.refuse("", "AF202", "the agent file lacks `name`", None, "name it as Claude Code asks for")
        self._description()
        self._tools()
        self._model()
        self._turns()
        self._effort()
        self._permissions()
        self._refused()

    def refuse(
        self,
        replaced_by: str,
        code: str,
        message: str,
        field: str | None,
        hint: str | None = None,
        *,
        key: bool = False,
    ) -> None:
        """Notes what is wrong with a field; None: with the whole."""
        place = self.document.place(() if field is None else (field,), key=key)
        self.problems.append((replaced_by, Diagnostic(code, message, place, hint)))

    def take(self, key: str, value: Any, field: str) -> None:
        """Takes a value over."""
        self.keys[key] = value
        self.places[key,] = self.document.place((field,))

    def _description(self) -> None:
        description = self.document.data.get("description")
        if isinstance(description, str) and description:
            self.take("description", description, "description")
        elif "description" not in self.document.data:
            hint = "say in one line when to call it"
            self.refuse("description", "AF202", "the agent file lacks `description`", None, hint)

    def _tools(self) -> None:
        data = self.document.data
        if data.get("tools") is None:
            message = "the agent file lists no `tools`, which in Claude Code means all that there are"
            hint = "list them there, or write `tools:` beside `from`"
            self.refuse("tools", "AF202", message, "tools" if "tools" in data else None, hint)
            return
        listed = self._listed("tools")
        denied = {name for _, name in self._listed("disallowedTools")} if data.get("disallowedTools") else set()
        kept = [(place, ours) for place, name in listed if name.partition("(")[0] not in denied for ours in _ours(name)]
        self.take("tools", [name for _, name in kept], "tools")
        self.places.update({("tools", index): place for index, (place, _) in enumerate(kept)})

    def _listed(self, field: str) -> list[tuple[Place, str]]:
        """The tools of a field, a text with commas or a list, each with its place."""
        value = self.document.data[field]
        if isinstance(value, str):
            return [(self.document.place_in((field,), offset, len(name)), name) for offset, name in _split(value)]
        if not isinstance(value, list):
            self.refuse("tools", "AF203", f"`{field}` must be names with commas or a list, not {shown(value)}", field)
            return []
        found = []
        for index, name in enumerate(value):
            place = self.document.place((field, index))
            if isinstance(name, str) and name:
                found.append((place, name.strip()))
            else:
                message = f"item {index + 1} of `{field}` must be a tool's name, not {shown(name)}"
                self.problems.append(("tools", Diagnostic("AF203", message, place)))
        return found

    def _model(self) -> None:
        model = self.document.data.get("model", "inherit")
        if not isinstance(model, str) or not model:
            self.refuse("model", "AF203", f"`model` must be a model's name, not {shown(model)}", "model")
        elif model != "inherit":
            self.take("model", MODELS.get(model, model), "model")

    def _turns(self) -> None:
        turns = self.document.data.get("maxTurns")
        if isinstance(turns, int) and not isinstance(turns, bool) and turns >= 1:
            self.take("stop", {"turns": turns}, "maxTurns")
            self.places["stop", "turns"] = self.places["stop",]
        elif "maxTurns" in self.document.data:
            message = f"`maxTurns` must be a whole number of at least 1, not {shown(turns)}"
            self.refuse("stop", "AF203", message, "maxTurns")

    def _effort(self) -> None:
        if "effort" not in self.document.data:
            return
        effort = self.document.data["effort"]
        if effort in get_args(Effort):
            self.take("effort", effort, "effort")
        else:
            choices = ", ".join(f"`{choice}`" for choice in get_args(Effort))
            self.refuse("effort", "AF203", f"`effort` must be one of {choices}, not {shown(effort)}", "effort")

    def _permissions(self) -> None:
        """The mode, and the rules of `disallowedTools`; whole tools there are taken out of `tools`."""
        mode = self.document.data.get("permissionMode", "default")
        known = ("default", "acceptEdits", *_MODES)
        if not isinstance(mode, str) or mode not in known:
            listed = ", ".join(f"`{each}`" for each in known)
            message = f"`permissionMode` must be one of {listed}, not {shown(mode)}"
            self.refuse("permissions", "AF203", message, "permissionMode")
            return
        denied = self._listed("disallowedTools") if self.document.data.get("disallowedTools") else []
        rules = [(place, ours) for place, name in denied if "(" in name for ours in _ours(name)]
        said = {"mode": _MODES[mode]} if mode in _MODES else {}
        if not said and not rules:
            return
        field = "permissionMode" if said else "disallowedTools"
        self.take("permissions", {**said, **({"deny": [rule for _, rule in rules]} if rules else {})}, field)
        if said:
            self.places["permissions", "mode"] = self.document.place(("permissionMode",))
        self.places.update({("permissions", "deny", index): place for index, (place, _) in enumerate(rules)})

    def _refused(self) -> None:
        for field, value in self.document.data.items():
            if field in _HARMLESS and value == _HARMLESS[field] and type(value) is type(_HARMLESS[field]):
                continue
            if field in _REFUSED:
                self.refuse(
                    "", "AF201", f"`{field}` of an agent file is not supported", field, _REFUSED[field], key=True
                )


def _split(text: str) -> Iterator[tuple[int, str]]:
    """The names between commas that stand in no brackets, each with its offset."""
    depth = start = 0
    for index, character in enumerate(text + ","):
        depth += (character == "(") - (character == ")" and depth > 0)
        if character == "," and (depth == 0 or index == len(text)):
            name = text[start:index]
            if name.strip():
                yield start + len(name) - len(name.lstrip()), name.strip()
            start = index + 1


def _ours(name: str) -> Iterator[str]:
    """A tool as the language writes it: `Task` is the older name of `Agent`, whose brackets may hold several."""
    match = _TOOL.fullmatch(name)
    if match is None or match["name"] not in ("Task", "Agent"):
        yield name
    elif match["rule"] is None:
        yield "Agent"
    else:
        yield from (f"Agent({agent.strip()})" for agent in match["rule"].split(","))
