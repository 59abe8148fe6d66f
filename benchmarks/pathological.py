"""What no one had in mind, at full size and through the whole path: real processes, killed and resumed, then looked at.

`python -m benchmarks.pathological REPORT ARGUMENT …` is one command of agentflow in a process of its own, which leaves
its peak of memory in the file REPORT.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from tests.acceptance.pathological import FULL, LAST, QUICK, Case, cases
from tests.messages_api import MessagesAPI, Reply, first_user, texts_of, turn_of

NAMES = ("sessions-pathological", "sessions-pathological-memory")
BESIDE = {
    "sessions-pathological": "the slowest command on any of the pathological runs (run, resume, show, watch, report),"
    " beside the 30 s that each may take",
    "sessions-pathological-memory": "the largest peak of any of these processes, beside 1 GB",
}
_SECONDS, _MB = 30.0, 1024.0
_AT_ONCE = 2


@dataclass(slots=True)
class Judged:
    """What the commands on one case took: seconds and MB by command; and what was wrong."""

    name: str
    seconds: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    ended: str = ""
    wrong: list[str] = field(default_factory=list)


def figures(only: set[str]) -> Iterator[Figure]:
    """Both, where one of them is wanted."""
    if only and not only & set(NAMES):
        return
    judged = asyncio.run(_all())
    wrong = [f"{each.name}: {what}" for each in judged for what in each.wrong]
    ends = Counter(each.ended for each in judged)
    told = ", ".join(f"{count} {end}" for end, count in ends.items())
    print(f"{len(judged)} cases, {len(wrong)} of them not as they must be; {told}")
    if wrong:
        raise RuntimeError("; ".join(wrong))
    slowest = max(max(each.seconds.values()) for each in judged)
    largest = max(max(each.peaks.values()) for each in judged)
    yield Figure(NAMES[0], "s", slowest, _SECONDS, (slowest / _SECONDS,), 1.0)
    yield Figure(NAMES[1], "MB", largest, _MB, (largest / _MB,), 1.0)


def _listed(values: dict[str, float], unit: str) -> str:
    return ", ".join(f"{name} {value:.1f} {unit}" for name, value in values.items())


async def _all() -> list[Judged]:
    at_work = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str, case: Case) -> Judged:
        async with at_work:
            each = await _one(name, case)
        told = f"{_listed(each.seconds, 's')}; {_listed(each.peaks, 'MB')}; {each.ended}"
        print(f"  {name}: {'; '.join([told, *each.wrong])}", flush=True)
        return each

    return await asyncio.gather(*(one(name, case) for name, case in _growing().items()))


def _growing() -> dict[str, Case]:
    """The cases that are larger here than in the tests, which go through all the others as they are."""

    def form(case: Case) -> tuple[object, ...]:
        return case.workflow, case.said, case.files, case.inputs

    quick = cases(QUICK)
    return {name: case for name, case in cases(FULL).items() if form(case) != form(quick[name])}


async def _one(name: str, case: Case) -> Judged:
    # Not by the standard library, which cannot remove what lies very deep.
    scratch = Path(tempfile.mkdtemp(prefix="agentflow-pathological-"))
    try:
        return await _Case(name, case, scratch).judge()
    finally:
        await (await asyncio.create_subprocess_exec("rm", "-rf", str(scratch))).wait()


class _Case:
    """A case in a project of its own, and what the model was asked in it."""

    def __init__(self, name: str, case: Case, folder: Path) -> None:
        self.case = case
        self.folder = folder
        self.asked = ""
        self.judged = Judged(name)
        self._seen: Counter[str] = Counter()
        self._held: set[str] = set()
        self._holding = asyncio.Event()

    async def judge(self) -> Judged:
        (self.folder / ".git").mkdir()
        file = self.case.write(self.folder)
        (self.folder / "inputs.json").write_text(json.dumps(self.case.inputs))
        async with MessagesAPI(self._reply, chunk=self.case.chunk, record=False) as server:
            self._server = server
            environment = {**os.environ, "ANTHROPIC_BASE_URL": server.base_url, "ANTHROPIC_API_KEY": "benchmark"}
            environment["AGENTFLOW_ENDPOINT"] = "anthropic"
            self._environment = {**environment, "PYTHONPATH": os.pathsep.join(sys.path)}
            code = await self._command("run", "--quiet", file.name, "--inputs", "inputs.json")
            run = await self._newest()
            while code is None:
                server.release()
                code = await self._command("resume", "--quiet", run)
            refused = len(server.refused)
        await self._look(run, code)
        if refused and self.case.fails != "context_window":
            self.judged.wrong.append(f"{refused} requests refused")
        return self.judged

    async def _look(self, run: str, code: int) -> None:
        for command in (
            ("show", run),
            ("watch", run),
            ("report", run, "-o", "page.html"),
            ("report", run, "--format", "json"),
        ):
            ended = await self._command(*command)
            if ended != (code if command[0] == "watch" else 0):
                self.judged.wrong.append(f"{' '.join(command)} ended with {ended}")
        body = json.loads((self.folder / "said").read_bytes())
        failure = (body["run"].get("failure") or {}).get("kind")
        self.judged.ended = failure or body["run"]["status"]
        if failure != self.case.fails or code != (0 if failure is None else 1):
            self.judged.wrong.append(f"it ended {failure} with {code}")
        elif failure is None and not self.case.whole(body["outputs"] or {}, self.asked):
            self.judged.wrong.append("something was lost")

    async def _command(self, *arguments: str) -> int | None:
        """The exit code; None where it was killed since the reply it waits for is held back."""
        self._holding.clear()
        peak = self.folder / "peak"
        began = time.perf_counter()
        with (self.folder / "said").open("wb") as said:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "benchmarks.pathological", str(peak), *arguments),
                cwd=self.folder,
                env=self._environment,
                stdout=said,
                stderr=asyncio.subprocess.DEVNULL,
            )
        waiting = [asyncio.ensure_future(process.wait()), asyncio.ensure_future(self._holding.wait())]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        waiting[1].cancel()
        ended = process.returncode
        if ended is None:
            megabytes = _peak(process.pid)
            process.kill()
            await process.wait()
        else:
            megabytes = float(peak.read_text())
        name, judged = arguments[0], self.judged
        judged.seconds[name] = max(judged.seconds.get(name, 0.0), time.perf_counter() - began)
        judged.peaks[name] = max(judged.peaks.get(name, 0.0), megabytes)
        return ended

    async def _newest(self) -> str:
        from agentflow import api

        journal = api.open_journal(self.folder)
        try:
            return journal.runs()[0].run
        finally:
            journal.close()

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


def _peak(process: int | str) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024


def main() -> int:
    """One command, and its peak in MB."""
    from agentflow.cli.main import run_command

    code = run_command(sys.argv[2:])
    sys.stdout.flush()
    Path(sys.argv[1]).write_text(str(_peak("self")))
    return code


if __name__ == "__main__":
    sys.exit(main())
