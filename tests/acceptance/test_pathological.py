"""What no one had in mind: each run ends cleanly, is cut off and resumed on the way, and can be looked at."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentflow import api
from agentflow.cli import exits, main
from agentflow.models.anthropic import AnthropicModel
from tests.acceptance.pathological import LAST, QUICK, Case, cases
from tests.messages_api import MessagesAPI, Reply, first_user, texts_of, turn_of

CASES = cases(QUICK)
SECONDS = 60.0
Begin = Callable[[api.RunOptions], Coroutine[Any, Any, api.RunResult]]


class Cut:
    """A run of a case against the strict API, cut off and resumed at each point that is worth it."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.file = case.write(folder)
        self.run = ""
        self.cuts = 0
        self.asked = ""
        self.refused: list[str | None] = []
        self._seen: Counter[str] = Counter()
        self._held: set[str] = set()
        self._holding = asyncio.Event()

    async def to_its_end(self) -> api.RunResult:
        async with asyncio.timeout(SECONDS), MessagesAPI(self._reply, chunk=self.case.chunk, record=False) as server:
            self._server = server
            result = await self._go(lambda options: api.run(self.file, self.case.inputs, options))
            while result is None:
                self.cuts += 1
                server.release()
                result = await self._go(lambda options: api.resume(self.run, options, self.file.parent))
            self.refused = [each.error for each in server.refused]
            return result

    async def _go(self, begin: Begin) -> api.RunResult | None:
        """The result, or None where the run was cut off: its task ends at once."""

        def observe(_stream: str, event: Any) -> None:
            self.run = getattr(event, "run", self.run)

        self._holding.clear()
        model = AnthropicModel(base_url=self._server.base_url, connections=8)
        run = asyncio.ensure_future(begin(api.RunOptions(model=model, observe=observe)))
        holding = asyncio.ensure_future(self._holding.wait())
        try:
            await asyncio.wait([run, holding], return_when=asyncio.FIRST_COMPLETED)
            return run.result() if run.done() else None
        finally:
            run.cancel()
            holding.cancel()
            await asyncio.gather(run, holding, return_exceptions=True)
            await model.close()

    def _reply(self, request: dict[str, Any]) -> Reply:
        place = "last" if first_user(request) == LAST else str(turn_of(request))
        if place != "last":
            self.asked = "\n".join(texts_of(message["content"]) for message in request["messages"])
        if place != "0" and place not in self._held:
            self._held.add(place)
            self._server.hold()
            self._holding.set()
        self._seen[place] += 1
        return self.case.reply(request, self._seen[place])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    return tmp_path


def looks(run: str) -> Iterator[tuple[str, ...]]:
    yield "show", run
    yield "show", run, "--events"
    yield "show", run, "--output-format", "json"
    yield "watch", run
    yield "report", run, "--format", "json"
    yield "report", run, "--format", "md"
    yield "report", run, "--full", "-o", "page.html"


@pytest.mark.parametrize("name", CASES)
def test_a_run_survives_what_no_one_had_in_mind(name: str, project: Path, capsys: pytest.CaptureFixture[str]):
    case = CASES[name]
    cut = Cut(case, project)
    result = asyncio.run(cut.to_its_end())
    assert (result.failure and result.failure.kind) == case.fails, result.failure
    assert result.failure is None or len(result.failure.message) < 4_000
    assert cut.refused == [] or case.fails == "context_window"
    assert cut.cuts >= 1
    if case.fails is None:
        outputs: Mapping[str, Any] = result.outputs or {}
        assert case.whole(outputs, cut.asked), "something was lost"
    for arguments in looks(result.run):
        code = main.run_command(list(arguments))
        said = capsys.readouterr()
        told = exits.DONE if case.fails is None or arguments[0] != "watch" else exits.FAILED
        assert code == told, (arguments, said.err)
        if arguments[-1] == "json":
            json.loads(said.out)
    assert (project / "page.html").read_text().endswith("</html>\n")


def test_every_kind_of_end_is_among_the_cases():
    assert {case.fails for case in CASES.values()} >= {None, "command_failed", "output_invalid", "call_failed"}
