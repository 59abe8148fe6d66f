"""`python -m benchmarks [NAME …] [--rounds N]`."""

import argparse
import platform
import sys

from benchmarks import measure

NAMES = (
    "turns-50",
    "turns-500",
    "fan-out-50",
    "fan-out-200",
    "chain-100",
    "start-run",
    "start-validate",
    "memory-200",
    "memory-1000",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=measure.__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5, help="pairs that count, after one that warms up")
    arguments = parser.parse_args()
    only = set(arguments.names)
    print(f"Python {platform.python_version()}, {platform.machine()}; {arguments.rounds} rounds; ratios pair by pair")
    print(f"{'':16}{'agentflow':>12}{'by hand':>12}{'ratio':>8}{'min':>7}{'max':>7}{'aim':>7}")
    for part in (
        lambda: measure.loops(arguments.rounds, only),
        lambda: measure.starts(arguments.rounds, only),
        lambda: measure.memory(only),
    ):
        for figure in part():
            aim = "" if figure.aim is None else f"{figure.aim:.2f}"
            print(
                f"{figure.name:16}{figure.agentflow:10.3f} {figure.unit:1}{figure.by_hand:10.3f} {figure.unit:1}"
                f"{figure.ratio:8.2f}{min(figure.ratios):7.2f}{max(figure.ratios):7.2f}{aim:>7}"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
