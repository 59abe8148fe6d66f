"""500 turns on a window of 200,000 tokens, with each strategy: nothing is ever too long, and a turn stays as quick.

First over HTTP, against the strict API, which refuses what does not fit and compacts on request; then with a model
that answers at once, for what agentflow itself does in a turn.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from tests.messages_api import MODELS, MessagesAPI, Reply, text, tool_use
from tests.messages_api.script import texts_of

STRATEGIES = ("compact", "window", "summarize", "clear_tools")
NAMES = tuple(f"context-{strategy}" for strategy in STRATEGIES)
_BESIDE = "what agentflow itself does in a turn, the last 100 of 500 beside the first; first all on the strict API"
BESIDE = dict.fromkeys(NAMES, _BESIDE)
TURNS = 500
WINDOW = 200_000
AT = 160_000

FILE = """\
agentflow: 1
name: bench
limits: {{cost_usd: 100000, turns: 100000, wall_time: 2h}}
steps:
  work:
    agent:
      model: claude-opus-5-5
      instructions: Read what you are asked to read.
      tools: [Read]
      stop: {{turns: 1000, tool_calls: 100000}}
      context: {{strategy: {strategy}, at: {at}}}
    prompt: Read on until the end.
outputs: {{text: steps.work.output}}
"""

MEMORY = json.dumps(
    {
        "goals": ["read on"],
        "decisions": ["line by line"],
        "facts": [f"fact {number}" for number in range(40)],
        "open": ["the rest"],
        "files": [{"path": "note.txt", "what": "lines"}],
        "topics": [{"topic": "lines", "summary": "They were read. " * 40}],
    }
)


def figures(only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
    for strategy in STRATEGIES:
        if only and f"context-{strategy}" not in only:
            continue
        asyncio.run(_strict(strategy))
        yield asyncio.run(_own_time(strategy))


def _folder(scratch: str, strategy: str) -> Path:
    folder = Path(scratch)
    # Lines of 6 KB, and every sixtieth read takes a hundred of them: 500 reads come to five windows and more.
    (folder / "note.txt").write_text("\n".join(f"{number} " + "word " * 390 for number in range(1, 301)))
    (folder / "bench.yaml").write_text(FILE.format(strategy=strategy, at=AT))
    return folder


def _call(number: int) -> dict[str, Any]:
    # Always near the beginning: what a read takes grows with how far into the file it goes.
    return {"file_path": "note.txt", "offset": 1 + 3 * (number % 50), "limit": 100 if number % 60 == 0 else 3}


async def _strict(strategy: str) -> None:
    """Runs against the strict API; raises RuntimeError where it refused anything, or the run did not end well."""
    from agentflow import api

    number = 0

    def script(body: dict[str, Any]) -> Reply:
        nonlocal number
        if body.get("compaction"):
            return Reply([text("The lines were read so far. " * 40)])
        if "You keep the memory" in texts_of(body.get("system")):
            return Reply([text(MEMORY)])
        number += 1
        if number == TURNS:
            return Reply([text("That is all there is to say.")])
        return Reply([text("I read on."), tool_use("Read", _call(number))])

    models = {name: replace(rules, context=WINDOW) for name, rules in MODELS.items()}
    with tempfile.TemporaryDirectory() as scratch:
        folder = _folder(scratch, strategy)
        async with MessagesAPI(script, models=models, record=False) as server:
            os.environ["AGENTFLOW_ENDPOINT"] = "anthropic"
            os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"] = server.base_url, "benchmark"
            heard = _Heard()
            result = await api.run(folder / "bench.yaml", options=api.RunOptions(observe=heard))
            refused = [record.error for record in server.refused]
    if result.status != "done" or refused:
        raise RuntimeError(f"context-{strategy}: {result.status}, {result.failure}, refused: {refused}")
    print(
        f"context-{strategy}: {heard.turns} turns, {heard.said:,} tokens read in all, {heard.compactions} compactions, "
        f"{heard.counts} counts, at most {heard.most:,} of {WINDOW:,} tokens in a request, none refused",
        flush=True,
    )


class _Heard:
    """Counts what the events tell."""

    def __init__(self) -> None:
        self.turns = self.compactions = self.counts = self.most = self.said = 0

    def __call__(self, _stream: str, event: Any) -> None:
        kind = type(event).__name__
        if kind == "ModelReplied":
            self.turns += 1
            self.most = max(self.most, event.usage.input_total)
        self.compactions += kind == "Compacted"
        self.counts += kind == "TokensCounted"
        if kind == "ToolFinished":
            self.said += len(str(event.content)) // 4


async def _own_time(strategy: str) -> Figure:
    from agentflow import api

    model = _Instant()
    with tempfile.TemporaryDirectory() as scratch:
        folder = _folder(scratch, strategy)
        result = await api.run(folder / "bench.yaml", options=api.RunOptions(model=model))
    if result.status != "done":
        raise RuntimeError(f"the run ended {result.status}: {result.failure}")
    spans = [after - before for before, after in pairwise(model.asked)]
    # The quicker turns: the slower ones are those in which something else was at work on the machine.
    first, last = (statistics.quantiles(part, n=4)[0] for part in (spans[:100], spans[-100:]))
    return Figure(f"context-{strategy}", "s", last, first, (last / first,), 1.0)


class _Instant:
    """A model that reads lines in every turn but its last, refuses what is too long, and notes when it was asked."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._sizes: dict[int, tuple[Any, int]] = {}

    async def reply(self, request: Any, _on_text: Any = None) -> Any:
        from agentflow.events.values import Timings, Usage
        from agentflow.models.port import ModelError
        from agentflow.models.port import Reply as Answer

        tokens = sum(map(self._size, request.messages)) // 4 + 400
        if tokens > WINDOW:
            raise ModelError("context_window", f"prompt is too long: {tokens} tokens", retryable=False)
        usage, timings = Usage(tokens, 20), Timings(queued=0.0, first_byte=0.0, total=0.0)
        content: dict[str, Any]
        if request.agent.endswith("#context"):
            content = {"type": "text", "text": MEMORY}
            if request.compact:
                content = {"type": "compaction", "content": "The lines were read so far.", "signature": "s"}
            return Answer((content,), "end_turn", None, request.model, usage, None, timings)
        self.asked.append(time.perf_counter())
        turn = len(self.asked)
        content = {"type": "tool_use", "id": f"toolu_{turn}", "name": "Read", "input": _call(turn)}
        if turn == TURNS:
            content = {"type": "text", "text": "That is all there is to say."}
        stop_reason = "end_turn" if turn == TURNS else "tool_use"
        return Answer((content,), stop_reason, None, request.model, usage, None, timings)

    def _size(self, message: Any) -> int:
        known = self._sizes.get(id(message))
        if known is None or known[0] is not message:
            known = self._sizes[id(message)] = message, len(json.dumps(message["content"]))
        return known[1]

    async def close(self) -> None:
        """There is nothing to close."""
