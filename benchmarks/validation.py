"""Validating, beside the time that PyYAML's pure loader takes to read the same bytes, and what hostile files take.

`python -m benchmarks.validation SIDE FILE` is one side of the memory figure, in a process of its own.
"""

import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import yaml

from agentflow import api
from benchmarks.figure import Figure
from tests.acceptance import hostile_files

NAMES = (
    "validate-1000",
    "validate-10000",
    "validate-nest",
    "validate-growth",
    "validate-memory",
    "hostile",
)
BESIDE = {
    "validate-1000": "1,000 files of 100 lines, beside PyYAML's pure loader (yaml.SafeLoader) reading the same bytes",
    "validate-10000": "one file of 10,000 steps, beside the same loader",
    "validate-nest": "twenty files of blocks 50 deep, beside the same loader",
    "validate-growth": "1,000 of 10,000 steps, beside 1,000 alone; without Python's garbage collector",
    "validate-memory": "peak of a process that checks 10,000 steps, beside one in which the loader reads them",
    "hostile": "the slowest of the hostile files, beside the tenth of a second that each may take",
}
_STEPS_OF_100_LINES = 24
_MOST = 0.1


def workflow(steps: int) -> bytes:
    """A file of four lines a step, each of which reads one before it."""
    text = "agentflow: 1\nname: bench\nagents:\n  writer: {instructions: Write.}\nsteps:\n"
    for number in range(steps):
        before = f"{{{{ steps.s{number // 2}.output }}}}" if number else "the beginning"
        text += (
            f"  s{number}:\n    agent: writer\n    description: Number {number}.\n    prompt: Go on from {before}.\n"
        )
    return text.encode()


def nest(depth: int) -> bytes:
    """Blocks inside each other, each giving what the one in it gives."""
    return hostile_files.blocks(depth, "{value: '1'}").encode()


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        cases = {"validate-1000": [workflow(_STEPS_OF_100_LINES)] * 1_000, "validate-10000": [workflow(10_000)]}
        cases["validate-nest"] = [nest(50)] * 20
        for name, sources in cases.items():
            if not only or name in only:
                yield _beside_the_loader(name, folder, sources, min(rounds, 3))
        if not only or "validate-growth" in only:
            yield _growth(folder, rounds)
        if not only or "validate-memory" in only:
            yield _memory(folder)
        if not only or "hostile" in only:
            yield _hostile(folder, min(rounds, 3))


def _written(folder: Path, sources: Sequence[bytes]) -> list[Path]:
    files = [folder / f"w{number}.yaml" for number in range(len(sources))]
    for file, source in zip(files, sources, strict=True):
        file.write_bytes(source)
    return files


def check(files: Sequence[Path]) -> None:
    """Checks files that are valid."""
    for file in files:
        checked = api.check(file)
        if not checked.ok:
            raise RuntimeError(f"{file}: {checked.diagnostics[0]}")


def load(files: Sequence[Path]) -> None:
    """Reads files as PyYAML does without its C part."""
    for file in files:
        yaml.load(file.read_bytes(), Loader=yaml.SafeLoader)


def _timed(work: Callable[[Sequence[Path]], None], files: Sequence[Path]) -> float:
    gc.collect()
    began = time.perf_counter()
    work(files)
    return time.perf_counter() - began


def _beside_the_loader(name: str, folder: Path, sources: Sequence[bytes], rounds: int) -> Figure:
    files = _written(folder, sources)
    check(files[:1])
    pairs = [(_timed(check, files), _timed(load, files)) for _ in range(rounds)]
    return _figure(name, pairs, 1.0)


def _growth(folder: Path, rounds: int) -> Figure:
    large, small = folder / "large.yaml", folder / "small.yaml"
    large.write_bytes(workflow(10_000))
    small.write_bytes(workflow(1_000))
    check([small])
    # The collector walks over all that is alive, again and again: ours is the work that is left without it.
    gc.disable()
    try:
        pairs = [(_timed(check, [large]) / 10, _timed(check, [small] * 10) / 10) for _ in range(rounds)]
    finally:
        gc.enable()
    return _figure("validate-growth", pairs, 1.1)


def _figure(name: str, pairs: Sequence[tuple[float, float]], aim: float | None, unit: str = "s") -> Figure:
    ours, others = zip(*pairs, strict=True)
    ratios = tuple(a / b for a, b in pairs)
    return Figure(name, unit, statistics.median(ours), statistics.median(others), ratios, aim)


def _memory(folder: Path) -> Figure:
    file = folder / "memory.yaml"
    file.write_bytes(workflow(10_000))
    command = [sys.executable, "-m", "benchmarks.validation"]
    peaks = [
        int(subprocess.run([*command, side, str(file)], check=True, capture_output=True).stdout) / 1024
        for side in ("check", "load")
    ]
    return _figure("validate-memory", [(peaks[0], peaks[1])], None, "MB")


def _hostile(folder: Path, rounds: int) -> Figure:
    """The slowest of the table, of each the best of some rounds."""
    hostile_files.make_project(folder)
    project = folder / "project"
    took = {}
    here = Path.cwd()
    os.chdir(project)
    try:
        for name, case in hostile_files.TEXTS.items():
            took[name] = _best(project / "hostile.yaml", hostile_files.source_of(case), rounds)
        for name, (text, _) in hostile_files.NAMED.items():
            took[name] = _best(project / "hostile.yaml", text.encode(), rounds)
    finally:
        os.chdir(here)
    slowest = max(took, key=took.__getitem__)
    print(f"{len(took)} hostile files; the slowest is {slowest}")
    return Figure("hostile", "s", took[slowest], _MOST, (took[slowest] / _MOST,), 1.0)


def _best(file: Path, source: bytes, rounds: int) -> float:
    file.write_bytes(source)
    return min(_timed(lambda files: [api.check(one) for one in files] and None, [file]) for _ in range(rounds))


def main() -> None:
    """One side of the memory figure: prints the peak in KiB."""
    side, file = sys.argv[1:]
    {"check": check, "load": load}[side]([Path(file)])
    status = Path("/proc/self/status").read_text()
    print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


if __name__ == "__main__":
    main()
