"""Runs the two sides in turn and gives the ratio of their medians, and of each pair."""

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks import by_hand, workflows
from benchmarks.figure import Figure
from tests.messages_api import MessagesProcess

SCRIPT = Path(__file__).with_name("script.py")
NOTE = "\n".join(f"Line {n} of a note that nobody need read." for n in range(1, 1001))


Hand = Callable[[Any, Path], Awaitable[str]]


def loops(rounds: int, only: set[str]) -> Iterator[Figure]:
    """One agent of many turns, fan-out, and chain, all in this process."""
    cases: list[tuple[str, str, Hand, float]] = [
        ("turns-50", workflows.one_agent(50), lambda c, f: by_hand.one_agent(c, f, 50), 1.15),
        ("turns-500", workflows.one_agent(500), lambda c, f: by_hand.one_agent(c, f, 500), 1.15),
        ("fan-out-50", workflows.fan_out(50), lambda c, f: by_hand.fan_out(c, f, 50), 1.2),
        ("fan-out-200", workflows.fan_out(200), lambda c, f: by_hand.fan_out(c, f, 200), 1.2),
        ("chain-100", workflows.chain(100), lambda c, f: by_hand.chain(c, f, 100), 1.3),
    ]
    for name, workflow, hand, aim in cases:
        if only and name not in only:
            continue
        with MessagesProcess(SCRIPT, options=("--no-record",)) as server:
            point_at(server.base_url)
            yield compare(name, workflow, hand, rounds, aim)
            refused = server.stats()["refused"]
            if refused:
                raise RuntimeError(f"{name}: the API refused {refused} requests")


def compare(
    name: str, workflow: str, hand: Hand, rounds: int, aim: float, files: Mapping[str, str] = MappingProxyType({})
) -> Figure:
    """Both sides of one case; `files` are written beside the workflow."""
    ours, stream, lean = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(rounds + 1):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            (folder / "note.txt").write_text(NOTE)
            for file, text in {**files, "bench.yaml": workflow}.items():
                (folder / file).write_text(text)
            stream.append(timed(run_by_hand, hand, folder, "stream"))
            ours.append(timed(run_by_agentflow, folder))
            lean.append(timed(run_by_hand, hand, folder, "lean"))
    triples = list(zip(ours, stream, lean, strict=True))[1:]  # the first round warms all sides up
    return Figure(
        name,
        "s",
        statistics.median(a for a, _, _ in triples),
        statistics.median(b for _, b, _ in triples),
        tuple(a / b for a, b, _ in triples),
        aim,
        statistics.median(a / c for a, _, c in triples),
    )


def timed(work: Callable[..., None], *arguments: Any) -> float:
    gc.collect()
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def run_by_hand(hand: Hand, folder: Path, kind: str) -> None:
    import anthropic

    async def main() -> None:
        limits = anthropic.DefaultAsyncHttpxClient(limits=_limits())
        # Its own five seconds to connect are too few where a thousand connections begin at once.
        async with anthropic.AsyncAnthropic(max_retries=0, http_client=limits, timeout=600.0) as client:
            client.hand = kind  # type: ignore[attr-defined]  # which of the two ways
            assert await hand(client, folder)

    asyncio.run(main())


def _limits() -> Any:
    import httpx2

    return httpx2.Limits(max_connections=2000, max_keepalive_connections=2000)


def run_by_agentflow(folder: Path) -> None:
    from agentflow import api

    result = asyncio.run(api.run(folder / "bench.yaml"))
    if result.status != "done":
        raise RuntimeError(f"the run ended {result.status}: {result.failure}")


def point_at(base_url: str) -> None:
    os.environ["AGENTFLOW_ENDPOINT"], os.environ["ANTHROPIC_BASE_URL"] = "anthropic", base_url
    os.environ["ANTHROPIC_API_KEY"] = "benchmark"


