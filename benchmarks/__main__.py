"""`python -m benchmarks [NAME …] [--rounds N]`."""

import argparse
import platform

from benchmarks import bash, contexts, display, measure, pathological, sessions, validation
from benchmarks.figure import Figure

NAMES = (
    "turns-50",
    "turns-500",
    "fan-out-50",
    "fan-out-200",
    "chain-100",
    "growth-500",
    "start-run",
    "start-validate",
    "memory-200",
    "memory-1000",
    *validation.NAMES,
    *display.NAMES,
    *contexts.NAMES,
    *sessions.NAMES,
    *pathological.NAMES,
    *bash.NAMES,
)
GROUPS = {"validate": validation.NAMES, "context": contexts.NAMES, "sessions": (*sessions.NAMES, *pathological.NAMES)}
BESIDE = {
    "growth-500": "what agentflow itself does in a turn: in the last 100 turns, beside the first 100",
    "start-run": "a process up to its first request, beside one that imports the client",
    "start-validate": "a process that validates one small file, beside one that does nothing; the aim is 0.25 s",
    "memory-200": "peak with all calls in flight",
    **validation.BESIDE,
    **display.BESIDE,
    **contexts.BESIDE,
    **sessions.BESIDE,
    **pathological.BESIDE,
    **bash.BESIDE,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="agentflow beside the same work by hand")
    parser.add_argument(
        "names",
        nargs="*",
        choices=[*NAMES, *GROUPS, []],
        metavar="NAME",
        help=f"of {', '.join(NAMES)}, or {', '.join(GROUPS)}",
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count, after one that warms up")
    arguments = parser.parse_args()
    only, rounds = set(arguments.names), arguments.rounds
    for group in only & GROUPS.keys():
        only |= set(GROUPS[group])
    print(f"Python {platform.python_version()}, {platform.machine()}; medians of {rounds} rounds")
    print(f"{'':22}{'agentflow':>12}{'by hand':>12}{'ratio':>8}{'min':>7}{'max':>7}{'aim':>7}{'lean':>7}")
    figures = (
        measure.loops(rounds, only),
        measure.growth(only),
        measure.starts(rounds, only),
        measure.memory(only),
        validation.figures(rounds, only),
        display.figures(rounds, only),
        contexts.figures(only),
        sessions.figures(rounds, only),
        pathological.figures(only),
        bash.figures(rounds, only),
    )
    for part in figures:
        for figure in part:
            show(figure)
    print("by hand: as the client's documentation does it; lean: the ratio to the quickest way the client offers")
    for name, beside in BESIDE.items():
        if not only or name in only:
            print(f"{name}: {beside}")


def show(figure: Figure) -> None:
    aim, lean = (f"{value:.2f}" if value is not None else "" for value in (figure.aim, figure.lean))
    ours, other = (f"{value:.4f} {figure.unit:2}" for value in (figure.agentflow, figure.other))
    spread = f"{figure.ratio:8.2f}{min(figure.ratios):7.2f}{max(figure.ratios):7.2f}"
    print(f"{figure.name:22}{ours:>12}{other:>12}{spread}{aim:>7}{lean:>7}", flush=True)


if __name__ == "__main__":
    main()
