"""One session of 500 turns, and 1,000 sessions at once: time, memory, and what a kill in the middle leaves.

`python -m benchmarks.sessions SIDE FOLDER SESSIONS` is one side of the thousand, in a process of its own.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import by_hand
from benchmarks.figure import Figure
from benchmarks.measure import point_at, run_by_agentflow, run_by_hand, timed
from tests.acceptance import many_sessions
from tests.messages_api import MessagesProcess

SESSIONS = 1_000
TURNS = 500
NAMES = ("sessions-turns-500", "sessions-1000", "sessions-1000-memory", "sessions-1000-killed")
BESIDE = {
    "sessions-turns-500": "one session whose every turn reads a dozen lines and says a sentence",
    "sessions-1000": "1,000 sessions of 4 turns and 4 tool calls, a command among them, all in flight at once",
    "sessions-1000-memory": "the peak of those processes; the line above the row says what one session takes",
    "sessions-1000-killed": "the same through the command line, killed when half has been asked and resumed, beside"
    " one that is not killed",
}
SCRIPT = Path(many_sessions.__file__)


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
    if not only or "sessions-turns-500" in only:
        yield _turns(min(rounds, 3))
    if not only or only & {"sessions-1000", "sessions-1000-memory"}:
        yield from _thousand()
    if not only or "sessions-1000-killed" in only:
        yield _killed()


def _turns(rounds: int) -> Figure:
    workflow = many_sessions.LONG.format(parallel=8, turns=TURNS)
    pairs = []
    with MessagesProcess(SCRIPT, options=("--no-record",)) as server, tempfile.TemporaryDirectory() as scratch:
        point_at(server.base_url)
        for number in range(rounds + 1):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            many_sessions.make_project(folder, workflow).rename(folder / "bench.yaml")
            hand = timed(run_by_hand, lambda client, place: by_hand.reader(client, place, TURNS), folder, "stream")
            ours = timed(run_by_agentflow, folder)
            pairs.append((ours, hand))
        left = many_sessions.left_by(folder, _runs(folder)[0])
        _require(left.said == many_sessions.said_by_reader(TURNS) and left.results == TURNS - 1, left)
        size = (folder / ".agentflow" / "journal.db").stat().st_size
        print(f"a journal of {size / 2**20:.1f} MB; {server.stats()['refused']} requests refused")
    return _figure("sessions-turns-500", pairs[1:], 1.15, "s")


def _thousand() -> Iterator[Figure]:
    one, ours, hand = _side("agentflow", 1), _side("agentflow", SESSIONS), _side("by-hand", SESSIONS)
    each = (ours["peak"] - one["peak"]) / SESSIONS * 1024
    print(
        f"{SESSIONS} sessions, {ours['requests']} requests; a session takes {each:.0f} kB at the peak: {ours['left']}"
    )
    yield _figure("sessions-1000", [(ours["seconds"], hand["seconds"])], 1.2, "s")
    yield _figure("sessions-1000-memory", [(ours["peak"], hand["peak"])], 1.3, "MB")


def _side(side: str, sessions: int) -> dict[str, Any]:
    """Seconds, the peak in MB and what is left, of a process of its own; all first requests are in flight at once."""
    with MessagesProcess(SCRIPT, options=("--no-record", "--hold")) as server, tempfile.TemporaryDirectory() as scratch:
        point_at(server.base_url)
        folder = Path(scratch)
        many_sessions.make_project(folder, many_sessions.MANY.format(parallel=sessions))
        command = [sys.executable, "-m", "benchmarks.sessions", side, scratch, str(sessions)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            while server.stats()["in_flight"] < sessions:
                _require(process.poll() is None, "it ended before all its requests were in flight")
                time.sleep(0.05)
            server.release()
            said, _ = process.communicate()
        _require(process.returncode == 0, said)
        told: dict[str, Any] = json.loads(said)
        stats = server.stats()
        told |= {"requests": stats["requests"], "left": ""}
        _require(stats["refused"] == 0, stats)
        if side == "agentflow":
            left = many_sessions.left_by(folder, _runs(folder)[0])
            told["left"] = _counts(left)
            _judge(left, sessions)
    return told


def _killed() -> Figure:
    seconds = []
    for killed in (False, True):
        server = MessagesProcess(SCRIPT, options=("--no-record",))
        with server, tempfile.TemporaryDirectory() as scratch:
            point_at(server.base_url)
            folder = Path(scratch)
            many_sessions.make_project(folder, many_sessions.MANY.format(parallel=SESSIONS))
            (folder / "numbers.json").write_text(json.dumps({"numbers": list(range(SESSIONS))}))
            began = time.perf_counter()
            _through_the_command_line(folder, server, killed=killed)
            seconds.append(time.perf_counter() - began)
            left = many_sessions.left_by(folder, _runs(folder)[0])
            _judge(left, SESSIONS)
            stats = server.stats()
            print(f"{'killed' if killed else 'whole'}: {_counts(left)}; {stats['requests']} requests")
            _require(stats["refused"] == 0, stats)
    return _figure("sessions-1000-killed", [(seconds[1], seconds[0])], None, "s")


def _through_the_command_line(folder: Path, server: MessagesProcess, *, killed: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    agentflow = [sys.executable, "-m", "agentflow"]
    quiet = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL}
    command = [*agentflow, "run", "--quiet", "sessions.yaml", "--inputs", "numbers.json"]
    with subprocess.Popen(command, **quiet) as process:  # type: ignore[call-overload]  # of options in a dict
        if killed:
            while process.poll() is None and server.stats()["requests"] < SESSIONS * many_sessions.TURNS_OF_MANY // 2:
                time.sleep(0.02)
            _require(process.poll() is None, "it ended before it could be killed")
            process.kill()
        process.wait()
    if killed:
        subprocess.run([*agentflow, "resume", "--quiet", _runs(folder)[0]], check=True, **quiet)  # type: ignore[call-overload]  # likewise


def _runs(folder: Path) -> list[str]:
    from agentflow import api

    journal = api.open_journal(folder)
    try:
        return [each.run for each in journal.runs()]
    finally:
        journal.close()


def _judge(left: many_sessions.Left, sessions: int) -> None:
    whole = left.said == many_sessions.said_by_many(sessions) and left.results == 4 * sessions
    _require(whole and left.status == "done" and not left.doubled and not left.lost, _counts(left))


def _counts(left: many_sessions.Left) -> str:
    return (
        f"{left.sessions} sessions, {left.results} tool results, {left.lost} lost, {left.doubled} doubled,"
        f" {left.unknown} told as unknown"
    )


def _require(holds: bool, what: object) -> None:
    if not holds:
        raise RuntimeError(f"not what it must be: {what}")


def _figure(name: str, pairs: list[tuple[float, float]], aim: float | None, unit: str) -> Figure:
    middle = sorted(pairs)[len(pairs) // 2]
    return Figure(name, unit, *middle, tuple(ours / other for ours, other in pairs), aim)


def main() -> None:
    """One side: prints its seconds and its peak in MB."""
    side, folder, sessions = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    began = time.perf_counter()
    if side == "agentflow":
        from agentflow import api

        result = asyncio.run(api.run(folder / "sessions.yaml", {"numbers": list(range(sessions))}))
        _require(result.status == "done", result.failure)
    else:
        from agentflow.engine.open_files import allow_open_files

        allow_open_files(sessions)
        run_by_hand(lambda client, place: by_hand.many(client, place, sessions), folder, "stream")
    seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))


if __name__ == "__main__":
    main()