def growth(only: set[str]) -> Iterator[Figure]:
    """What agentflow itself does in a turn, with a model that answers at once: the last 100 of 500 and the first."""
    if only and "growth-500" not in only:
        return
    from agentflow import api

    model = Instant(500)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "note.txt").write_text(NOTE)
        (folder / "bench.yaml").write_text(workflows.one_agent(500))
        result = asyncio.run(api.run(folder / "bench.yaml", options=api.RunOptions(model=model)))
    if result.status != "done":
        raise RuntimeError(f"the run ended {result.status}: {result.failure}")
    spans = [after - before for before, after in pairwise(model.asked)]
    first, last = statistics.median(spans[:100]), statistics.median(spans[-100:])
    yield Figure("growth-500", "s", last, first, (last / first,), 1.0)


class Instant:
    """A model that reads a line in every turn but its last, and notes when it was asked."""

    def __init__(self, turns: int) -> None:
        self.turns = turns
        self.asked: list[float] = []

    async def reply(self, request: Any, _on_text: Any = None) -> Any:
        from agentflow.events.values import Timings, Usage
        from agentflow.models.port import Reply

        self.asked.append(time.perf_counter())
        turn = request.turn
        call = {"file_path": "note.txt", "offset": turn, "limit": 1}
        content = {"type": "tool_use", "id": f"toolu_{turn}", "name": "Read", "input": call}
        if turn == self.turns:
            content = {"type": "text", "text": "That is all there is to say."}
        stop_reason = "end_turn" if turn == self.turns else "tool_use"
        timings = Timings(queued=0.0, first_byte=0.0, total=0.0)
        return Reply((content,), stop_reason, None, request.model, Usage(100 * turn, 20), None, timings)

    async def close(self) -> None:
        """There is nothing to close."""


def starts(rounds: int, only: set[str]) -> Iterator[Figure]:
    """Whole processes: `validate`, and `run` up to its first request."""
    with tempfile.TemporaryDirectory() as scratch, MessagesProcess(SCRIPT, options=("--no-record", "--hold")) as server:
        point_at(server.base_url)
        folder = Path(scratch)
        (folder / "bench.yaml").write_text(workflows.one_agent(1))
        client = [sys.executable, "-c", "import anthropic"]
        if not only or "start-run" in only:
            pairs = [(_first_request(folder, server), _process(client)) for _ in range(rounds + 1)][1:]
            yield _of_pairs("start-run", pairs, 1.1)
        if not only or "start-validate" in only:
            validate = [sys.executable, "-m", "agentflow", "validate", str(folder / "bench.yaml")]
            pairs = [(_process(validate), _process([sys.executable, "-c", "pass"])) for _ in range(rounds + 1)][1:]
            yield _of_pairs("start-validate", pairs, None)


def _of_pairs(name: str, pairs: list[tuple[float, float]], aim: float | None, unit: str = "s") -> Figure:
    ours, theirs = [a for a, _ in pairs], [b for _, b in pairs]
    ratios = tuple(a / b for a, b in pairs)
    return Figure(name, unit, statistics.median(ours), statistics.median(theirs), ratios, aim)


def _process(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def _first_request(folder: Path, server: MessagesProcess) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "agentflow", "run", str(folder / "bench.yaml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        server.until_in_flight(1)
        took = time.perf_counter() - began
        process.kill()
    while server.stats()["in_flight"]:
        time.sleep(0.01)
    return took


def memory(only: set[str]) -> Iterator[Figure]:
    """The peak of a process with many agents waiting on a slow model, all of their calls in flight."""
    for agents in (200, 1000):
        name = f"memory-{agents}"
        if only and name not in only:
            continue
        ours, theirs = (_peak(side, agents) for side in ("agentflow", "by-hand"))
        yield _of_pairs(name, [(ours, theirs)], 1.3, "MB")


def _peak(side: str, agents: int) -> float:
    """Peak resident memory in MB, read when all calls are in flight."""
    slow = ("--no-record", "--latency", "15")
    with tempfile.TemporaryDirectory() as scratch, MessagesProcess(SCRIPT, options=slow) as server:
        point_at(server.base_url)
        folder = Path(scratch)
        (folder / "note.txt").write_text(NOTE)
        (folder / "bench.yaml").write_text(workflows.fan_out(agents))
        command = [sys.executable, "-m", "benchmarks.fan_out", side, str(folder), str(agents)]
        with subprocess.Popen(command) as process:
            while server.stats()["in_flight"] < agents:
                time.sleep(0.05)
            status = Path(f"/proc/{process.pid}/status").read_text()
            process.kill()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) / 1024
