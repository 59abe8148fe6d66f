"""A model that answers from a file: for tests, and for trying a workflow without a key.

```yaml
replies:
  planner:                                  # the agent's name, or the path of the step that holds it
    - text: '{"questions": ["what is it?"]}'    # turn 1
  researcher:                               # several sessions of one agent
    - match: sandbox                        # the first that stands in the session's first prompt, in any case
      turns:
        - tools: [{name: Grep, input: {pattern: sandbox}}]
        - text: "Found: {{ results[0] }}"
    - turns:                                # without `match`: every other session
        - text: "Nothing to say about {{ prompt }}."
          stop_reason: end_turn             # as the API names them; follows from `tools` where left out
          usage: {input_tokens: 100, output_tokens: 20}     # follows from the lengths where left out
          delay: 0.2                        # seconds before the reply
        - searches: [{query: sandboxes, results: [{url: https://x.org/a, title: A page}]}]    # what WebSearch found
          text: "As [A page](https://x.org/a) says."
```

Where a session's conversation is compacted, the summary is a reply of `AGENT#context`, its turns counted from 1 for
each compaction; without one the oldest turns are left out.

A reply has `text`, `tools`, `searches` or several. Texts, those in a tool's input too, are templates of the workflow
language over `prompt` (the session's own, also where it carries another on), `results` (the texts of the last
message's tool results) and `turn`. What answers follows from the request alone, never from the order in which requests
come.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct
from msgspec.structs import asdict
from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from agentflow.errors import UsageError
from agentflow.events.values import Timings, Usage
from agentflow.models.port import ModelError, Reply, Request
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.templates import SyntaxProblem, parse_template
from agentflow.source.diagnostics import Place
from agentflow.source.document import Document, Loc
from agentflow.source.yaml_reader import read
from agentflow.spec.base import Spec

JSON = Any

MAX_SCRIPT_BYTES = 64 << 20
PIECE_CHARACTERS = 24
BYTES_PER_TOKEN = 4
_SHOWN_PROBLEMS = 10
_HINT = "begin with `replies:`, then each agent and its replies, each with `text` or `tools`"


class ToolLine(Spec):
    """A tool call of a reply."""

    name: str = Field(min_length=1)
    input: dict[str, Any] = Field(default_factory=dict)


class FoundLine(Spec):
    """A page that a search found."""

    url: str = Field(min_length=1)
    title: str = ""


class SearchLine(Spec):
    """A web search that the service made before it replied; `error` is the code with which it failed."""

    query: str
    results: list[FoundLine] = Field(default_factory=list)
    error: str | None = None


class UsageLine(Spec):
    """Tokens, where they matter; what is left out follows from the lengths."""

    input_tokens: int | None = Field(default=None, ge=0)
    output_tokens: int | None = Field(default=None, ge=0)
    cache_read_tokens: int | None = Field(default=None, ge=0)
    cache_write_5m_tokens: int | None = Field(default=None, ge=0)
    cache_write_1h_tokens: int | None = Field(default=None, ge=0)


class ReplyLine(Spec):
    """One turn's reply."""

    text: str | None = None
    tools: list[ToolLine] = Field(default_factory=list)
    searches: list[SearchLine] = Field(default_factory=list)
    stop_reason: str | None = None
    usage: UsageLine = UsageLine()
    delay: float = Field(default=0.0, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _says_something(self) -> "ReplyLine":
        if self.text is None and not self.tools and not self.searches:
            raise ValueError("a reply needs `text`, `tools` or `searches`")
        return self


class SessionLine(Spec):
    """The replies of the sessions whose first prompt holds `match`, turn by turn."""

    match: str | None = None
    turns: list[ReplyLine]


def _tag(value: Any) -> str:
    return "session" if isinstance(value, Mapping) and ("turns" in value or "match" in value) else "reply"


Line = Annotated[Annotated[ReplyLine, Tag("reply")] | Annotated[SessionLine, Tag("session")], Discriminator(_tag)]


class Script(Spec):
    """The whole file."""

    replies: dict[str, list[Line]]


class _Sessions(Struct, frozen=True):
    """What an agent answers, in the order in which `match` is tried."""

    lines: tuple[SessionLine, ...]

    def of(self, prompt: str) -> SessionLine | None:
        folded = prompt.casefold()
        return next((line for line in self.lines if line.match is None or line.match.casefold() in folded), None)


class ScriptedModel:
    """Answers from a script; the same request gets the same reply, whatever came before.

    Parameters:
        source: the bytes of the file.
        path: the file as the user named it.
        pace: seconds before a reply that has no `delay` of its own, so that there is something to watch.
        sleep: waits for so many seconds.

    Raises:
        UsageError: the file is no script; it names each place.
    """

    def __init__(
        self, source: bytes, path: str, pace: float = 0.0, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._path = path
        self._pace = pace
        self._sleep = sleep
        script = _read_script(source, path)
        self._agents = {agent: _sessions(lines) for agent, lines in script.replies.items()}

    @classmethod
    def from_file(cls, path: Path, pace: float = 0.0) -> "ScriptedModel":
        """The model of a file. Raises UsageError where it cannot be read or is no script."""
        try:
            with path.open("rb") as file:
                source = file.read(MAX_SCRIPT_BYTES + 1)
        except OSError as error:
            raise UsageError(f"the script '{path}' cannot be read: {error.strerror}", "check the path") from None
        if len(source) > MAX_SCRIPT_BYTES:
            raise UsageError(f"the script '{path}' is longer than {MAX_SCRIPT_BYTES >> 20} MiB", "make it smaller")
        return cls(source, str(path), pace)

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The scripted reply; `on_text` hears its text in pieces. Raises ModelError where the script has none."""
        if request.compact:
            raise ModelError("model_request_refused", "a scripted model does not compact by itself", retryable=False)
        prompt = _prompt(request)
        line = self._line(request, prompt)
        names = {"prompt": prompt, "results": _results(request), "turn": request.turn}
        try:
            content = _content(line, request, names)
        except ExpressionError as error:
            raise self._missing(request, f"has a template that fails: {error}") from None
        delay = line.delay or self._pace
        if delay:
            await self._sleep(delay)
        if on_text is not None:
            for block in content:
                for start in range(0, len(block.get("text", "")), PIECE_CHARACTERS):
                    on_text(block["text"][start : start + PIECE_CHARACTERS])
        stop_reason = line.stop_reason or ("tool_use" if line.tools else "end_turn")
        timings = Timings(queued=0.0, first_byte=delay, total=delay)
        return Reply(content, stop_reason, None, request.model, _usage(line, request, content), None, timings)

    async def close(self) -> None:
        """There is nothing to close."""

    def _line(self, request: Request, prompt: str) -> ReplyLine:
        sessions = self._agents.get(request.agent)
        if sessions is None:
            raise self._missing(request, "does not name this agent")
        session = sessions.of(prompt)
        if session is None:
            raise self._missing(request, "has no `match` for this session's prompt")
        if request.turn > len(session.turns):
            raise self._missing(request, f"has {len(session.turns)} turns for this session")
        return session.turns[request.turn - 1]

    def _missing(self, request: Request, why: str) -> ModelError:
        message = (
            f"no scripted reply for agent '{request.agent}', turn {request.turn}: {self._path} {why}; add it there"
        )
        return ModelError("model_request_refused", message, retryable=False)


def _sessions(lines: list[ReplyLine | SessionLine]) -> _Sessions:
    sessions = tuple(line for line in lines if isinstance(line, SessionLine))
    if sessions:
        return _Sessions(sessions)
    return _Sessions((SessionLine(turns=[line for line in lines if isinstance(line, ReplyLine)]),))


def _content(line: ReplyLine, request: Request, names: Mapping[str, JSON]) -> tuple[dict[str, JSON], ...]:
    content = [
        block for index, search in enumerate(line.searches) for block in _searched(search, index, request, names)
    ]
    text = "" if line.text is None else parse_template(line.text, statements=True).render(names)
    if text.strip():
        content.append({"type": "text", "text": text})
    for index, tool in enumerate(line.tools):
        given = _rendered(tool.input, names)
        name = f"toolu_{_digest(request, str(index))}"
        content.append({"type": "tool_use", "id": name, "name": tool.name, "input": given})
    return tuple(content)


def _searched(search: SearchLine, index: int, request: Request, names: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    """The blocks of a search, as the API gives them."""
    name = f"srvtoolu_{_digest(request, f'search {index}')}"
    given = {"query": _rendered(search.query, names)}
    call = {"type": "server_tool_use", "id": name, "name": "web_search", "input": given}
    found: JSON = [
        {"type": "web_search_result", "url": page.url, "title": page.title, "encrypted_content": "scripted"}
        for page in search.results
    ]
    if search.error is not None:
        found = {"type": "web_search_tool_result_error", "error_code": search.error}
    return [call, {"type": "web_search_tool_result", "tool_use_id": name, "content": found}]


def _digest(request: Request, what: str) -> str:
    # A session that carries on one of another run may have that one's name, and must not repeat its ids.
    # Where a compaction has left out what was carried on, the ids of the calls just answered tell the two apart.
    carried = f"\0{len(request.messages)}" if _carried(request) > 0 else ""
    content = request.messages[-1]["content"] if request.messages else ""
    blocks = [] if isinstance(content, str) else content
    answered = "".join(f"\0{block['tool_use_id']}" for block in blocks if "tool_use_id" in block)
    return hashlib.sha256(f"{request.session}\0{request.turn}\0{what}{carried}{answered}".encode()).hexdigest()[:24]


def _rendered(value: JSON, names: Mapping[str, JSON]) -> JSON:
    if isinstance(value, str):
        return parse_template(value, statements=True).render(names)
    if isinstance(value, dict):
        return {key: _rendered(item, names) for key, item in value.items()}
    return [_rendered(item, names) for item in value] if isinstance(value, list) else value


def _usage(line: ReplyLine, request: Request, content: tuple[dict[str, JSON], ...]) -> Usage:
    sent = [request.system, *request.messages]
    searches = sum(search.error is None for search in line.searches)
    counted = Usage(_tokens(sent), max(1, _tokens(content)), web_searches=searches)
    given = line.usage.model_dump(exclude_none=True)
    return Usage(**{**asdict(counted), **given})


def _tokens(value: JSON) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN


def _carried(request: Request) -> int:
    """How many replies stand before those of the session itself."""
    return len([message for message in request.messages if message["role"] == "assistant"]) - (request.turn - 1)


def _prompt(request: Request) -> str:
    """What the session was asked; of one that carries another on, its own prompt and not the other's."""
    replies = [index for index, message in enumerate(request.messages) if message["role"] == "assistant"]
    carried = len(replies) - (request.turn - 1)
    if carried <= 0:
        # Where a compaction left things out, the first message still begins with the prompt.
        return _first_text(request.messages[0]["content"]) if request.messages else ""
    content = request.messages[replies[carried - 1] + 1]["content"]
    if isinstance(content, str):
        return content
    # Results of calls that the other session left open may stand before it.
    return next((block["text"] for block in reversed(content) if block.get("type") == "text"), "")


def _results(request: Request) -> list[str]:
    content = request.messages[-1]["content"] if request.messages else ""
    blocks = [] if isinstance(content, str) else content
    return [_text(block.get("content", "")) for block in blocks if block.get("type") == "tool_result"]


def _first_text(content: JSON) -> str:
    if isinstance(content, str):
        return content
    return next((block["text"] for block in content if block.get("type") == "text"), "")


def _text(content: JSON) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block["text"] for block in content if block.get("type") == "text")


def _read_script(source: bytes, path: str) -> Script:
    document, diagnostics = read(source, path)
    if document is None or diagnostics:
        raise _unusable([f"{_at(item.place)}: {item.message}" for item in diagnostics])
    try:
        script = Script.model_validate(document.data)
    except ValidationError as error:
        raise _unusable(
            [_problem(document, item["loc"], item["type"], item["msg"]) for item in error.errors()]
        ) from None
    problems = [
        problem
        for agent, lines in script.replies.items()
        for problem in (*_mixed(document, agent, lines), *_templates(document, document.data["replies"][agent], agent))
    ]
    if problems:
        raise _unusable(problems)
    return script


def _mixed(document: Document, agent: str, lines: list[ReplyLine | SessionLine]) -> list[str]:
    sessions = [isinstance(line, SessionLine) for line in lines]
    if all(sessions) or not any(sessions):
        return []
    wrong = sessions.index(not sessions[0])
    message = f"the replies of '{agent}' are either turns, or sessions with `turns`, not both"
    return [f"{_at(document.place(('replies', agent, wrong)))}: {message}"]


def _templates(document: Document, data: JSON, agent: str) -> list[str]:
    """What is wrong with the templates among an agent's replies."""
    problems: list[str] = []
    pending: list[tuple[Loc, JSON]] = [(("replies", agent), data)]
    while pending:
        loc, value = pending.pop()
        if isinstance(value, dict):
            pending.extend(((*loc, key), item) for key, item in value.items() if key != "match")
        elif isinstance(value, list):
            pending.extend(((*loc, index), item) for index, item in enumerate(value))
        elif isinstance(value, str):
            try:
                parse_template(value, statements=True)
            except SyntaxProblem as problem:
                problems.append(f"{_at(document.place_in(loc, problem.offset))}: {problem.message}")
    return problems


def _problem(document: Document, loc: Loc, kind: str, message: str) -> str:
    """One line of the error; pydantic's names for the members of a union are no places of the file."""
    walked: Loc = ()
    for segment in loc:
        if document.has((*walked, segment)):
            walked = (*walked, segment)
    unknown = kind == "extra_forbidden"
    if unknown:
        message = f"unknown key `{loc[-1]}`"
    elif kind == "missing":
        message = f"`{loc[-1]}` is missing"
    return f"{_at(document.place(walked, key=unknown))}: {message.removeprefix('Value error, ')}"


def _at(place: Place) -> str:
    return f"{place.path}:{place.line}:{place.column}"


def _unusable(problems: list[str]) -> UsageError:
    more = len(problems) - _SHOWN_PROBLEMS
    shown = [*problems[:_SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
    return UsageError("the script cannot be used:\n" + "\n".join(shown), _HINT)
